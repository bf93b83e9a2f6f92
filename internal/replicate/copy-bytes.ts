/**
 * Copies the bytes of one open file into another and hashes them on the way. Holes stay holes. While a stretch is hashed, the system writes out the
 * one before.
 */
import { err, ok, type Result } from "neverthrow";
import { IoBuffer } from "../sys/mod.ts";
import type { SourceFile, TemporaryFile, VolumeError } from "../volume/mod.ts";
import type { Throttle } from "./throttle.ts";

const BUFFER_BYTES = 1 << 20;
const HASH_NAME = "sha256";

/** From this size on, what is written is pushed out early and dropped from the cache behind the copy. */
const WRITE_BEHIND_BYTES = 8 << 20;

export type CopyStep<Value> =
  | { readonly kind: "done"; readonly value: Value }
  /** The source ended early or went on beyond its size: it is being written. */
  | { readonly kind: "source-moved" }
  | { readonly kind: "source-failed"; readonly error: VolumeError }
  | { readonly kind: "replica-failed"; readonly error: VolumeError };

const ZEROS = new Uint8Array(BUFFER_BYTES);

/** The buffer of one worker: used for file after file, never for two at a time. */
export class CopyBuffers {
  readonly data: IoBuffer;
  readonly #free = new Map<number, CopyBuffers[]>();

  constructor(bytes = BUFFER_BYTES) {
    this.data = new IoBuffer(bytes);
  }

  /** Buffers for one of several files that are copied at a time; to be given back. */
  take(size: number): CopyBuffers {
    const bytes = BUFFER_SIZES.find((one) => size < one) ?? BUFFER_BYTES;
    return this.#free.get(bytes)?.pop() ?? new CopyBuffers(bytes);
  }

  giveBack(buffers: CopyBuffers): void {
    const { length } = buffers.data.bytes;
    const free = this.#free.get(length) ?? [];
    this.#free.set(length, free);
    if ((free.length + 1) * length <= KEPT_BYTES) free.push(buffers);
  }
}

/** Buffers of few sizes are used again and again; of each, so much is kept. */
const BUFFER_SIZES = [8 << 10, 128 << 10, BUFFER_BYTES];
const KEPT_BYTES = 8 << 20;

export const isSparse = (stat: { readonly size: number; readonly blocks: number }): boolean => stat.blocks * 512 < stat.size;

/** The SHA-256 of exactly the bytes that were written; `source.stat.size` many of them. */
export function copyBytes(
  source: SourceFile,
  target: TemporaryFile,
  buffers: CopyBuffers,
  options: CopyOptions,
): Promise<CopyStep<Uint8Array>> {
  const small = source.stat.size < BUFFER_BYTES && !isSparse(source.stat);
  return small ? copySmall(source, target, buffers, options) : copyLarge(source, target, buffers, options);
}

export interface CopyOptions {
  readonly throttle: Throttle | undefined;
  /** So many bytes are there already: they are hashed, not written. A multiple of 1 MiB. */
  readonly from: number;
  /** The source may go on beyond its size: that much of it is copied. */
  readonly prefix: boolean;
  /** Called with the bytes that were written since. */
  readonly onBytes: (bytes: number) => void;
}

async function copyLarge(
  source: SourceFile,
  target: TemporaryFile,
  buffers: CopyBuffers,
  { throttle, from, prefix, onBytes }: CopyOptions,
): Promise<CopyStep<Uint8Array>> {
  const { size } = source.stat;
  const write = async (length: number, position: number) => {
    onBytes(length);
    if (position + length <= from) return ok(undefined);
    if (throttle !== undefined) await throttle.take(length);
    const written = await target.write(buffers.data, length, position);
    if (size >= WRITE_BEHIND_BYTES) target.writeBehind(position + length);
    return written;
  };
  const hasher = new Bun.CryptoHasher(HASH_NAME);
  const copied = await eachStretch(source, buffers, { size, prefix }, async (length, position) => {
    if (position === HOLE) {
      onBytes(length);
      return hashZeros(hasher, length);
    }
    hasher.update(buffers.data.bytes.subarray(0, length));
    return write(length, position);
  });
  return copied.kind === "done" ? { kind: "done", value: new Uint8Array(hasher.digest().buffer) } : copied;
}

/**
 * The SHA-256 of a file's bytes; `source.stat.size` many of them, and no more may be there; or, of a beginning, so many. `onBytes` is told of them, and an error of
 * it ends the reading.
 */
export async function hashBytes(
  source: SourceFile,
  buffers: CopyBuffers,
  onBytes?: (bytes: number) => Promise<Result<undefined, VolumeError>>,
  beginning?: number,
): Promise<CopyStep<Uint8Array>> {
  const hasher = new Bun.CryptoHasher(HASH_NAME);
  const stretch = beginning === undefined ? { size: source.stat.size, prefix: false } : { size: beginning, prefix: true };
  const read = await eachStretch(source, buffers, stretch, async (length, position) => {
    if (position === HOLE) return hashZeros(hasher, length);
    hasher.update(buffers.data.bytes.subarray(0, length));
    return onBytes === undefined ? ok(undefined) : onBytes(length);
  });
  return read.kind === "done" ? { kind: "done", value: new Uint8Array(hasher.digest().buffer) } : read;
}

type Write = (length: number, position: number) => Promise<Result<undefined, VolumeError>>;

/** One read that asks for a byte more than there should be is also the proof that there is none. */
async function copySmall(
  source: SourceFile,
  target: TemporaryFile,
  buffers: CopyBuffers,
  { throttle, prefix, onBytes }: CopyOptions,
): Promise<CopyStep<Uint8Array>> {
  const { size } = source.stat;
  onBytes(size);
  const read = await source.read(buffers.data, prefix ? size : size + 1, 0);
  if (read.isErr()) return { kind: "source-failed", error: read.error };
  if (read.value > size) return { kind: "source-moved" };
  // A file system may give less than it was asked for, and have more (read(2)): what is left comes in stretches.
  if (read.value < size) return copyLarge(source, target, buffers, { throttle, from: 0, prefix, onBytes: () => undefined });
  const digest = new Uint8Array(32);
  Bun.SHA256.hash(buffers.data.bytes.subarray(0, size), digest);
  if (size > 0) {
    if (throttle !== undefined) await throttle.take(size);
    const written = await target.write(buffers.data, size, 0);
    if (written.isErr()) return { kind: "replica-failed", error: written.error };
  }
  return { kind: "done", value: digest };
}

const HOLE = -1;
/** A long hole is told in steps: who waits for a sign of life gets one. */
const HOLE_STEP = 256 << 20;

/** Whoever only reads has nothing to say for long: who waits for a sign of life gets one. */
const aliveEach = (alive: () => void) => async (): Promise<Result<undefined, VolumeError>> => {
  alive();
  return ok(undefined);
};

/** Is the one as the other begins? Of the source only so much is read. `alive` is called on the way. */
export async function beginsLike(
  source: SourceFile,
  beginning: SourceFile,
  buffers: CopyBuffers,
  alive: () => void,
): Promise<Result<boolean, CopyStep<Uint8Array>>> {
  const a = await hashBytes(source, buffers, aliveEach(alive), beginning.stat.size);
  if (a.kind !== "done") return err(a);
  const b = await hashBytes(beginning, buffers, aliveEach(alive));
  if (b.kind === "source-failed") return err({ kind: "replica-failed", error: b.error });
  return b.kind === "done" ? ok(Buffer.compare(a.value, b.value) === 0) : ok(false);
}

/** Calls `use` for each stretch of data, which is then at the start of the buffer, and with the position `HOLE` for each stretch without. */
async function eachStretch(
  source: SourceFile,
  buffers: CopyBuffers,
  { size, prefix }: { readonly size: number; readonly prefix: boolean },
  use: Write,
): Promise<CopyStep<undefined>> {
  const sparse = isSparse(source.stat);
  for (let position = 0; position < size; ) {
    const stretch = sparse ? await source.nextData(position) : ok({ start: position, end: size });
    if (stretch.isErr()) return { kind: "source-failed", error: stretch.error };
    const start = Math.min(stretch.value?.start ?? size, size);
    const end = Math.min(stretch.value?.end ?? size, size);
    for (let hole = position; hole < start; hole += HOLE_STEP) {
      const used = await use(Math.min(HOLE_STEP, start - hole), HOLE);
      if (used.isErr()) return { kind: "replica-failed", error: used.error };
    }
    for (position = start; position < end; ) {
      const read = await source.read(buffers.data, Math.min(buffers.data.size, end - position), position);
      if (read.isErr()) return { kind: "source-failed", error: read.error };
      if (read.value === 0) return { kind: "source-moved" };
      const used = await use(read.value, position);
      if (used.isErr()) return { kind: "replica-failed", error: used.error };
      position += read.value;
    }
  }
  if (prefix) return { kind: "done", value: undefined };
  const beyond = await source.read(buffers.data, 1, size);
  if (beyond.isErr()) return { kind: "source-failed", error: beyond.error };
  return beyond.value === 0 ? { kind: "done", value: undefined } : { kind: "source-moved" };
}

function hashZeros(hasher: Bun.CryptoHasher, length: number): Result<undefined, VolumeError> {
  for (let left = length; left > 0; left -= BUFFER_BYTES) hasher.update(ZEROS.subarray(0, Math.min(left, BUFFER_BYTES)));
  return ok(undefined);
}

/** Are the contents of two open files of the same size equal? The digest they share, or undefined. `alive` is called on the way. */
export async function sameContents(
  one: SourceFile,
  other: SourceFile,
  buffers: CopyBuffers,
  alive: () => void,
): Promise<Result<Uint8Array | undefined, CopyStep<Uint8Array>>> {
  const a = await hashBytes(one, buffers, aliveEach(alive));
  if (a.kind !== "done") return err(a);
  const b = await hashBytes(other, buffers, aliveEach(alive));
  if (b.kind === "source-failed") return err({ kind: "replica-failed", error: b.error });
  if (b.kind !== "done") return ok(undefined);
  return ok(Buffer.compare(a.value, b.value) === 0 ? a.value : undefined);
}
