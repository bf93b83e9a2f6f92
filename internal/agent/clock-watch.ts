/** Notices that the wall clock was set, by comparing it with the clock that never jumps. */
import type { TimeBounds } from "../inventory/mod.ts";
import { LONGEST_BACKOFF_MILLISECONDS } from "../replicate/mod.ts";
import type { Clock } from "../sys/mod.ts";

/** A clock that is brought in line bit by bit (adjtime(3)) is not set: that makes no more than this between two looks. */
const SET_FROM_MILLISECONDS = 2_000;

export class ClockWatch {
  #offset: number;
  #setAt: number | undefined;

  constructor(private readonly clock: Clock) {
    this.#offset = clock.now() - clock.monotonicMilliseconds();
  }

  /** When it was last set, in its new time (seconds since 1970); undefined when it never was. */
  get setAt(): number | undefined {
    return this.#setAt;
  }

  /** By how many milliseconds it was set since the last time this was asked; 0 when it was not. */
  moved(): number {
    const offset = this.clock.now() - this.clock.monotonicMilliseconds();
    const by = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(by) < SET_FROM_MILLISECONDS) return 0;
    this.#setAt = this.clock.now() / 1000;
    return Math.round(by);
  }
}

/** What no time in the inventory may lie beyond, however the wall clock stood when it was kept. `now`: milliseconds since 1970. */
export const timeBounds = (now: number): TimeBounds => ({ now, latestAttempt: now + LONGEST_BACKOFF_MILLISECONDS });
