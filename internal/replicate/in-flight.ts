/** Works on many items at a time, within a fixed number of them and of their bytes. */
import type { CopyRequest } from "./copy-request.ts";

/** Of the files that are copied at a time: what a slow far end has not taken yet lies in memory. */
const BYTES_IN_FLIGHT = 32 << 20;
const BYTES_OF_ONE_FILE = 4 << 20;

/** What one file counts for: only so much of it is on the way at a time. */
export const bytesInFlight = ({ evidence }: CopyRequest): number => Math.min(evidence.size, BYTES_OF_ONE_FILE);

export interface InFlightLimits {
  readonly items: number;
  readonly bytes: number;
}

export const limitsOf = (items: number): InFlightLimits => ({ items, bytes: BYTES_IN_FLIGHT });

/**
 * Performs `action` on each item, in order of their beginning, until one answers "stop"; then no new one begins, and those that have begun are waited for. An
 * item that is larger than the limit goes alone.
 */
export async function forEachInFlight<Item>(
  items: readonly Item[],
  limits: InFlightLimits,
  bytesOf: (item: Item) => number,
  action: (item: Item) => Promise<"go on" | "stop">,
): Promise<void> {
  if (limits.items === 1) {
    for (const item of items) if ((await action(item)) === "stop") return;
    return;
  }
  let running = 0;
  let bytes = 0;
  let stopped = false;
  let next = 0;
  await new Promise<void>((resolve, reject) => {
    const pump = (): void => {
      for (; !stopped && running < limits.items; next++) {
        const item = items[next];
        if (item === undefined) break;
        const cost = bytesOf(item);
        if (running > 0 && bytes + cost > limits.bytes) break;
        running += 1;
        bytes += cost;
        action(item).then((answer) => {
          running -= 1;
          bytes -= cost;
          stopped ||= answer === "stop";
          pump();
        }, reject);
      }
      if (running === 0 && (stopped || next >= items.length)) resolve();
    };
    pump();
  });
}
