/** How long until a replica is looked at again. */
import type { Replica } from "../config/mod.ts";
import { backoffMilliseconds } from "../replicate/mod.ts";
import type { Agent } from "./agent.ts";

/** What was left untried without a reason is not tried again in the same breath: milliseconds. */
export const AGAIN_AFTER = 1_000;

/** A replica that is there and idle is looked at again after this: its disk may have been pulled out. */
const LOOK_AGAIN_LOCAL = 30_000;
/** A disk that is not there is looked for this often, at the least. */
const LOOK_FOR_LOCAL = 30_000;

type Target = Pick<Replica, "target">;

/** Of one that is there, in milliseconds. `interval`: between two scans. */
export const lookAgainAfter = ({ target }: Target, interval: number): number =>
  target.kind === "local" ? Math.min(LOOK_AGAIN_LOCAL, interval) : interval;

/** Of one that could not be used so often in a row, in milliseconds; undefined: its declaration is gone. */
export function waitAfter(
  attempts: number,
  replica: Target | undefined,
  { state, random }: Pick<Agent, "state" | "random">,
): number {
  const longest = replica?.target.kind === "local" ? LOOK_FOR_LOCAL : state.scan.intervalMilliseconds;
  return Math.min(longest, backoffMilliseconds(attempts, random()));
}
