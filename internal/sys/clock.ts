/** Time and chance, as things that can be handed in. */
import { dlopen, FFIType } from "bun:ffi";
import { Memory, pointer } from "./_libc.ts";

const { clock_gettime } = dlopen("libc.so.6", { clock_gettime: { args: [FFIType.i32, "ptr"], returns: FFIType.i32 } }).symbols;

const CLOCK_MONOTONIC = 1;
/** struct timespec: two numbers of 64 bits. */
const timespec = new Memory(16);

export interface Clock {
  /** Wall clock: milliseconds since 1970, UTC. For what is recorded and shown. */
  now(): number;
  /** Milliseconds of a clock that never jumps. For intervals. */
  monotonicMilliseconds(): number;
  /** Calls back once, after so many milliseconds of the clock that never jumps; what it returns calls it off. */
  after(milliseconds: number, action: () => void): () => void;
}

/** A timer counts milliseconds in 31 bits (setTimeout): whoever waits for longer is called back earlier, and looks at the clock. */
const LONGEST_TIMER = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMilliseconds: () => performance.now(),
  after: (milliseconds, action) => {
    const timer = setTimeout(action, Math.min(milliseconds, LONGEST_TIMER));
    return () => clearTimeout(timer);
  },
};

/** CLOCK_MONOTONIC, the same for all threads and processes: nanoseconds since some moment. (Bun's process.hrtime begins at 0 in every thread.) */
export function monotonicNanoseconds(): bigint {
  // clock_gettime(2): this clock is always there, and the address is good.
  clock_gettime(CLOCK_MONOTONIC, pointer(timespec.address));
  return timespec.view.getBigInt64(0, true) * 1_000_000_000n + timespec.view.getBigInt64(8, true);
}

export const randomHex = (bytes: number): string => crypto.getRandomValues(new Uint8Array(bytes)).toHex();

export const randomUuid = (): string => crypto.randomUUID();
