/**
 * What must hold when the churn is over and everything has converged, looked at by python3: every replica has what its origin is, every row that says `current` is true (also of files that are gone
 * at the origin), every copy that was ever seen is still there, and nothing is left behind.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { World } from "../world.ts";
import { lawsBroken, lookAtWorld } from "../worlds/mod.ts";

export interface TheEnd {
  readonly torn: number;
  readonly lost: number;
  readonly falseCurrent: number;
  /** In words. */
  readonly failures: readonly string[];
}

/** The copies at a replica, by their whole paths. */
export const copiesAt = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !join(entry.parentPath, entry.name).includes("/.xtelemdb-"))
    .map((entry) => join(entry.parentPath, entry.name));

/** `versions`: SHA-256 of everything that a file has ever been; `seen`: copies that were there at some time. */
export function lookAtTheEnd(
  world: World,
  replicas: readonly string[],
  versions: readonly string[],
  seen: ReadonlySet<string>,
): TheEnd {
  const places = Object.fromEntries(replicas.map((replica) => [world.path(replica), world.path(replica)]));
  const looked = lookAtWorld(world, { versions, places, known: [...seen] });
  const origin = [...world.tree("data")].filter(([, { kind }]) => kind === "file");
  const behind = replicas.flatMap((replica) =>
    origin.flatMap(([path, entry]) => {
      const copy = join(world.copies(replica), path);
      return entry.kind === "file" && looked.copies[copy]?.[1] === entry.sha256 ? [] : [`not what its origin is: ${copy}`];
    }),
  );
  // Files that are gone at the origin belong to the churn.
  const failures = [
    ...lawsBroken({ ...looked, absent: 0 }),
    ...behind,
    ...looked.temporary.map((path) => `left behind: ${path}`),
  ];
  return { torn: looked.torn.length, lost: looked.lost.length, falseCurrent: looked.falseCurrent.length, failures };
}
