/** The power cuts as a kind of fault. */

import type { FaultKind, FaultOptions, FaultRow } from "../fault-row.ts";
import { sample } from "../faults/sweep.ts";
import type { FileSystem } from "../volume.ts";
import { type Cut, type CutOptions, cutName, cutOf, cutsOf } from "./cut.ts";
import { type PowerResult, runPowerCase } from "./power-case.ts";
import { Recording } from "./recording.ts";
import { STEPS } from "./steps.ts";

const FILE_SYSTEMS: readonly FileSystem[] = ["ext4", "xfs", "btrfs"];
const QUICK_CASES = 30;
const SAID_EVERY = 50;
/** xfs and btrfs take turns: each is cut at so many points of the full run. */
const OTHER_CASES = 250;

/** Runs cases side by side; results in the order in which they end. */
export async function cutPower(
  recording: Recording,
  cuts: readonly Cut[],
  { jobs, ...options }: CutOptions & { readonly jobs: number },
  onResult: (result: PowerResult) => void = () => undefined,
): Promise<readonly PowerResult[]> {
  const results: PowerResult[] = [];
  const left = cuts.values();
  const runner = async (): Promise<void> => {
    for (const cut of left) {
      const result = await runPowerCase(recording, cut, options);
      results.push(result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, cuts.length) }, runner));
  return results;
}

const allCuts = ({ log }: Recording): Cut[] =>
  cutsOf(
    log,
    STEPS.map(({ name }) => name),
  );

const sum = (results: readonly PowerResult[], of: (result: PowerResult) => number): number =>
  results.reduce((total, result) => total + of(result), 0);

async function powerRow(kind: FileSystem, chosen: (all: Cut[]) => Cut[], { seed, jobs, say }: FaultOptions): Promise<FaultRow> {
  using recording = await Recording.make(kind);
  const all = allCuts(recording);
  const cuts = chosen(all);
  const fault = `the power cut, on ${kind}`;
  say(`${fault}: ${cuts.length} of ${all.length} cuts`);
  let done = 0;
  const results = await cutPower(recording, cuts, { seed, jobs }, ({ name, failures }) => {
    done += 1;
    if (done % SAID_EVERY === 0) say(`${fault}: ${done} of ${cuts.length}`);
    if (failures.length === 0) return;
    say(`${fault}: ${name} failed (scripts/faults --seed=${seed} --case=power:${kind}:${name}):`);
    for (const failure of failures) say(`  ${failure}`);
  });
  return {
    fault,
    tried: results.length,
    disturbed: results.length,
    torn: sum(results, ({ torn }) => torn),
    lost: sum(results, ({ lost }) => lost),
    falseCurrent: sum(results, ({ falseCurrent }) => falseCurrent),
    failed: results.filter(({ failures }) => failures.length > 0).length,
  };
}

/** The power is cut at every flush; of the rest a part is kept. */
export const powerCuts: FaultKind = async (options) => {
  const rows: FaultRow[] = [];
  for (const kind of FILE_SYSTEMS) {
    const count = options.quick ? QUICK_CASES : kind === "ext4" ? Number.POSITIVE_INFINITY : OTHER_CASES;
    rows.push(await powerRow(kind, (all) => sample(all, count, options.seed), options));
  }
  return rows;
};

/** One case by its name ("power:ext4:sync:12:some-writes"); undefined for what is none. */
export function powerCase(name: string): FaultKind | undefined {
  const [, kindName, cutText = ""] = /^power:(\w+):(.+)$/.exec(name) ?? [];
  const kind = FILE_SYSTEMS.find((one) => one === kindName);
  const cut = cutOf(cutText);
  if (kind === undefined || cut === undefined) return undefined;
  return async (options) => [await powerRow(kind, (all) => all.filter((one) => cutName(one) === cutName(cut)), options)];
}
