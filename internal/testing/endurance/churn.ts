/** What instruments and people do to files, at random but repeatable: made, grown, rewritten, renamed, deleted. Names are few and come again, so that what the inventory has to remember has an end. */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { chance } from "../chosen-cases.ts";

const DIRECTORIES = 8;
const FILES = 40;
const LARGE = 300_000;

const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

export class Churn {
  readonly #next: () => number;
  /** A file that is rewritten is empty for a moment. */
  readonly #versions = new Set([sha256(new Uint8Array(0))]);
  operations = 0;

  constructor(
    private readonly folder: string,
    seed: number,
  ) {
    this.#next = chance(seed);
  }

  /** SHA-256 of everything that any file has ever been. */
  get versions(): readonly string[] {
    return [...this.#versions];
  }

  /** Does one thing. */
  step(): void {
    this.operations += 1;
    const path = this.#anyPath();
    const kind = this.#next();
    mkdirSync(dirname(path), { recursive: true });
    if (kind < 0.7) {
      if (kind < 0.35) writeFileSync(path, this.#bytes());
      else appendFileSync(path, this.#bytes());
      this.#versions.add(sha256(readFileSync(path)));
    } else if (kind < 0.85) rmSync(path, { force: true });
    else if (existsSync(path)) {
      const to = this.#anyPath();
      mkdirSync(dirname(to), { recursive: true });
      renameSync(path, to);
      // Names come again: without a new time it would be an older version of what had the name before, which is held back.
      const now = new Date();
      utimesSync(to, now, now);
    }
  }

  #anyPath(): string {
    const directory = Math.floor(this.#next() * DIRECTORIES);
    return join(this.folder, `night-${directory}`, `frame-${Math.floor(this.#next() * FILES)}`);
  }

  #bytes(): Uint8Array {
    const size = this.#next() < 0.05 ? LARGE : Math.floor(this.#next() * 5_000);
    return new Uint8Array(size).fill(Math.floor(this.#next() * 256));
  }
}
