/** The sweeps as kinds of faults. */
import type { FaultKind, FaultOptions, FaultRow } from "../fault-row.ts";
import type { CaseResult, FaultCase } from "./fault-case.ts";
import { crashCases, errorCases, pointsOfWorld, sample, sweep } from "./sweep.ts";

const QUICK_CASES = 60;
const SAID_EVERY = 50;

const sum = (results: readonly CaseResult[], of: (result: CaseResult) => number): number =>
  results.reduce((total, result) => total + of(result), 0);

/** Runs these cases, says which failed, and counts. */
export async function sweepRow(fault: string, cases: readonly FaultCase[], { jobs, say }: FaultOptions): Promise<FaultRow> {
  let done = 0;
  const results = await sweep(cases, jobs, (result) => {
    done += 1;
    if (done % SAID_EVERY === 0) say(`${fault}: ${done} of ${cases.length}`);
    if (result.failures.length === 0) return;
    say(`${fault}: ${result.name} failed (scripts/faults --case=${result.name}):`);
    for (const failure of result.failures) say(`  ${failure}`);
  });
  return {
    fault,
    tried: results.length,
    disturbed: results.filter(({ disturbed }) => disturbed).length,
    torn: sum(results, ({ torn }) => torn),
    lost: sum(results, ({ lost }) => lost),
    falseCurrent: sum(results, ({ falseCurrent }) => falseCurrent),
    failed: results.filter(({ failures }) => failures.length > 0).length,
  };
}

const sweepKind =
  (fault: string, casesOf: typeof crashCases): FaultKind =>
  async (options) => {
    const points = await pointsOfWorld();
    options.say(`${fault}: ${points.length} points`);
    const all = casesOf(points);
    return [await sweepRow(fault, options.quick ? sample(all, QUICK_CASES, options.seed) : all, options)];
  };

/** Killed at every call that changes something. */
export const crashSweep: FaultKind = sweepKind("killed at a system call", crashCases);

/** Each error at every call that changes something. */
export const errorSweep: FaultKind = sweepKind("an error from a system call", (points) => errorCases(points));
