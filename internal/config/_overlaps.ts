/** Directories that lie in each other: what no single one of them shows to be wrong. Only names are compared; links are the agent's to follow. */
import type { Mistakes } from "./_mistakes.ts";
import type { Host, HostName, Replica } from "./desired-state.ts";
import { isWithin } from "./names.ts";

/** The path and all above it. */
function atAndAbove(path: string): string[] {
  const names = path.split("/").slice(1);
  return path === "/" ? ["/"] : ["/", ...names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`)];
}

/** A tree inside another would be copied twice, or into itself. */
export function checkOverlaps(
  hosts: readonly Host[],
  replicas: readonly Replica[],
  own: HostName | undefined,
  mistakes: Mistakes,
): void {
  for (const host of hosts) {
    const firstAt = new Map<string, number>();
    for (const [index, path] of host.dataDirectories.entries()) if (!firstAt.has(path)) firstAt.set(path, index);
    host.dataDirectories.forEach((path, index) => {
      const outers = atAndAbove(path).flatMap((other) => firstAt.get(other) ?? []);
      const outer = Math.min(...outers.filter((at) => at !== index));
      if (outer === Number.POSITIVE_INFINITY) return;
      const where = ["hosts", host.name, "data_dirs", index];
      const message =
        path === host.dataDirectories[outer]
          ? `the data directory ${JSON.stringify(path)} is listed twice`
          : `the data directory ${JSON.stringify(path)} lies in ${JSON.stringify(host.dataDirectories[outer])}`;
      mistakes.add(where, "value", message, "keep one: whatever lies in a data directory is covered with it");
    });
    if (host.name !== own) continue;
    for (const { target, written } of replicas) {
      if (target.kind !== "local") continue;
      const overlapping = host.dataDirectories.find((path) => isWithin(target.root, path) || isWithin(path, target.root));
      if (overlapping === undefined) continue;
      mistakes.add(
        ["replicas", written],
        "key",
        `the replica ${JSON.stringify(written)} and the data directory ${JSON.stringify(overlapping)} lie in each other: the copies would be copied again`,
        "put the replica on a disk of its own",
      );
    }
  }
  for (const { target, written } of replicas) {
    if (target.kind !== "local") continue;
    const outer = replicas.find(
      (other) => other.target.kind === "local" && other.target.root !== target.root && isWithin(target.root, other.target.root),
    );
    if (outer === undefined) continue;
    mistakes.add(
      ["replicas", written],
      "key",
      `the replica ${JSON.stringify(written)} lies in the replica ${JSON.stringify(outer.written)}`,
      "give each replica a place of its own",
    );
  }
}
