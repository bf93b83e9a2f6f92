/**
 * The hands: a thread that lists directories, copies files and looks at volumes with calls that may block. It reads the inventory through a connection of
 * its own, writes nothing to it, decides nothing, and can be killed at any moment.
 */
import { parentPort, workerData } from "node:worker_threads";
import { closeAllConnections } from "../volume/mod.ts";
import { Performer } from "./perform.ts";
import type { FromWorker, TaskMessage, ToWorker, WorkerSetup } from "./worker-protocol.ts";

const port = parentPort;
if (port === null) throw new Error("worker.ts is started by the controller, as a thread");
// Only the controller starts workers, and it hands over exactly this.
const setup = workerData as WorkerSetup;
const credits = new Int32Array(setup.credits);
const stop = new Int32Array(setup.stop);
const givenUp = new Int32Array(setup.givenUp);
const atSource = new BigInt64Array(setup.atSource);
const isGivenUp = (): boolean => Atomics.load(givenUp, 0) !== 0;
const performer = new Performer(setup.inventory, () => Atomics.load(stop, 0) !== 0 || isGivenUp(), {
  isGivenUp,
  atSource: (file) => void Atomics.store(atSource, 0, BigInt(file ?? 0)),
});

const send = (message: FromWorker): void => port.postMessage(message);

/** Waits until the controller has committed enough of what was sent: a fast walk must not pile up in memory. */
function takeCredit(): void {
  for (;;) {
    const left = Atomics.load(credits, 0);
    if (left > 0) {
      Atomics.sub(credits, 0, 1);
      return;
    }
    Atomics.wait(credits, 0, left);
  }
}

async function perform({ id, task }: TaskMessage): Promise<void> {
  // The controller has given the rest to others.
  if (Atomics.load(givenUp, 0) !== 0) return send({ id, kind: "reply", reply: { kind: "broken", detail: "it was given up" } });
  try {
    const reply = await performer.perform(task, {
      differences: (differences) => {
        takeCredit();
        send({ id, kind: "differences", differences });
      },
      found: (batch) => {
        takeCredit();
        send({ id, kind: "found", batch });
      },
      progress: (files, bytes, path) => send({ id, kind: "progress", files, bytes, path }),
      alive: () => send({ id, kind: "alive" }),
    });
    send({ id, kind: "reply", reply });
  } catch (exception) {
    // A bug of ours: told to the controller, which ends with it, instead of dying with the thread.
    const detail = exception instanceof Error ? (exception.stack ?? exception.message) : String(exception);
    send({ id, kind: "reply", reply: { kind: "broken", detail } });
  }
}

/** Children whose end nobody has heard of would stay as zombies for as long as the program runs. */
const end = async (): Promise<void> => {
  await closeAllConnections();
  // With nothing left to hear the thread ends.
  port.close();
};

/** One task after the other, although handling a message may wait for a volume. */
let last: Promise<void> = Promise.resolve();
port.on("message", (message: ToWorker) => {
  if (message === "end") void end();
  else last = last.then(() => perform(message));
});
