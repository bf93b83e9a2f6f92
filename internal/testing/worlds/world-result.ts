/** What came of one case of a world, and how cases become a row. */
import type { FaultOptions, FaultRow } from "../fault-row.ts";
import { rowOf } from "../faults/mod.ts";

export interface WorldResult {
  /** By which the case is found again. */
  readonly name: string;
  /** False: the run was over before anything was done to its world. */
  readonly disturbed: boolean;
  readonly torn: number;
  readonly lost: number;
  readonly falseCurrent: number;
  /** Everything that was wrong, in words; empty when nothing was. */
  readonly failures: readonly string[];
}

/** A case that can be run, alone or with others. */
export interface WorldCase {
  readonly name: string;
  readonly run: () => Promise<WorldResult>;
}

async function result({ name, run }: WorldCase): Promise<WorldResult> {
  try {
    return await run();
  } catch (error) {
    return { name, disturbed: false, torn: 0, lost: 0, falseCurrent: 0, failures: [String(error)] };
  }
}

/** Runs cases side by side; each that fails is named as it can be run alone. */
export async function worldRow(fault: string, cases: readonly WorldCase[], { jobs, say }: FaultOptions): Promise<FaultRow> {
  const results: WorldResult[] = [];
  const left = cases.values();
  const runner = async (): Promise<void> => {
    for (const one of left) {
      const came = await result(one);
      results.push(came);
      if (came.failures.length === 0) continue;
      say(`${fault}: failed: scripts/faults --case=${came.name}`);
      for (const failure of came.failures) say(`  ${failure}`);
    }
  };
  say(`${fault}: ${cases.length} cases`);
  await Promise.all(Array.from({ length: Math.min(jobs, cases.length) }, runner));
  return rowOf(fault, results);
}
