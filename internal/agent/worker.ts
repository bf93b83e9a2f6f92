/**
 * The hands: a thread that lists directories, copies files and looks at volumes with calls that may block. It reads the inventory through a connection of
 * its own, writes nothing to it, decides nothing, and can be killed at any moment.
 */
import { parentPort, workerData } from "node:worker_threads";
import { type DirectoryDifference, inventoryErrorMessage, openInventoryForReading, type Session } from "../inventory/mod.ts";
import { CopyBuffers, checkReplica, cleanReplica, copyGroup } from "../replicate/mod.ts";
import { DirectoryScan, ExcludePatterns, emptyCounts, ListingsAhead } from "../scan/mod.ts";
import { openVolume, volumeErrorMessage } from "../volume/mod.ts";
import { packResult, unpackGroup } from "./copy-messages.ts";
import type { FromWorker, Reply, ScanReply, ScanTask, Task, ToWorker, WorkerSetup } from "./worker-protocol.ts";

/** Differences are sent on when they hold this many files. */
const FILES_PER_MESSAGE = 10_000;
const PROBLEMS_PER_REPLY = 100;
const PROGRESS_EVERY_MILLISECONDS = 200;

const port = parentPort;
if (port === null) throw new Error("worker.ts is started by the controller, as a thread");
// Only the controller starts workers, and it hands over exactly this.
const setup = workerData as WorkerSetup;
const credits = new Int32Array(setup.credits);
const buffers = new CopyBuffers();
let session: Session | undefined;

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

async function scan(id: number, task: ScanTask): Promise<Reply> {
  if (session === undefined) {
    const opened = openInventoryForReading(setup.inventory);
    if (opened.isErr()) return { kind: "broken", detail: inventoryErrorMessage(opened.error) };
    session = opened.value;
  }
  const volume = await openVolume(task.address);
  const counts = emptyCounts();
  if (volume.isErr()) {
    const problem = { path: task.target.root, code: volume.error.reason, message: volumeErrorMessage(volume.error) };
    return { kind: "scan", counts, subdirectories: [], problems: [problem], patterns: [], rotating: false, rootProblem: problem };
  }
  const patterns = new ExcludePatterns(task.exclude);
  const subdirectories: string[] = [];
  const problems: ScanReply["problems"][number][] = [];
  let differences: DirectoryDifference[] = [];
  let files = 0;
  const flush = (): void => {
    if (differences.length === 0) return;
    takeCredit();
    send({ id, kind: "differences", differences });
    differences = [];
    files = 0;
  };
  const root = task.target.root;
  const ahead = volume.value.filesInFlight > 1 ? new ListingsAhead(volume.value, task.directories, root) : volume.value;
  const directoryScan = new DirectoryScan(ahead, session, task.target, patterns, task.rule, {
    counts,
    difference: (difference) => {
      differences.push(difference);
      files += difference.names.length;
      if (files >= FILES_PER_MESSAGE) flush();
    },
    subdirectory: (path) => subdirectories.push(path),
    problem: (problem) => {
      if (problems.length < PROBLEMS_PER_REPLY) problems.push(problem);
    },
  });
  for (const path of task.directories) await directoryScan.scan(path);
  const { rotating } = volume.value;
  volume.value.close();
  flush();
  return { kind: "scan", counts, subdirectories, problems, patterns: patterns.takeCounts(), rotating };
}

async function perform(id: number, task: Task): Promise<Reply> {
  switch (task.kind) {
    case "scan":
      return scan(id, task);
    case "check-replica": {
      const result = await checkReplica(task.request);
      return { kind: "check-replica", result: result.isOk() ? { ok: result.value } : { problem: result.error } };
    }
    case "clean":
      return { kind: "clean", result: await cleanReplica(task.request) };
    case "copy": {
      let files = 0;
      let bytes = 0;
      let sentAt = performance.now();
      const group = unpackGroup(task.group);
      const result = await copyGroup(group, buffers, (request, moreFiles, moreBytes) => {
        files += moreFiles;
        bytes += moreBytes;
        const now = performance.now();
        if (now - sentAt < PROGRESS_EVERY_MILLISECONDS) return;
        sentAt = now;
        send({ id, kind: "progress", files, bytes, path: `${request.directoryPath}/${request.name}` });
      });
      return { kind: "copy", result: packResult(group, result) };
    }
  }
}

/** One task after the other, although handling a message may wait for a volume. */
let last: Promise<void> = Promise.resolve();
port.on("message", ({ id, task }: ToWorker) => {
  last = last.then(async () => {
    try {
      send({ id, kind: "reply", reply: await perform(id, task) });
    } catch (exception) {
      // A bug of ours: told to the controller, which ends with it, instead of dying with the thread.
      const detail = exception instanceof Error ? (exception.stack ?? exception.message) : String(exception);
      send({ id, kind: "reply", reply: { kind: "broken", detail } });
    }
  });
});
