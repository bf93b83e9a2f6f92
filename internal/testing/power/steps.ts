/** What is done while the disks are recorded: a day in the life of a replica, one command a step. */
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../program.ts";
import type { FileDescription } from "../tree.ts";
import type { Ground } from "./ground.ts";
import type { PowerWorld } from "./power-world.ts";
import type { DiskName } from "./recorded-disks.ts";

export interface Step {
  readonly name: string;
  /** What happens to the disks before; durable unless `unflushed` names the disk. */
  readonly prepare?: (world: PowerWorld) => void;
  readonly unflushed?: readonly DiskName[];
  readonly command: (world: PowerWorld) => readonly string[];
  /** How the command ends when nothing happens. */
  readonly code?: number;
  /** It is run once more after a cut, and may end so. Left out of what the next sync does anyway. */
  readonly again?: readonly number[];
  /** What it proves holds only where a volume can be flushed as a whole. */
  readonly wholeOnly?: true;
  /** Somebody else has written copies: only what rows say of them is judged. */
  readonly foreign?: true;
  /** The origin itself loses what it had not flushed: whatever it is then, the copies that are whole stay so. */
  readonly freshOrigin?: true;
}

const many = (count: number, of: (index: number) => FileDescription): FileDescription[] =>
  Array.from({ length: count }, (_, index) => of(index));

/** As a disk does it: the times stay. `aside`: a file that can be made. */
function turnBit(file: string, aside: string): void {
  command("touch", "-r", file, aside);
  const bytes = readFileSync(file);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  command("touch", "-r", aside, file);
}

const removeInventory = (world: PowerWorld): void => {
  for (const end of ["", "-wal", "-shm", ".lock"]) rmSync(world.database + end, { force: true });
};

const STEPS: readonly Step[] = [
  {
    name: "add-replica",
    prepare: (world) => {
      world.declareHost();
      world.files(
        ...many(9, (index) => ({ path: `d${index % 3}/${index}`, size: 900 * index, seed: index })),
        { path: "gone/1", content: "to be deleted" },
        { path: "large", size: 700_000, seed: 90 },
      );
    },
    command: (world) => ["add_replica", world.replica],
    again: [0, 2],
  },
  { name: "first-sync", command: () => ["sync"] },
  {
    name: "sync",
    prepare: (world) => {
      rmSync(world.path("data/gone"), { recursive: true });
      world.files(
        ...[1, 2, 5, 7].map((index) => ({ path: `d${index % 3}/${index}`, size: 1100 * index, seed: 100 + index })),
        ...many(6, (index) => ({ path: `new/deep/${index}`, size: 5000 * index, seed: 200 + index })),
        { path: "large", size: 800_000, seed: 91 },
      );
    },
    command: () => ["sync"],
  },
  {
    name: "verify",
    prepare: (world) => {
      for (const path of ["d0/3", "new/deep/4"]) {
        turnBit(join(world.path("backup"), world.copyPath(path)), world.path("times"));
      }
      rmSync(join(world.path("backup"), world.copyPath("d1/4")));
    },
    command: () => ["verify"],
    code: 3,
    again: [0, 3],
  },
  { name: "repair", command: () => ["sync"] },
  {
    name: "fresh",
    prepare: (world) => {
      const begun = [0, 1, 2].map((index) => `fresh/begun-${index}`);
      world.files(...begun.map((path, index) => ({ path, size: 10_000 * index, seed: 400 + index })));
      command("sync", "-f", world.path("data"));
      for (const path of begun) appendFileSync(world.path(`data/${path}`), "x".repeat(30_000));
      world.files(...many(5, (index) => ({ path: `fresh/${index}`, size: 20_000 * index + 5, seed: 410 + index })));
    },
    unflushed: ["data"],
    command: () => ["sync"],
    freshOrigin: true,
  },
  { name: "backup", command: (world) => ["inventory", "backup", `to=${world.path("state/saved.db")}`], again: [0, 1, 2, 4] },
  {
    name: "restore",
    prepare: (world) => {
      rmSync(world.path("data/new"), { recursive: true });
      rmSync(world.path("data/d0/3"));
    },
    command: () => ["restore"],
    again: [0],
  },
  {
    name: "rebuild",
    prepare: removeInventory,
    command: () => ["inventory", "rebuild"],
    again: [0, 4],
  },
  {
    name: "import",
    prepare: (world) => {
      removeInventory(world);
      rmSync(world.path("backup/.xtelemdb-manifest"), { recursive: true });
      // What another tool copied a moment ago, and did not flush.
      world.files(...many(4, (index) => ({ path: `theirs/${index}`, size: 9000 + index, seed: 300 + index })));
      cpSync(world.path("data/theirs"), join(world.path("backup"), world.copyPath("theirs")), {
        recursive: true,
        preserveTimestamps: true,
      });
    },
    unflushed: ["backup"],
    command: () => ["import_origins"],
    again: [0, 3],
    // Elsewhere every single file would have to be opened for it.
    wholeOnly: true,
    foreign: true,
  },
];

export const stepsOn = ({ far, behindFuse }: Ground): readonly Step[] =>
  STEPS.filter(({ wholeOnly }) => wholeOnly !== true || !(far || behindFuse === true));
