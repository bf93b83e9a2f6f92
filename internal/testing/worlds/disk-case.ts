/** One disk, one deed, in the middle of a run: what holds then, what is said of it, and what heals when it is undone. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Explanation } from "../../agent/mod.ts";
import { type Declaration, HOST, jsonOf, MARKER } from "../world.ts";
import { COUNTS_INODES, DISK_KINDS, Disk, type DiskKind } from "./disk.ts";
import { lawsBroken } from "./look.ts";
import { countBelow, disturbInTheMiddle } from "./middle.ts";
import { notHealed, SmallWorld } from "./small-world.ts";
import type { WorldResult } from "./world-result.ts";

export const DEEDS = ["unmounted", "read-only", "swapped", "another", "full", "no-inodes", "died"] as const;
export type Deed = (typeof DEEDS)[number];

export const DEED_WORDS: Readonly<Record<Deed, string>> = {
  unmounted: "unmounted",
  "read-only": "made read-only",
  swapped: "swapped for an empty one",
  another: "swapped for another replica's",
  full: "filled up",
  "no-inodes": "out of inodes",
  died: "dead",
};

export const isPossible = (kind: DiskKind, deed: Deed): boolean =>
  deed === "died" ? kind === "vfat" : deed !== "no-inodes" || COUNTS_INODES.includes(kind);

export interface DiskCase {
  readonly kind: DiskKind;
  readonly deed: Deed;
  /** So many files stand at the replica, finished or not, more than before. */
  readonly after: number;
}

export const diskCaseName = ({ kind, deed, after }: DiskCase): string => `disk:${kind}:${deed}:${after}`;

export function diskCaseOf(name: string): DiskCase | undefined {
  const [, kindWord, deedWord, after] = /^disk:(\w+):([\w-]+):(\d+)$/.exec(name) ?? [];
  const kind = DISK_KINDS.find((one) => one === kindWord);
  const deed = DEEDS.find((one) => one === deedWord);
  return kind === undefined || deed === undefined ? undefined : { kind, deed, after: Number(after) };
}

/** What the next run says of a replica whose disk is still so; any of these. */
const REASONS_THEN: Readonly<Record<Deed, readonly string[]>> = {
  unmounted: ["MarkerMissing"],
  "read-only": ["ReadOnly"],
  swapped: ["MarkerMissing"],
  another: ["MarkerOfAnotherReplica"],
  full: ["NoSpace", "FilesFailed"],
  "no-inodes": ["NoInodes"],
  died: ["VolumeFailed"],
};

const OTHER_MARKER = { format: 1, uuid: "00000000-0000-4000-8000-000000000000", created: "2020-01-01T00:00:00.000Z" };

/** Does it, and gives how it is undone. */
async function does(
  disk: Disk,
  deed: Deed,
): Promise<{ readonly whileItRuns?: () => Promise<void>; readonly undo: () => Promise<void> }> {
  switch (deed) {
    case "unmounted":
      disk.hide();
      return { undo: async () => disk.show() };
    case "swapped":
    case "another": {
      disk.hide();
      const other = await Disk.make(disk.path, "tmpfs", "other");
      if (deed === "another") writeFileSync(join(other.path, MARKER), JSON.stringify(OTHER_MARKER));
      return {
        undo: async () => {
          other.hide();
          disk.show();
        },
      };
    }
    case "read-only":
      return { whileItRuns: () => disk.makeReadOnly(), undo: async () => disk.makeWritable() };
    case "full":
    case "no-inodes":
      disk.fill(deed === "full" ? "bytes" : "inodes");
      return { undo: async () => disk.empty() };
    case "died":
      await disk.die();
      return { undo: () => disk.revive() };
  }
}

const SLOW: Declaration = { replicas: ["backup", "second"], replicaKeys: { backup: { bandwidth: "2 MB" } } };
const USUAL: Declaration = { replicas: ["backup", "second"] };

export async function runDiskCase(given: DiskCase): Promise<WorldResult> {
  const { kind, deed, after } = given;
  using world = new SmallWorld(USUAL);
  const disk = await Disk.make(world.path("backup"), kind);
  const backup = world.path("backup");
  const places = { [backup]: backup, [world.path("second")]: world.path("second") };
  const hidden = { ...places, [backup]: disk.hidden };
  world.before();
  const first = await world.sync();
  if (first.code !== 0) throw new Error(`the world of disks cannot be made: ${first.stdout}${first.stderr}`);
  world.look(hidden);
  world.after();
  const origin = world.originFiles();
  world.declare(SLOW);
  const failures: string[] = [];
  const there = countBelow(disk.hidden);
  let undo: () => Promise<void> = async () => undefined;
  const { disturbed, outcome } = await disturbInTheMiddle(
    world.start("sync"),
    () => countBelow(disk.hidden) >= there + after,
    async () => {
      const done = await does(disk, deed);
      undo = done.undo;
      return done.whileItRuns;
    },
  );
  if (![0, 3].includes(outcome.code ?? -1))
    failures.push(`it ends with ${outcome.code} ${outcome.signal}: ${outcome.stderr.slice(0, 500)}`);
  const reachable = deed === "died" ? { [world.path("second")]: world.path("second") } : hidden;
  const looked = world.look(reachable);
  failures.push(...lawsBroken(looked));
  if (JSON.stringify(world.originFiles()) !== JSON.stringify(origin)) failures.push("the origin was changed");
  world.declare(USUAL);
  if (disturbed) failures.push(...(await saidOf(world, disk, given)));
  const between = world.look(reachable);
  failures.push(...lawsBroken(between));
  await undo();
  failures.push(...(await notHealed(world, hidden, between, USUAL)));
  return {
    name: diskCaseName(given),
    disturbed,
    torn: looked.torn.length + between.torn.length,
    lost: looked.lost.length + between.lost.length,
    falseCurrent: looked.falseCurrent.length + between.falseCurrent.length,
    failures,
  };
}

/** The disk is well, and what was written to it before it was noticed to be away is on it. */
const AWAY: readonly Deed[] = ["unmounted", "swapped", "another"];

/** A run while it is still so: the reason is the right one, the other replica is finished, and what is pending has a reason. */
async function saidOf(world: SmallWorld, disk: Disk, { deed }: DiskCase): Promise<string[]> {
  const failures: string[] = [];
  // The disturbed run may have done all before it noticed.
  world.make([{ path: "d1/new", size: 700_000, seed: 77 }]);
  world.make([{ path: "d0/new", size: 9000, seed: 78 }]);
  // What was finished on a disk that was taken away is the program's own all the same.
  if (AWAY.includes(deed)) world.rewrite();
  const run = await world.sync();
  if (run.code !== 3)
    failures.push(`a run while it is so ends with ${run.code}: ${run.stdout.slice(0, 300)}${run.stderr.slice(0, 300)}`);
  const reason = world.readyReason("backup");
  if (!REASONS_THEN[deed].includes(reason))
    failures.push(
      `the reason is ${reason}: ${JSON.stringify(world.replicaStatus("backup").conditions.find(({ type }) => type === "Ready")?.message)}`,
    );
  if (world.readyReason("second") !== "Converged") failures.push(`the other replica is ${world.readyReason("second")}`);
  const explained = jsonOf<Explanation>(await world.run("explain", "--json", `${world.data}/d1/new`));
  const at = explained.files[0]?.replicas.find(({ url }) => url === world.path("backup"));
  if (at?.pending !== true || at.message === "" || at.message.includes("waits for its turn"))
    failures.push(`what is pending has no reason: ${JSON.stringify(at?.message)}`);
  if (deed === "unmounted" && !disk.placeIsEmpty) failures.push("something was written where the disk is not mounted");
  if (["swapped", "another"].includes(deed) && countBelow(`${disk.path}/${HOST}`) > 0)
    failures.push("something was written to the disk that is there instead");
  return failures;
}
