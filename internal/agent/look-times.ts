/** How long until a replica is looked at again. */
import type { Replica } from "../config/mod.ts";

/** A replica that is there and idle is looked at again after this: its disk may have been pulled out. */
const LOOK_AGAIN_LOCAL = 30_000;
/** A disk that is not there is looked for this often, at the least. */
const LOOK_FOR_LOCAL = 30_000;

type Target = Pick<Replica, "target">;

/** Of one that is there, in milliseconds. `interval`: between two scans. */
export const lookAgainAfter = ({ target }: Target, interval: number): number =>
  target.kind === "local" ? Math.min(LOOK_AGAIN_LOCAL, interval) : interval;

/** Of one that is not: however often it was looked for in vain, no longer than this, in milliseconds. */
export const longestWait = ({ target }: Target, interval: number): number =>
  target.kind === "local" ? LOOK_FOR_LOCAL : interval;
