/**
 * The controller's ear: what happens in watched directories, told in its own thread, batch by batch.
 *
 * Promises: costs nothing while nothing happens; memory is bounded, for a controller that is slow makes the kernel's queue overflow, and that is told; every
 * batch is told before the overflow that follows it. Events are hints: nothing here says what a file is.
 * Never: sets a watch (who lists a directory does, just before), and keeps no list of watches.
 */
import { Worker } from "node:worker_threads";
import { err, ok, type Result } from "neverthrow";
import {
  closeWatching,
  createInotify,
  createWakeup,
  type InotifyDescriptor,
  removeWatch,
  type SysError,
  type WakeupDescriptor,
  type WatchEvents,
  wake,
} from "../sys/mod.ts";
import { entryPoint } from "./entry-point.ts";
import { type FromWatchThread, STATE, type WatchThreadSetup } from "./watch-protocol.ts";

/** How many batches may be on the way. */
const CREDITS = 4;

export class Watcher {
  readonly #state: Int32Array;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #closing: Promise<void> | undefined;
  #broken = false;

  private constructor(
    /** For scan tasks in other threads, too: a descriptor is the process's. */
    readonly descriptor: InotifyDescriptor,
    private readonly wakeup: WakeupDescriptor,
    private readonly onEvents: (events: WatchEvents) => void,
    private readonly onOverflow: () => void,
    private readonly onBroken: (detail: string) => void,
  ) {
    const state = new SharedArrayBuffer(8);
    this.#state = new Int32Array(state);
    Atomics.store(this.#state, STATE.credits, CREDITS);
    const setup: WatchThreadSetup = { inotify: descriptor, wakeup, state };
    this.#worker = new Worker(entryPoint("watch-thread.ts"), { workerData: setup });
    this.#worker.on("message", (message: FromWatchThread) => this.#heard(message));
    this.#worker.on("error", (error: unknown) => this.#break(error instanceof Error ? error.message : String(error)));
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#break("the thread ended by itself");
        resolve();
      });
    });
  }

  /**
   * Starts the thread. `onOverflow`: events were lost, and only a full scan tells what they were. `onBroken`: nothing more will be told; called at most once. Neither
   * is called after `close`. EMFILE: fs.inotify.max_user_instances, or the limit of open files, is reached.
   */
  static start(
    onEvents: (events: WatchEvents) => void,
    onOverflow: () => void,
    onBroken: (detail: string) => void,
  ): Result<Watcher, SysError> {
    const inotify = createInotify();
    if (inotify.isErr()) return err(inotify.error);
    const wakeup = createWakeup();
    if (wakeup.isOk()) return ok(new Watcher(inotify.value, wakeup.value, onEvents, onOverflow, onBroken));
    closeWatching(inotify.value);
    return err(wakeup.error);
  }

  #heard(message: FromWatchThread): void {
    if (this.#closing !== undefined) return;
    if (message.kind === "broken") {
      this.#break(message.detail);
      return;
    }
    if (message.events.watches.length > 0) this.onEvents(message.events);
    if (message.overflowed) this.onOverflow();
    this.#giveCredit();
  }

  #giveCredit(): void {
    Atomics.add(this.#state, STATE.credits, 1);
    Atomics.notify(this.#state, STATE.credits);
  }

  #break(detail: string): void {
    if (this.#closing !== undefined || this.#broken) return;
    this.#broken = true;
    this.onBroken(detail);
  }

  /** Ends a watch; one that is gone already is no error. Its end is told as an event (`IN.ignored`). */
  remove(watch: number): void {
    if (this.#closing === undefined) removeWatch(this.descriptor, watch).unwrapOr(undefined);
  }

  /** Ends the thread and all watches. No thread may set a watch any more: the descriptor's number may soon be another file's. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    Atomics.store(this.#state, STATE.closing, 1);
    Atomics.notify(this.#state, STATE.closing);
    wake(this.wakeup).unwrapOr(undefined);
    this.#giveCredit();
    await this.#ended;
    closeWatching(this.descriptor);
    closeWatching(this.wakeup);
  }
}
