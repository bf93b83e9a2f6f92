/**
 * When to try again: exponential from 10 s to 1 h, with up to a fifth of jitter, so that many failures do not come back in one moment
 * (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
 */
const FIRST_MILLISECONDS = 10_000;
const LONGEST_MILLISECONDS = 3_600_000;
const JITTER = 0.2;

/** Nobody waits longer than this for the next attempt. */
export const LONGEST_BACKOFF_MILLISECONDS = LONGEST_MILLISECONDS * (1 + JITTER);

/** Milliseconds to wait after the `attempts`th failure in a row (1, 2, ...). `jitter`: a random number in 0..1. */
export function backoffMilliseconds(attempts: number, jitter: number): number {
  const wait = Math.min(LONGEST_MILLISECONDS, FIRST_MILLISECONDS * 2 ** Math.min(attempts - 1, 20));
  return Math.round(wait * (1 + jitter * JITTER));
}
