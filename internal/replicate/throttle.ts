/**
 * A limit of bytes a second that several workers share. The one shared number is the time at which everything that was granted so far will have been
 * written at the allowed rate; who wants to write adds its share to it and waits until then (a token bucket in its "virtual scheduling" form, ITU-T I.371, annex A).
 */
import { monotonicNanoseconds } from "../sys/mod.ts";

/** What was not used is kept for so long: less than a second, so that a second's bytes never exceed the limit by more than a part of it. */
const BURST_NANOSECONDS = 100_000_000n;
const SECOND = 1_000_000_000;

export class Throttle {
  readonly #granted: BigInt64Array<SharedArrayBuffer>;

  /** `shared`: eight bytes, the same for all who share the limit. */
  constructor(
    shared: SharedArrayBuffer,
    private readonly bytesPerSecond: number,
  ) {
    this.#granted = new BigInt64Array(shared);
  }

  /** Takes the right to write so many bytes now; the nanoseconds to wait first. */
  reserve(bytes: number, now: bigint): bigint {
    const cost = BigInt(Math.ceil((bytes / this.bytesPerSecond) * SECOND));
    for (;;) {
      const granted = Atomics.load(this.#granted, 0);
      const from = granted > now - BURST_NANOSECONDS ? granted : now - BURST_NANOSECONDS;
      if (Atomics.compareExchange(this.#granted, 0, granted, from + cost) === granted) return from > now ? from - now : 0n;
    }
  }

  /** The same, and waits. */
  async take(bytes: number): Promise<void> {
    const wait = this.reserve(bytes, monotonicNanoseconds());
    if (wait > 0n) await Bun.sleep(Number(wait / 1_000_000n));
  }
}
