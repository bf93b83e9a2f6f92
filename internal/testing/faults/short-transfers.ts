/**
 * Short reads and short writes, at the source, at the replica, or at both. strace cannot make them: it changes what a call answers, not what it does. A file system can
 * (short.py).
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { FaultKind, FaultRow } from "../fault-row.ts";
import { mountFuse } from "../fuse-volume.ts";
import { temporaryFiles } from "../tree.ts";
import { World } from "../world.ts";
import type { CaseResult } from "./fault-case.ts";
import { rowOf, sayResults } from "./kinds.ts";

const PLACES = [["data"], ["backup"], ["data", "backup"]] as const;
const CASES = 30;
const QUICK_CASES = 3;

/** Sizes around what is read at once (1 MiB) and where files are no longer small. */
const SIZES = [0, 1, 2, 4095, 4096, 70_000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_001];

/** Runs one: a first copy, a changed one, a reading back. */
export async function shortTransfers(seed: number): Promise<CaseResult> {
  const places = PLACES[seed % PLACES.length] ?? PLACES[0];
  using world = new World();
  const failures: string[] = [];
  const mounted = await Promise.all(
    places.map(async (name) => {
      mkdirSync(world.path(`behind-${name}`));
      return await mountFuse(join(import.meta.dir, "short.py"), world.path(name), world.path(`behind-${name}`), String(seed));
    }),
  );
  const expectDone = async (what: string): Promise<void> => {
    const outcome = await world.sync();
    if (outcome.code !== 0)
      failures.push(
        `${what}: the sync ends with ${outcome.code}: ${outcome.stdout.slice(0, 300)}${outcome.stderr.slice(0, 300)}`,
      );
  };
  const files = (round: number) =>
    SIZES.map((size, index) => ({ path: `d${index % 2}/${index}`, size, seed: seed + round * 100 + index }));
  // Made behind it: short writes are for the program to cope with.
  const tree = places.some((name) => name === "data") ? "behind-data" : "data";
  world.makeTree(tree, files(0));
  await expectDone("first copies");
  world.makeTree(
    tree,
    files(1).filter((_, index) => index % 3 === 0),
  );
  await expectDone("changed copies");
  const verified = await world.run("verify");
  if (verified.code !== 0) failures.push(`verify ends with ${verified.code}: ${verified.stdout.slice(0, 300)}`);
  for (const volume of mounted) await volume.unmount();
  const replica = places.some((name) => name === "backup") ? "behind-backup" : "backup";
  const origin = world.tree(tree);
  const copies = world.tree(`${replica}/${world.copies("").slice(world.folder.length + 1)}`);
  const torn = [...origin]
    .filter(([path, { kind, sha256 }]) => kind === "file" && copies.get(path)?.sha256 !== sha256)
    .map(([path]) => path);
  failures.push(
    ...torn.map((path) => `not what its source is: ${path}`),
    ...temporaryFiles(world.path(replica)).map((path) => `left behind: ${path}`),
  );
  return { name: `short:${seed}`, fault: "error", disturbed: true, torn: torn.length, lost: 0, falseCurrent: 0, failures };
}

/** The case of a name such as "short:7"; undefined for what is none. */
export const shortCaseOf = (name: string): number | undefined => {
  const [, seed] = /^short:(\d+)$/.exec(name) ?? [];
  return seed === undefined ? undefined : Number(seed);
};

export const shortKind: FaultKind = async (options) => {
  const count = options.cases ?? (options.quick ? QUICK_CASES : CASES);
  return [
    await shortRow(
      Array.from({ length: count }, (_, index) => options.seed + index),
      options,
    ),
  ];
};

export async function shortRow(seeds: readonly number[], options: Parameters<FaultKind>[0]): Promise<FaultRow> {
  const fault = "reads and writes that transfer less than asked";
  const say = sayResults(fault, seeds.length, options);
  const results: CaseResult[] = [];
  for (const seed of seeds) {
    const result = await shortTransfers(seed);
    results.push(result);
    say(result);
  }
  return rowOf(fault, results);
}
