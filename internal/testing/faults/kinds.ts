/** The sweeps as kinds of faults. */
import { chosenCases } from "../chosen-cases.ts";
import { type FaultKind, type FaultOptions, type FaultRow, faultLine } from "../fault-row.ts";
import type { CaseResult } from "./fault-case.ts";
import { type FaultCase, type FaultPoint, SCENES, type Scene } from "./scene.ts";
import { crashCases, errorCases, pointsOf, sweep } from "./sweep.ts";

const QUICK_CASES = 20;
const SAID_EVERY = 50;

/** As much of a result as a row counts. */
type Counted = Omit<CaseResult, "name" | "fault">;

const sum = (results: readonly Counted[], of: (result: Counted) => number): number =>
  results.reduce((total, result) => total + of(result), 0);

/** Counts what came of the cases of a row. */
export const rowOf = (fault: string, results: readonly Counted[]): FaultRow => ({
  fault,
  tried: results.length,
  disturbed: results.filter(({ disturbed }) => disturbed).length,
  torn: sum(results, ({ torn }) => torn),
  lost: sum(results, ({ lost }) => lost),
  falseCurrent: sum(results, ({ falseCurrent }) => falseCurrent),
  failed: results.filter(({ failures }) => failures.length > 0).length,
});

/** Says how far a row is, and what failed in it. `repeat`: how a case is run again, from its name. */
export function sayResults(fault: string, total: number, { say }: FaultOptions): (result: CaseResult) => void {
  let done = 0;
  return (result) => {
    done += 1;
    if (done % SAID_EVERY === 0) say(`${fault}: ${done} of ${total}`);
    if (result.failures.length === 0) return;
    say(`${fault}: ${result.name} failed (scripts/faults --case=${result.name}):`);
    for (const failure of result.failures) say(`  ${failure}`);
  };
}

/** Runs these cases of one scene, says which failed, and counts. */
export async function sweepRow(
  fault: string,
  scene: Scene,
  cases: readonly FaultCase[],
  options: FaultOptions,
): Promise<FaultRow> {
  return rowOf(fault, await sweep(scene, cases, options.jobs, sayResults(fault, cases.length, options)));
}

type CasesOf = (points: readonly FaultPoint[], seed: number) => FaultCase[];

const sweepKind =
  (names: Readonly<Record<Scene, string>>, casesOf: CasesOf): FaultKind =>
  async (options) => {
    const rows: FaultRow[] = [];
    for (const scene of SCENES) {
      const all = casesOf(await pointsOf(scene), options.seed);
      const cases = chosenCases(all, QUICK_CASES, options);
      options.say(`${names[scene]}: ${cases.length} of ${all.length} cases`);
      const row = { ...(await sweepRow(names[scene], scene, cases, options)), of: all.length };
      options.say(faultLine(row));
      rows.push(row);
    }
    return rows;
  };

/** Killed at every call that changes something. */
export const crashSweep: FaultKind = sweepKind(
  {
    local: "killed at a system call",
    ssh: "killed while it sends to the far end",
    "far-end": "the far end's server killed at a system call",
  },
  crashCases,
);

/** Errors at every call. */
export const errorSweep: FaultKind = sweepKind(
  {
    local: "an error from a system call",
    ssh: "an error on the way to the far end",
    "far-end": "an error from a system call of the far end's server",
  },
  errorCases,
);
