/**
 * Which thread performs a task. Nobody waits for long for another's disk or host: so many tasks as there are processors (or workers, where an operator wants more) work on this
 * machine at a time, and as many more with each far end, which takes nothing from this machine. A replica or data directory at which nobody works although it has waited for a
 * second gets a thread beyond that. Only listings, which are short, are queued behind one another on a thread, those of one data directory, while nobody else waits. A thread is made
 * when no other is free, and takes whatever comes next afterwards. Of those that have had nothing to do for a while only as many stay as work on this machine at a time.
 */
import type { Worker } from "node:worker_threads";
import type { StalledReply, TaskHandlers } from "./hands.ts";
import type { TaskPlace } from "./task-place.ts";
import type { Reply, Task } from "./worker-protocol.ts";

/** Who is silent for longer over its work may hang. */
const SILENT_MILLISECONDS = 1_000;

/** So long a task waits at most where nobody works at its place. */
export const PATIENCE_MILLISECONDS = 1_000;

export interface Job {
  readonly id: number;
  readonly task: Task;
  readonly place: TaskPlace;
  /** Since when it waits. */
  readonly askedAt: number;
  readonly handlers: TaskHandlers;
  readonly resolve: (reply: Reply | StalledReply) => void;
  /** Differences that are being committed: the reply waits for them. */
  committing: Promise<void>;
}

export interface Thread {
  readonly worker: Worker;
  readonly credits: Int32Array;
  /** In the order in which it performs them. */
  readonly jobs: Map<number, Job>;
  /** When it last said anything, or got work after having none. */
  heardAt: number;
  /** When it last had work. */
  idleSince: number;
  readonly givenUp: Int32Array;
  readonly atSource: BigInt64Array;
  /** It was given up, and has now let go of what it hung in. */
  readonly release: PromiseWithResolvers<void>;
  readonly ended: PromiseWithResolvers<void>;
}

export const isBackground = ({ task }: Job): boolean => task.kind === "verify" && task.background;
export const isListing = ({ task }: Job): boolean => task.kind === "scan" || task.kind === "look";
const inBackground = ({ jobs }: Thread): boolean => [...jobs.values()].some(isBackground);

interface Choice {
  /** Tasks at a time that work on this machine, and with each far end. */
  readonly size: number;
  /** How many listings a worker may hold. */
  readonly depth: number;
  /** By the clock that never jumps. */
  readonly now: number;
  /** Somebody waits for the same machine already. */
  readonly isHeld: boolean;
}

/** "new": one that is to be made; undefined: the task has to wait. */
export function chooseThread(job: Job, threads: readonly Thread[], choice: Choice): Thread | "new" | undefined {
  if (hasRoom(job, threads, choice) || isLeftOut(job, threads, choice))
    return threads.find(({ jobs }) => jobs.size === 0) ?? "new";
  return choice.isHeld ? undefined : threadToQueueAt(job, threads, choice);
}

/** Work in the background may take hours, and half of the threads at most. */
function hasRoom(job: Job, threads: readonly Thread[], { size }: Choice): boolean {
  const busy = threads.filter(({ jobs }) => [...jobs.values()].some(({ place }) => place.machine === job.place.machine));
  if (busy.length >= size) return false;
  return !isBackground(job) || busy.filter(inBackground).length < Math.max(1, Math.floor(size / 2));
}

/** It has waited, and nobody works at its place. */
function isLeftOut(job: Job, threads: readonly Thread[], { now }: Choice): boolean {
  if (isBackground(job) || now - job.askedAt < PATIENCE_MILLISECONDS) return false;
  return !threads.some(({ jobs }) => [...jobs.values()].some(({ place }) => place.subject === job.place.subject));
}

/** Who is silent over its work may hang: nothing is queued behind that. */
function threadToQueueAt(job: Job, threads: readonly Thread[], { depth, now }: Choice): Thread | undefined {
  if (!isListing(job)) return undefined;
  const isBehindItsLike = (other: Job): boolean => isListing(other) && other.place.subject === job.place.subject;
  return threads.find(
    ({ jobs, heardAt }) =>
      jobs.size > 0 && jobs.size < depth && now - heardAt <= SILENT_MILLISECONDS && [...jobs.values()].every(isBehindItsLike),
  );
}
