/** What a group may still write to a replica: the free space and inodes at its beginning, less the reserve, less what it has taken. */
import type { Space } from "../sys/mod.ts";

/** A file takes whole blocks, and its name and inode take room as well. */
const BLOCK_BYTES = 4096;

export class SpaceBudget {
  #bytes: number;
  #inodes: number;
  /** What the whole volume holds. */
  readonly totalBytes: number;

  constructor(space: Space, reserveBytes: number) {
    this.totalBytes = space.totalBytes;
    this.#bytes = space.freeBytes - reserveBytes;
    // Some file systems have no fixed number of inodes and say 0 (statvfs(3)).
    this.#inodes = space.totalInodes === 0 ? Number.POSITIVE_INFINITY : space.freeInodes;
  }

  get freeBytes(): number {
    return this.#bytes;
  }

  /** Nothing more fits, however small. */
  get exhausted(): boolean {
    return this.#bytes < BLOCK_BYTES || this.#inodes < 1;
  }

  /** Takes the room for one file of this size; or says what there is too little of, and takes nothing. */
  take(size: number): "NoSpace" | "NoInodes" | undefined {
    const blocks = Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    if (this.#inodes < 1) return "NoInodes";
    if (blocks > this.#bytes) return "NoSpace";
    this.#bytes -= blocks;
    this.#inodes -= 1;
    return undefined;
  }
}
