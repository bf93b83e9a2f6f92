/**
 * Time that stands still until it is told to go on. Two clocks, as in the world: one that never jumps, and a wall clock that somebody can set.
 *
 * Promises: timers are called in the order of their time, and of their making; nothing is called while time stands still.
 */
import type { Clock } from "../../sys/mod.ts";

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

export class SimulatedClock implements Clock {
  #elapsed = 0;
  #wall: number;
  #timers: Timer[] = [];
  #changes = 0;

  /** `wall`: milliseconds since 1970. */
  constructor(wall: number) {
    this.#wall = wall;
  }

  now(): number {
    return this.#wall;
  }

  monotonicMilliseconds(): number {
    return this.#elapsed;
  }

  after(milliseconds: number, action: () => void): () => void {
    const timer = { at: this.#elapsed + Math.max(0, milliseconds), action };
    const later = this.#timers.findIndex(({ at }) => at > timer.at);
    this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer);
    this.#changes += 1;
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
      this.#changes += 1;
    };
  }

  /** Grows whenever a timer is made or called off: who waits for quiet sees by it that somebody is still at work. */
  get changes(): number {
    return this.#changes;
  }

  /** Somebody sets the wall clock. */
  jump(milliseconds: number): void {
    this.#wall += milliseconds;
  }

  /** Goes on to the next timer and calls it, but not beyond `until` of the clock that never jumps. False when there was none: it is `until` now. */
  step(until: number): boolean {
    const next = this.#timers[0];
    if (next === undefined || next.at > until) {
      this.#goTo(until);
      return false;
    }
    this.#timers.shift();
    this.#changes += 1;
    this.#goTo(next.at);
    next.action();
    return true;
  }

  /** Whoever waits is dead: nobody is called any more. */
  forget(): void {
    this.#timers = [];
    this.#changes += 1;
  }

  #goTo(elapsed: number): void {
    const by = Math.max(0, elapsed - this.#elapsed);
    this.#elapsed += by;
    this.#wall += by;
  }
}
