/** What an error may cost: only what was struck (law 6), and what is pending for it has a reason (law 7). */
import type { Explanation } from "../../agent/mod.ts";
import { jsonOf } from "../world.ts";
import type { FaultWorld } from "./fault-world.ts";
import type { Findings } from "./invariants.ts";

/** Where an error struck. */
type Struck =
  | { readonly kind: "replica"; readonly index: number }
  | { readonly kind: "source"; readonly place: string | undefined }
  | { readonly kind: "elsewhere" };

/** `line`: the call as strace recorded it. */
export function whereStruck(world: FaultWorld, line: string): Struck {
  if (world.scene !== "local") return { kind: "replica", index: 1 };
  const paths = line.match(/(?<=[<"])\/[^>"]*(?=[>"])/g) ?? [];
  const last = paths.at(-1);
  const path = last === undefined ? undefined : last;
  const index = world.replicas.findIndex((root) => paths.some((one) => one === root || one.startsWith(`${root}/`)));
  if (index >= 0) return { kind: "replica", index };
  if (path?.startsWith(world.data) !== true) return { kind: "elsewhere" };
  return { kind: "source", place: world.pendingPlaces.find((place) => world.originPath(place) === path) };
}

/** Everything that should have been done in spite of the errors, and was not: what none of them struck. */
export function notIsolated(world: FaultWorld, lines: readonly string[], findings: Findings): string[] {
  const [first = [], ...rest] = lines.map((line) => missingBeside(world, line, findings));
  return first
    .filter((missing) => rest.every((other) => other.some(({ path }) => path === missing.path)))
    .map(({ path, why }) => `${why}: ${path}`);
}

interface Missing {
  readonly path: string;
  readonly why: string;
}

/** What is missing although the error of this one call cannot have cost it. */
function missingBeside(world: FaultWorld, line: string, { finished }: Findings): readonly Missing[] {
  const struck = whereStruck(world, line);
  const missing = (index: number, places: readonly string[]): string[] => {
    const root = world.replicas[index] ?? "";
    return places.map((place) => `${root}/${place}`).filter((path) => finished[path] === undefined);
  };
  const near =
    world.scene === "local"
      ? world.pendingPlaces
      : world.pendingPlaces.filter((place) => world.originPath(place).startsWith(`${world.data}/`));
  switch (struck.kind) {
    case "replica":
      return missing(1 - struck.index, near).map((path) => ({
        path,
        why: `struck at ${world.replicas[struck.index]}, and missing elsewhere`,
      }));
    case "source": {
      if (struck.place === undefined) return [];
      const others = near.filter((place) => place !== struck.place);
      return [0, 1]
        .flatMap((index) => missing(index, others))
        .map((path) => ({ path, why: `struck at ${struck.place}, and missing` }));
    }
    case "elsewhere":
      return [];
  }
}

/** The first quiet file that is not everywhere must be explained. */
export async function unexplained(world: FaultWorld, { finished }: Findings): Promise<string[]> {
  // What has changed at an origin host that cannot be reached is not known yet, and its data directory says so.
  const known = world.pendingPlaces.filter((one) => world.originPath(one).startsWith(`${world.data}/`));
  const place = known.find((one) => world.replicas.some((root) => finished[`${root}/${one}`] === undefined));
  if (place === undefined) return [];
  const outcome = await world.run("explain", "--json", world.originPath(place));
  const { files, unknown } = jsonOf<Explanation>(outcome);
  if (unknown !== null) return unknown.message === "" ? [`${place} is unknown, without a reason`] : [];
  const pending = files.flatMap(({ replicas }) => replicas).filter((replica) => replica.pending);
  const silent = pending.filter(({ message }) => message === "");
  return [
    ...silent.map(({ url }) => `${place} is pending at ${url}, without a reason`),
    ...(pending.length === 0 && files.every(({ state, unseen }) => state === "settled" && unseen === null)
      ? [`${place} is not finished, and pending nowhere`]
      : []),
  ];
}
