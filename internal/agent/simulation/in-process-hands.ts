/**
 * The controller's hands in the calling thread, for the simulation: the real `Performer` on real files, one task after the other. They can be killed in the middle of
 * a group of files, as a whole process can.
 */
import type { Hands, StalledReply, TaskHandlers } from "../hands.ts";
import { Performer } from "../perform.ts";
import type { Reply, Task } from "../worker-protocol.ts";

/** Thrown where the process would have died. */
class Killed extends Error {}

export class InProcessHands implements Hands {
  readonly #performer: Performer;
  #queue: Promise<unknown> = Promise.resolve();
  #inFlight = 0;
  #tasks = 0;
  readonly #kinds = new Map<Task["kind"], number>();
  #stopping = false;
  #killed = false;
  /** Files that may still be begun. */
  #left = Number.POSITIVE_INFINITY;

  /** `hangs`: until when what a task waits for hangs; undefined where it does not. Such a task is given up at once. */
  constructor(
    inventory: string,
    private readonly hangs: (task: Task) => Promise<void> | undefined = () => undefined,
  ) {
    this.#performer = new Performer(inventory, () => {
      this.#left -= 1;
      if (this.#left < 0) throw new Killed();
      return this.#stopping;
    });
  }

  /** Tasks that were taken so far. */
  get tasks(): number {
    return this.#tasks;
  }

  /** Those of one kind. */
  tasksOf(kind: Task["kind"]): number {
    return this.#kinds.get(kind) ?? 0;
  }

  /** Tasks that are being worked on: while there are any, time must stand still. */
  get inFlight(): number {
    return this.#killed ? 0 : this.#inFlight;
  }

  get isKilled(): boolean {
    return this.#killed;
  }

  run(task: Task, handlers: TaskHandlers = {}): Promise<Reply | StalledReply> {
    if (this.#killed) return never();
    this.#tasks += 1;
    this.#kinds.set(task.kind, this.tasksOf(task.kind) + 1);
    const released = this.hangs(task);
    if (released !== undefined) return Promise.resolve({ kind: "stalled", detail: `it hangs (${task.kind})`, released });
    this.#inFlight += 1;
    const done = this.#queue.then(() => this.#perform(task, handlers));
    this.#queue = done;
    return done;
  }

  async #perform(task: Task, { onDifferences, onFound, onProgress }: TaskHandlers): Promise<Reply> {
    // The dead begin nothing.
    if (this.#killed) return never();
    let told: Promise<void> = Promise.resolve();
    const tell = (action: () => Promise<void> | undefined): void => {
      told = told.then(() => (this.#killed ? never() : action()));
    };
    try {
      const reply = await this.#performer.perform(task, {
        differences: (differences) => tell(() => onDifferences?.(differences)),
        found: (batch) => tell(() => onFound?.(batch)),
        progress: (files, bytes, path) => onProgress?.(files, bytes, path),
        alive: () => undefined,
      });
      await told;
      if (this.#killed) return await never();
      this.#inFlight -= 1;
      return reply;
    } catch (exception) {
      if (!(exception instanceof Killed)) throw exception;
      this.#killed = true;
      return never();
    }
  }

  /** Dies when so many more files have been begun. */
  killAfter(files: number): void {
    this.#left = files;
  }

  /** Dies now: nothing is answered any more. */
  kill(): void {
    this.#killed = true;
  }

  stop(): void {
    this.#stopping = true;
  }

  async close(): Promise<void> {
    this.#performer.close();
  }
}

const never = (): Promise<never> => new Promise(() => undefined);
