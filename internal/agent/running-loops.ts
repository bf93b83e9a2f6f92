/** Loops that run side by side, by what they are for: some begin, some go on, some drain, as the desired state says. */

interface Loop {
  run(): Promise<void>;
}

interface Running<Kind extends Loop> {
  readonly loop: Kind;
  readonly stop: AbortController;
}

export class RunningLoops<Key, Kind extends Loop> {
  readonly #running = new Map<Key, Running<Kind>>();
  /** Also of those that drain. */
  readonly #notEnded = new Set<Promise<void>>();

  get loops(): Kind[] {
    return [...this.#running.values()].map(({ loop }) => loop);
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
      const ended = loop.run();
      this.#notEnded.add(ended);
      void ended.then(() => this.#notEnded.delete(ended));
    }
  }

  /** Asks all of them to end; resolves when they have. */
  async stop(): Promise<void> {
    for (const { stop } of this.#running.values()) stop.abort();
    await Promise.all(this.#notEnded);
  }
}
