/** Files that have their final names, and whose names are not known to be durable yet. */
import type { Published } from "./copy-outcome.ts";

/** So much may have to be compared again when the way breaks or the agent is killed. */
const MANY_BYTES = 64 << 20;
const MANY_FILES = 2048;

export class UnrecordedFiles {
  #files: Published[] = [];
  #bytes = 0;

  add(file: Published): void {
    this.#files.push(file);
    this.#bytes += file.request.evidence.size;
  }

  /** It is time to flush their names. */
  get areMany(): boolean {
    return this.#bytes >= MANY_BYTES || this.#files.length >= MANY_FILES;
  }

  takeAll(): readonly Published[] {
    const files = this.#files;
    this.#files = [];
    this.#bytes = 0;
    return files;
  }
}
