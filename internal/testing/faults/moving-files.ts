/** Files that move while the program runs: each grows by a line every few milliseconds, another vanishes on the way. What every state of them was is remembered. */
import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const EVERY_MILLISECONDS = 4;
/** At this tick the vanishing files go, at the earliest; by then the program has begun. */
const VANISH_FROM_TICK = 40;
const VANISH_WITHIN_TICKS = 60;

const sha256 = (hasher: Bun.CryptoHasher): string => hasher.copy().digest("hex");

class GrowingFile {
  readonly #hasher = new Bun.CryptoHasher("sha256");
  readonly digests: string[] = [];
  #lines = 0;

  constructor(
    /** Below a replica's root. */
    readonly place: string,
    private readonly path: string,
  ) {
    this.#hasher.update(readFileSync(path));
    this.digests.push(sha256(this.#hasher));
  }

  grow(): void {
    this.#lines += 1;
    const line = `line ${String(this.#lines).padStart(8, "0")} ${"x".repeat(100)}\n`;
    appendFileSync(this.path, line);
    this.#hasher.update(line);
    this.digests.push(sha256(this.#hasher));
  }
}

/** Below each data directory: what grows all the time, what grows only after the run, and what goes. */
export const GROWS = "moving/grows";
export const GROWS_LATER = "moving/grows-later";
export const VANISHES = "moving/vanishes";

export class MovingFiles {
  readonly #growing: readonly GrowingFile[];
  readonly #later: readonly GrowingFile[];
  #timer: ReturnType<typeof setInterval> | undefined;
  #tick = 0;

  /** `folders`: each data directory, and its place below a replica's root. */
  constructor(private readonly folders: readonly { readonly path: string; readonly place: string }[]) {
    const at = (name: string) => folders.map(({ path, place }) => new GrowingFile(`${place}/${name}`, join(path, name)));
    this.#growing = at(GROWS);
    this.#later = at(GROWS_LATER);
  }

  /** `seed`: chooses the tick at which files vanish. */
  begin(seed: number): void {
    const vanishAt = VANISH_FROM_TICK + (seed % VANISH_WITHIN_TICKS);
    this.#timer = setInterval(() => {
      this.#tick += 1;
      for (const file of this.#growing) file.grow();
      if (this.#tick === vanishAt) this.#vanish();
    }, EVERY_MILLISECONDS);
  }

  /** They move no more; what was published in the last moment has a source that has grown since. */
  end(): void {
    clearInterval(this.#timer);
    this.#vanish();
    for (const file of [...this.#growing, ...this.#later]) file.grow();
  }

  /** Every content that a file has had, by its place below a replica's root; the last is what it is now. */
  get versions(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries([...this.#growing, ...this.#later].map(({ place, digests }) => [place, digests]));
  }

  #vanish(): void {
    for (const { path } of this.folders) rmSync(join(path, VANISHES), { force: true });
  }
}
