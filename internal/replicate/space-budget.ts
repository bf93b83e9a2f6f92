/**
 * What a group may still write to a replica: the free space and inodes at its beginning, less the reserve, less what it has taken, less what the groups beside it have
 * taken that the free space does not show yet.
 *
 * All groups of a pass share two numbers that only grow: the bytes that were taken, and those of them that were seen, which means that free space which is measured from
 * then on lacks them. Whoever dies on the way leaves bytes that are never seen; they are gone with the pass.
 */
import type { Space } from "../sys/mod.ts";

/** A file takes whole blocks, and its name and inode take room as well. */
const BLOCK_BYTES = 4096;

/** How long `shared` is. */
export const TAKEN_SPACE_BYTES = 16;
const TAKEN = 0;
const SEEN = 1;

/** What the groups of a pass share. Make it before the space is measured: what is seen in between counts twice rather than never. */
export class TakenSpace {
  readonly #numbers: BigInt64Array<SharedArrayBuffer>;
  readonly #seenBefore: bigint;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(TAKEN_SPACE_BYTES)) {
    this.#numbers = new BigInt64Array(shared);
    this.#seenBefore = Atomics.load(this.#numbers, SEEN);
  }

  /** Of all groups, what the free space did not show when it was measured, or was taken since. */
  get bytes(): number {
    return Number(Atomics.load(this.#numbers, TAKEN) - this.#seenBefore);
  }

  /** Takes so many bytes, unless that would make more than `most` of them; all or nothing, whoever else takes at the same time. */
  take(bytes: number, most: number): boolean {
    for (;;) {
      const taken = Atomics.load(this.#numbers, TAKEN);
      if (Number(taken - this.#seenBefore) + bytes > most) return false;
      if (Atomics.compareExchange(this.#numbers, TAKEN, taken, taken + BigInt(bytes)) === taken) return true;
    }
  }

  seen(bytes: number): void {
    Atomics.add(this.#numbers, SEEN, BigInt(bytes));
  }
}

/** The bytes that were taken for one file. */
export interface Grant {
  readonly bytes: number;
  seen: boolean;
}

export class SpaceBudget {
  /** Of all that may be taken. */
  readonly #bytes: number;
  #inodes: number;
  #unseen = 0;
  /** What the whole volume holds. */
  readonly totalBytes: number;

  constructor(
    space: Space,
    reserveBytes: number,
    private readonly taken = new TakenSpace(),
  ) {
    this.totalBytes = space.totalBytes;
    this.#bytes = space.freeBytes - reserveBytes;
    // Some file systems have no fixed number of inodes and say 0 (statvfs(3)).
    this.#inodes = space.totalInodes === 0 ? Number.POSITIVE_INFINITY : space.freeInodes;
  }

  get freeBytes(): number {
    return this.#bytes - this.taken.bytes;
  }

  /** Nothing more fits, however small. */
  get exhausted(): boolean {
    return this.freeBytes < BLOCK_BYTES || this.#inodes < 1;
  }

  /** Takes the room for one file of this size; or says what there is too little of, and takes nothing. */
  take(size: number): Grant | "NoSpace" | "NoInodes" {
    const bytes = Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    if (this.#inodes < 1) return "NoInodes";
    if (!this.taken.take(bytes, this.#bytes)) return "NoSpace";
    this.#inodes -= 1;
    this.#unseen += bytes;
    return { bytes, seen: false };
  }

  /** The free space shows these bytes by now. */
  seen(grant: Grant): void {
    if (grant.seen) return;
    grant.seen = true;
    this.#unseen -= grant.bytes;
    this.taken.seen(grant.bytes);
  }

  /** The group is at its end: the free space shows all that it has written, and lacks nothing of what it has not. */
  close(): void {
    this.taken.seen(this.#unseen);
    this.#unseen = 0;
  }
}
