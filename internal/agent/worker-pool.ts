/**
 * The threads and who does what: tasks wait in one line, and a thread that is free takes the next. A task's differences are handed on as they
 * come, and are acknowledged once the controller has committed them. A worker that is silent for too long while it has work is given up: what it does is
 * told as stalled, another thread takes its place, and it is to end as soon as the call that it hangs in lets go. Time in which the whole process was stopped is nobody's silence.
 *
 * Never: ends a thread, but asks it to. It has connections to close, and it may hang: the runtime would suspend it by a signal that it does not
 * take, and whoever asked for that would hang in its place.
 */
import { Worker } from "node:worker_threads";
import type { Clock } from "../sys/mod.ts";
import { endedWithin } from "./alarm.ts";
import { entryPoint } from "./entry-point.ts";
import type { Hands, StalledReply, TaskHandlers } from "./hands.ts";
import { placeOf } from "./task-place.ts";
import { chooseThread, isBackground, isListing, type Job, PATIENCE_MILLISECONDS, type Thread } from "./thread-choice.ts";
import type { FromWorker, Reply, Task, ToWorker, WorkerSetup } from "./worker-protocol.ts";

/** How many messages of differences a worker may have on the way. */
const CREDITS = 3;

/** How often within the time that a worker may be silent its silence is looked at. */
const LOOKS_PER_STALL = 5;

/** Threads beyond those that work on this machine at a time are ended when they have had nothing to do for so long. */
const IDLE_MILLISECONDS = 60_000;
/** `close` waits no longer for threads to end. */
const CLOSE_MILLISECONDS = 1_000;

export interface WorkerPoolOptions {
  /** Tasks at a time that work on this machine, and with each far end. */
  readonly size: number;
  /** How many listings a worker may hold, so that it has the next one before the controller has heard of the last. */
  readonly depth: number;
  /** A worker that is silent for longer while it has work has stalled. */
  readonly stallMilliseconds: number;
  readonly clock: Clock;
  /** A thread that is one too many is ended after so long without work; a minute by default. */
  readonly idleMilliseconds?: number;
  readonly onStalled?: (detail: string) => void;
}

export class WorkerPool implements Hands {
  readonly #threads: Thread[] = [];
  readonly #waiting: Job[] = [];
  /** Given up, and not ended yet. */
  readonly #givenUp = new Set<Thread>();
  readonly #stopFlag = new SharedArrayBuffer(4);
  #nextId = 1;
  #closed = false;
  #cancelLook: (() => void) | undefined;
  #cancelAgain: (() => void) | undefined;
  #cancelEnd: (() => void) | undefined;

  constructor(
    private readonly inventory: string,
    private readonly options: WorkerPoolOptions,
  ) {}

  run(task: Task, handlers: TaskHandlers = {}): Promise<Reply | StalledReply> {
    return new Promise((resolve) => {
      const askedAt = this.options.clock.monotonicMilliseconds();
      this.#waiting.push({
        id: this.#nextId++,
        task,
        place: placeOf(task),
        askedAt,
        handlers,
        resolve,
        committing: Promise.resolve(),
      });
      this.#dispatch();
    });
  }

  stop(): void {
    Atomics.store(new Int32Array(this.#stopFlag), 0, 1);
  }

  /** In the order in which they came; what has to wait lets pass whom it does not wait for. */
  #dispatch(): void {
    if (this.#closed) return;
    const held = new Set<string>();
    for (const job of [...this.#waiting]) {
      const thread = this.#threadFor(job, held);
      if (thread !== undefined) this.#give(job, thread);
      else if (!isBackground(job)) held.add(job.place.machine);
    }
    if (held.size === 0) return;
    this.#cancelAgain ??= this.options.clock.after(PATIENCE_MILLISECONDS, () => {
      this.#cancelAgain = undefined;
      this.#dispatch();
    });
  }

  #give(job: Job, thread: Thread): void {
    this.#waiting.splice(this.#waiting.indexOf(job), 1);
    if (thread.jobs.size === 0) thread.heardAt = this.options.clock.monotonicMilliseconds();
    thread.jobs.set(job.id, job);
    thread.worker.postMessage({ id: job.id, task: job.task } satisfies ToWorker);
    this.#cancelLook ??= this.#lookLater();
  }

  /** `held`: the machines for which somebody waits already. */
  #threadFor(job: Job, held: ReadonlySet<string>): Thread | undefined {
    const now = this.options.clock.monotonicMilliseconds();
    const choice = chooseThread(job, this.#threads, { ...this.options, now, isHeld: held.has(job.place.machine) });
    return choice === "new" ? this.#start() : choice;
  }

  #start(): Thread {
    const credits = new SharedArrayBuffer(4);
    const givenUp = new SharedArrayBuffer(4);
    const atSource = new SharedArrayBuffer(8);
    const setup: WorkerSetup = { inventory: this.inventory, credits, stop: this.#stopFlag, givenUp, atSource };
    const worker = new Worker(entryPoint("worker.ts"), { workerData: setup });
    const thread: Thread = {
      worker,
      credits: new Int32Array(credits),
      jobs: new Map(),
      heardAt: this.options.clock.monotonicMilliseconds(),
      idleSince: this.options.clock.monotonicMilliseconds(),
      givenUp: new Int32Array(givenUp),
      atSource: new BigInt64Array(atSource),
      release: Promise.withResolvers(),
      ended: Promise.withResolvers(),
    };
    Atomics.store(thread.credits, 0, CREDITS);
    worker.on("message", (message: FromWorker) => this.#heard(thread, message));
    worker.on("error", (error: unknown) => this.#lost(thread, error instanceof Error ? error.message : String(error)));
    worker.on("exit", () => {
      thread.ended.resolve();
      this.#lost(thread, "the worker ended by itself");
    });
    this.#threads.push(thread);
    return thread;
  }

  #heard(thread: Thread, message: FromWorker): void {
    thread.heardAt = this.options.clock.monotonicMilliseconds();
    if (Atomics.load(thread.givenUp, 0) !== 0) {
      if (message.kind !== "reply") return;
      thread.release.resolve();
      thread.worker.postMessage("end" satisfies ToWorker);
      return;
    }
    if (this.#waiting.length > 0) this.#dispatch();
    const job = thread.jobs.get(message.id);
    if (job === undefined) return;
    switch (message.kind) {
      case "alive":
        return;
      case "progress":
        job.handlers.onProgress?.(message.files, message.bytes, message.path);
        return;
      case "differences":
      case "found":
        job.committing = job.committing.then(async () => {
          if (message.kind === "found") await job.handlers.onFound?.(message.batch);
          else await job.handlers.onDifferences?.(message.differences);
          // Messages may come as fast as they are committed: a signal or a timer would not have its turn before the last one.
          await new Promise((resolve) => setImmediate(resolve));
          // While it waits for this it cannot say anything.
          thread.heardAt = this.options.clock.monotonicMilliseconds();
          Atomics.add(thread.credits, 0, 1);
          Atomics.notify(thread.credits, 0);
        });
        return;
      case "reply":
        thread.jobs.delete(job.id);
        thread.idleSince = thread.heardAt;
        if (this.#surplus > 0) this.#cancelEnd ??= this.#endIdleLater();
        void job.committing.then(() => job.resolve(message.reply));
        this.#dispatch();
    }
  }

  #lost(thread: Thread, why: string): void {
    thread.release.resolve();
    this.#givenUp.delete(thread);
    const index = this.#threads.indexOf(thread);
    if (index < 0 || this.#closed) return;
    this.#threads.splice(index, 1);
    for (const job of thread.jobs.values()) job.resolve({ kind: "broken", detail: `a worker was lost: ${why}` });
    this.#dispatch();
  }

  /** Threads beyond those that work on this machine at a time. */
  get #surplus(): number {
    return this.#threads.length - this.options.size;
  }

  /** Ends those that have long been idle, as long as there are too many: each takes its memory. */
  #endIdleLater(): () => void {
    const { clock, idleMilliseconds = IDLE_MILLISECONDS } = this.options;
    return clock.after(idleMilliseconds, () => {
      this.#cancelEnd = undefined;
      const now = clock.monotonicMilliseconds();
      const idle = this.#threads.filter(({ jobs, idleSince }) => jobs.size === 0 && now - idleSince >= idleMilliseconds);
      for (const thread of idle.slice(0, Math.max(0, this.#surplus))) {
        this.#threads.splice(this.#threads.indexOf(thread), 1);
        thread.worker.postMessage("end" satisfies ToWorker);
      }
      if (this.#surplus > 0) this.#cancelEnd ??= this.#endIdleLater();
    });
  }

  /** Looks for silence, as long as anybody has work. */
  #lookLater(): () => void {
    const { clock, stallMilliseconds } = this.options;
    const distance = stallMilliseconds / LOOKS_PER_STALL;
    const dueAt = clock.monotonicMilliseconds() + distance;
    return clock.after(distance, () => {
      this.#cancelLook = undefined;
      const now = clock.monotonicMilliseconds();
      // The process was stopped, or this thread was busy: nobody could be heard meanwhile, and what was said waits to be read.
      const didNotListen = now - dueAt > distance;
      for (const thread of [...this.#threads]) {
        if (didNotListen) thread.heardAt = now;
        if (thread.jobs.size > 0 && now - thread.heardAt >= stallMilliseconds) this.#giveUp(thread);
      }
      if (this.#threads.some(({ jobs }) => jobs.size > 0)) this.#cancelLook ??= this.#lookLater();
    });
  }

  #giveUp(thread: Thread): void {
    this.#threads.splice(this.#threads.indexOf(thread), 1);
    const [hung, ...others] = thread.jobs.values();
    thread.jobs.clear();
    const seconds = Math.round(this.options.stallMilliseconds / 1000);
    const detail = `a worker has made no progress for ${seconds} s (${hung?.task.kind ?? "idle"})`;
    this.options.onStalled?.(detail);
    this.#tellGivenUp(thread);
    // Looked at after that: a call that comes back in between finds that it was given up, and publishes nothing.
    const atSource = Number(Atomics.load(thread.atSource, 0));
    const where = atSource === 0 ? {} : { atSource };
    const stalled: StalledReply = { kind: "stalled", detail, released: thread.release.promise, ...where };
    // Behind a listing there are only those of the same data directory: they would hang another thread.
    for (const job of [hung, ...others, ...this.#takeListingsOf(hung)]) job?.resolve(stalled);
    this.#dispatch();
  }

  /** Those that wait, of the data directory in which this one hangs. */
  #takeListingsOf(hung: Job | undefined): Job[] {
    if (hung === undefined || !isListing(hung)) return [];
    const taken = this.#waiting.filter((job) => isListing(job) && job.place.subject === hung.place.subject);
    for (const job of taken) this.#waiting.splice(this.#waiting.indexOf(job), 1);
    return taken;
  }

  /** A thread inside a system call that hangs (a dead NFS server) cannot be ended. When the call lets go it finds that it was given up, and answers. */
  #tellGivenUp(thread: Thread): void {
    this.#givenUp.add(thread);
    Atomics.store(thread.givenUp, 0, 1);
    Atomics.store(thread.credits, 0, 2 ** 30);
    Atomics.notify(thread.credits, 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelLook?.();
    this.#cancelAgain?.();
    this.#cancelEnd?.();
    for (const thread of this.#threads) {
      if (thread.jobs.size > 0) this.#tellGivenUp(thread);
      thread.worker.postMessage("end" satisfies ToWorker);
    }
    const ended = Promise.all(this.#threads.map((thread) => thread.ended.promise));
    await endedWithin(this.options.clock, CLOSE_MILLISECONDS, ended);
    // Who has not ended by now hangs. The process ends without it.
    for (const { worker } of [...this.#threads, ...this.#givenUp]) worker.unref();
  }
}
