/** The middle of a run: the program is stopped when so much stands at a replica, something is done to its world, and it goes on. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Outcome, Running } from "../program.ts";
import { until } from "../until.ts";

/** The files below a folder, temporary ones and all; what changes meanwhile may be left out. */
function namesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? namesBelow(join(folder, entry.name)) : [entry.name],
    );
  } catch {
    return [];
  }
}

export const countBelow = (folder: string): number => namesBelow(folder).length;

export interface Middle {
  /** False: the run was over before. */
  readonly disturbed: boolean;
  readonly outcome: Outcome;
}

/** `isReached`: looked at again and again while the program runs. `deed`: is done while the program stands still; what it gives is done after it goes on. */
export async function disturbInTheMiddle(
  running: Running,
  isReached: () => boolean,
  deed: () => Promise<(() => Promise<void>) | undefined>,
): Promise<Middle> {
  let ended = false;
  void running.ended.then(() => {
    ended = true;
  });
  await until("the middle of the run", () => ended || isReached(), 60_000);
  if (ended) return { disturbed: false, outcome: await running.ended };
  running.signal("SIGSTOP");
  let then: (() => Promise<void>) | undefined;
  try {
    then = await deed();
  } finally {
    running.signal("SIGCONT");
  }
  await then?.();
  return { disturbed: true, outcome: await running.ended };
}
