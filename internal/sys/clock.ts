/** Time and chance, as things that can be handed in. */
import { randomBytes, randomUUID } from "node:crypto";

export interface Clock {
  /** Wall clock: milliseconds since 1970, UTC. For what is recorded and shown. */
  now(): number;
  /** Milliseconds of a clock that never jumps. For intervals. */
  monotonicMilliseconds(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonicMilliseconds: () => performance.now() };

/** CLOCK_MONOTONIC, the same for all threads: nanoseconds since some moment. */
export const monotonicNanoseconds = (): bigint => process.hrtime.bigint();

export const randomHex = (bytes: number): string => randomBytes(bytes).toString("hex");

export const randomUuid = (): string => randomUUID();
