/**
 * Waits for inotify in a thread of its own and hands what it reads to the controller. While nothing happens it is blocked in poll(2) and costs nothing;
 * while the controller is busy it stops reading, and the kernel's bounded queue holds what comes, or says that it overflowed.
 */
import { parentPort, workerData } from "node:worker_threads";
import { decodeEvents, errnoText, IoBuffer, waitAndRead } from "../sys/mod.ts";
import { type FromWatchThread, STATE, type WatchThreadSetup } from "./watch-protocol.ts";

/** Some hundreds of events, or thousands with short names. */
const BUFFER_BYTES = 1 << 16;
/** While events come in one after the other they are taken together, this long. */
const GATHER_MILLISECONDS = 10;

const port = parentPort;
if (port === null) throw new Error("watch-thread.ts is started by the controller, as a thread");
// Only the controller starts this thread, and it hands over exactly this.
const { inotify, wakeup, state: shared } = workerData as WatchThreadSetup;
const state = new Int32Array(shared);
const buffer = new IoBuffer(BUFFER_BYTES);

const send = (message: FromWatchThread): void => port.postMessage(message);

/** Closing gives a credit too. */
function takeCredit(): void {
  while (Atomics.load(state, STATE.credits) <= 0) Atomics.wait(state, STATE.credits, 0);
  Atomics.sub(state, STATE.credits, 1);
}

/** One batch; false when it was the last. */
function next(): boolean {
  takeCredit();
  const read = waitAndRead(inotify, wakeup, buffer);
  if (read.isErr()) {
    const { call, code } = read.error;
    send({ kind: "broken", detail: `${call}: ${errnoText(code)} (${code})` });
    return false;
  }
  if (read.value === undefined) return false;
  const { overflowed, ...events } = decodeEvents(read.value);
  send({ kind: "events", events, overflowed });
  Atomics.wait(state, STATE.closing, 0, GATHER_MILLISECONDS);
  return true;
}

/** Through the event loop, so that nothing of the runtime's own waits for ever. */
const run = (): void => {
  if (next()) setImmediate(run);
};
run();
