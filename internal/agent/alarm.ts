/** Waiting, with a clock that is handed in: nothing in the controller sleeps, it waits to be woken. */
import type { Clock } from "../sys/mod.ts";

/** Wakes whoever waits: by a ring, at a time, or because everything ends. A ring while nobody waits is kept for the next who does. */
export class Alarm {
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.#wake?.(), { once: true });
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** `until`: milliseconds of the clock that never jumps. May return early: whoever waits looks again at what there is to do. */
  async wait(until = Number.POSITIVE_INFINITY): Promise<void> {
    const milliseconds = until - this.clock.monotonicMilliseconds();
    if (!this.#rung && !this.signal.aborted && milliseconds > 0) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          cancel();
          this.#wake = undefined;
          resolve();
        };
        const cancel = Number.isFinite(milliseconds) ? this.clock.after(milliseconds, done) : () => undefined;
        this.#wake = done;
      });
    }
    this.#rung = false;
  }
}

/** Runs something at once when it is asked for, but not more often than so: whoever asks in between is served at the end of the time. */
export class Throttled {
  #running: Promise<void> | undefined;
  #again = false;
  #isClosed = false;
  #notBefore = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly milliseconds: number,
    private readonly action: () => Promise<void>,
  ) {}

  trigger(): void {
    if (this.#isClosed) return;
    if (this.#running !== undefined) this.#again = true;
    else if (this.#cancel === undefined) {
      const wait = this.#notBefore - this.clock.monotonicMilliseconds();
      if (wait <= 0) void this.#run();
      else {
        this.#cancel = this.clock.after(wait, () => {
          this.#cancel = undefined;
          void this.#run();
        });
      }
    }
  }

  /** Whoever asks from now on is not served; resolves when what runs has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#running;
  }

  #run(): Promise<void> {
    this.#notBefore = this.clock.monotonicMilliseconds() + this.milliseconds;
    this.#running = this.action().finally(() => {
      this.#running = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.trigger();
    });
    return this.#running;
  }
}

/** Waits until the work has ended, well or not, but no longer than so many milliseconds, nor past the signal, which may live much longer. */
export function endedWithin(clock: Clock, milliseconds: number, work: Promise<unknown>, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const ended = (): void => {
      cancel();
      signal?.removeEventListener("abort", ended);
      resolve();
    };
    const cancel = clock.after(milliseconds, ended);
    signal?.addEventListener("abort", ended, { once: true });
    work.then(ended, ended);
  });
}
