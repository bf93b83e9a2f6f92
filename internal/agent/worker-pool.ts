/**
 * The threads and who does what: tasks wait in one line, each worker takes the next when it is free. A task's differences are handed on as they
 * come, and are acknowledged once the controller has committed them.
 */
import { Worker } from "node:worker_threads";
import type { DirectoryDifference } from "../inventory/mod.ts";
import type { FromWorker, Reply, Task, ToWorker, WorkerSetup } from "./worker-protocol.ts";

/** How many messages of differences a worker may have on the way. */
const CREDITS = 3;

export interface TaskHandlers {
  /** Called in order; the next message of this worker may be held back until it resolves. */
  readonly onDifferences?: (differences: readonly DirectoryDifference[]) => Promise<void>;
  readonly onProgress?: (files: number, bytes: number, path: string) => void;
}

interface Job {
  readonly id: number;
  readonly task: Task;
  readonly handlers: TaskHandlers;
  readonly resolve: (reply: Reply) => void;
  /** Differences that are being committed: the reply waits for them. */
  committing: Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  readonly credits: Int32Array;
  readonly jobs: Map<number, Job>;
}

/** In the compiled program every entry point lies at its path from the top of the sources, below the root of its file system. */
const workerUrl = (): URL =>
  new URL(import.meta.url.startsWith("file:///$bunfs/") ? "./internal/agent/worker.ts" : "./worker.ts", import.meta.url);

export class WorkerPool {
  readonly #threads: Thread[] = [];
  readonly #waiting: Job[] = [];
  #nextId = 1;
  #closed = false;

  /** `depth`: how many tasks a worker may hold, so that it has the next one before the controller has heard of the last. */
  constructor(
    private readonly inventory: string,
    readonly size: number,
    private readonly depth: number,
  ) {}

  /** Performs a task on the next free worker. */
  run(task: Task, handlers: TaskHandlers = {}): Promise<Reply> {
    return new Promise((resolve) => {
      this.#waiting.push({ id: this.#nextId++, task, handlers, resolve, committing: Promise.resolve() });
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      const thread = this.#freeThread();
      const job = thread && this.#waiting.shift();
      if (thread === undefined || job === undefined) return;
      thread.jobs.set(job.id, job);
      thread.worker.postMessage({ id: job.id, task: job.task } satisfies ToWorker);
    }
  }

  #freeThread(): Thread | undefined {
    let best: Thread | undefined;
    for (const thread of this.#threads) if (thread.jobs.size < (best?.jobs.size ?? this.depth)) best = thread;
    if (best !== undefined && best.jobs.size === 0) return best;
    return this.#threads.length < this.size ? this.#start() : best;
  }

  #start(): Thread {
    const credits = new SharedArrayBuffer(4);
    const setup: WorkerSetup = { inventory: this.inventory, credits };
    const thread: Thread = {
      worker: new Worker(workerUrl(), { workerData: setup }),
      credits: new Int32Array(credits),
      jobs: new Map(),
    };
    Atomics.store(thread.credits, 0, CREDITS);
    thread.worker.on("message", (message: FromWorker) => this.#heard(thread, message));
    thread.worker.on("error", (error: unknown) => this.#lost(thread, error instanceof Error ? error.message : String(error)));
    thread.worker.on("exit", () => this.#lost(thread, "the worker ended by itself"));
    this.#threads.push(thread);
    return thread;
  }

  #heard(thread: Thread, message: FromWorker): void {
    const job = thread.jobs.get(message.id);
    if (job === undefined) return;
    switch (message.kind) {
      case "progress":
        job.handlers.onProgress?.(message.files, message.bytes, message.path);
        return;
      case "differences":
        job.committing = job.committing.then(async () => {
          await job.handlers.onDifferences?.(message.differences);
          Atomics.add(thread.credits, 0, 1);
          Atomics.notify(thread.credits, 0);
        });
        return;
      case "reply":
        thread.jobs.delete(job.id);
        void job.committing.then(() => job.resolve(message.reply));
        this.#dispatch();
    }
  }

  #lost(thread: Thread, why: string): void {
    const index = this.#threads.indexOf(thread);
    if (index < 0 || this.#closed) return;
    this.#threads.splice(index, 1);
    for (const job of thread.jobs.values()) job.resolve({ kind: "broken", detail: `a worker was lost: ${why}` });
    this.#dispatch();
  }

  /** Ends the threads at once, whatever they do; tasks that were not answered stay so. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#threads.map((thread) => thread.worker.terminate()));
  }
}
