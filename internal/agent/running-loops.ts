/**
 * Loops that run side by side, by what they are for: some begin, some go on, some drain, as the desired state says.
 *
 * Promise: of one key no two work at a time. A loop that begins while one of its key still drains waits until that has ended, and until what hung in it has let go: the
 * one would take what the other writes for the leavings of a dead run, and write into its files.
 */

export interface Loop {
  run(): Promise<void>;
  /** It is wanted, and cannot run before another one of its key has ended. */
  waits?(): void;
  /** What hangs still when the loop has ended lets go. */
  readonly letGo?: Promise<unknown>;
}

interface Running<Kind extends Loop> {
  readonly loop: Kind;
  readonly stop: AbortController;
}

/** A loop that is not wanted any more, and when nothing of it is left. */
export interface Draining<Kind> {
  readonly loop: Kind;
  readonly free: Promise<void>;
}

export class RunningLoops<Key, Kind extends Loop> {
  readonly #running = new Map<Key, Running<Kind>>();
  /** Also of those that drain. */
  readonly #notEnded = new Set<Promise<void>>();
  /** Also those of which something hangs. */
  readonly #notFree = new Map<Kind, Promise<void>>();
  /** When the last loop of a key, and all before it, are free. */
  readonly #lastOf = new Map<Key, Promise<void>>();

  get loops(): Kind[] {
    return [...this.#running.values()].map(({ loop }) => loop);
  }

  get draining(): Draining<Kind>[] {
    const wanted = new Set(this.loops);
    return [...this.#notFree].flatMap(([loop, free]) => (wanted.has(loop) ? [] : [{ loop, free }]));
  }

  get(key: Key): Kind | undefined {
    return this.#running.get(key)?.loop;
  }

  /** Begins what is wanted and does not run, tells the others, and drains what is not wanted any more: groups under way are finished, nothing new is begun. */
  apply<Wanted>(
    wanted: ReadonlyMap<Key, Wanted>,
    make: (wanted: Wanted, signal: AbortSignal) => Kind,
    goOn: (loop: Kind) => void,
  ): void {
    for (const [key, { loop, stop }] of [...this.#running]) {
      if (wanted.has(key)) goOn(loop);
      else {
        this.#running.delete(key);
        stop.abort();
      }
    }
    for (const [key, one] of wanted) {
      if (this.#running.has(key)) continue;
      const stop = new AbortController();
      const loop = make(one, stop.signal);
      this.#running.set(key, { loop, stop });
      this.#begin(key, loop, stop.signal);
    }
  }

  #begin(key: Key, loop: Kind, signal: AbortSignal): void {
    const before = this.#lastOf.get(key);
    const ended = before === undefined ? loop.run() : runAfter(before, loop, signal);
    this.#notEnded.add(ended);
    void ended.then(() => this.#notEnded.delete(ended));
    const free = Promise.all([before, ended.then(() => loop.letGo)]).then(() => {
      this.#notFree.delete(loop);
      if (this.#lastOf.get(key) === free) this.#lastOf.delete(key);
    });
    this.#notFree.set(loop, free);
    this.#lastOf.set(key, free);
  }

  /** Asks all of them to end; resolves when they have. */
  async stop(): Promise<void> {
    for (const { stop } of this.#running.values()) stop.abort();
    await Promise.all(this.#notEnded);
  }
}

/** Whoever is not wanted any more while it waits does not wait longer. */
async function runAfter(before: Promise<void>, loop: Loop, signal: AbortSignal): Promise<void> {
  loop.waits?.();
  await Promise.race([before, new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))]);
  if (!signal.aborted) await loop.run();
}
