/** The power cuts as a kind of fault. */

import { chosenCases } from "../chosen-cases.ts";
import { type FaultKind, type FaultOptions, type FaultRow, faultLine } from "../fault-row.ts";
import { type Cut, type CutOptions, cutOf, cutsOf } from "./cut.ts";
import { GROUNDS, type Ground } from "./ground.ts";
import { type PowerResult, runPowerCase } from "./power-case.ts";
import { Recording } from "./recording.ts";

const QUICK_CASES = 15;
const SAID_EVERY = 50;

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

/** Every cut of a recording. */
export const allCuts = ({ log, steps }: Recording): Cut[] => cutsOf(log, [...steps.keys()]);

const sum = (results: readonly PowerResult[], of: (result: PowerResult) => number): number =>
  results.reduce((total, result) => total + of(result), 0);

async function powerRow(
  ground: Ground,
  chosen: (all: Cut[]) => readonly Cut[],
  { seed, jobs, say }: FaultOptions,
): Promise<FaultRow> {
  using recording = await Recording.make(ground);
  const all = allCuts(recording);
  const cuts = chosen(all);
  const where = ground.far ? "over ssh" : ground.behindFuse ? "behind FUSE" : `on ${ground.name}`;
  const fault = `the power cut, ${where}`;
  say(`${fault}: ${cuts.length} of ${all.length} cuts`);
  let done = 0;
  const results = await cutPower(recording, cuts, { seed, jobs }, ({ name, failures }) => {
    done += 1;
    if (done % SAID_EVERY === 0) say(`${fault}: ${done} of ${cuts.length}`);
    if (failures.length === 0) return;
    say(`${fault}: ${name} failed (scripts/faults --seed=${seed} --case=power:${ground.name}:${name}):`);
    for (const failure of failures) say(`  ${failure}`);
  });
  const row: FaultRow = {
    fault,
    tried: results.length,
    of: all.length,
    disturbed: results.length,
    torn: sum(results, ({ torn }) => torn),
    lost: sum(results, ({ lost }) => lost),
    falseCurrent: sum(results, ({ falseCurrent }) => falseCurrent),
    failed: results.filter(({ failures }) => failures.length > 0).length,
  };
  say(faultLine(row));
  return row;
}

/** The power is cut at every flush; of the rest a part is kept. */
export const powerCuts: FaultKind = async (options) => {
  const rows: FaultRow[] = [];
  for (const ground of GROUNDS) rows.push(await powerRow(ground, (all) => chosenCases(all, QUICK_CASES, options), options));
  return rows;
};

/** One case by its name ("power:ext4:sync:12:some-writes"); undefined for what is none. */
export function powerCase(name: string): FaultKind | undefined {
  const [, word, cutText = ""] = /^power:(\w+):(.+)$/.exec(name) ?? [];
  const ground = GROUNDS.find((one) => one.name === word);
  const cut = cutOf(cutText);
  if (ground === undefined || cut === undefined) return undefined;
  return async (options) => [await powerRow(ground, () => [cut], options)];
}
