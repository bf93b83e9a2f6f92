/** The bytes and attributes of one copy (steps 4 and 5), and the proof that its source held still meanwhile. */
import { err, ok, type Result } from "neverthrow";
import { sameEvidence } from "../inventory/mod.ts";
import type { SourceFile, TemporaryFile } from "../volume/mod.ts";
import { type CopyBuffers, type CopyStep, copyBytes, hashBytes, isSparse } from "./copy-bytes.ts";
import { failureAtReplica, failureAtSource } from "./copy-failure.ts";
import type { CopyRequest } from "./copy-request.ts";
import { type FileFailure, sourceChanged, sourceDiffers, sourceRewritten } from "./opened-source.ts";
import type { Throttle } from "./throttle.ts";

/** Space for a file is reserved before it is written from this size on. */
const RESERVE_FROM_BYTES = 1 << 20;

/** Reports bytes that were written, and files that were finished, for the progress display. */
export type OnProgress = (request: CopyRequest, files: number, bytes: number) => void;

export interface WriteOptions {
  /** Bytes that are there already. */
  readonly from: number;
  readonly buffers: CopyBuffers;
  readonly throttle: Throttle | undefined;
  /** Make it durable by itself; else its group is flushed as a whole. */
  readonly flush: boolean;
  readonly onProgress: OnProgress;
  /** The replica has given all the room that the file takes. May be called twice. */
  readonly onTaken: () => void;
}

/**
 * The beginning that was copied, as it is now: where both are equal it was that in the moment between, whole, and the source has only grown. Its times tell nothing of
 * this, because somebody writes to it.
 */
const readAgain = (source: SourceFile, buffers: CopyBuffers, alive: () => void): Promise<CopyStep<Uint8Array>> =>
  hashBytes(
    source,
    buffers,
    async () => {
      alive();
      return ok(undefined);
    },
    source.stat.size,
  );

/** Writes a copy; its SHA-256. */
export async function writeCopy(
  request: CopyRequest,
  source: SourceFile,
  target: TemporaryFile,
  { from, buffers, throttle, flush, onProgress, onTaken }: WriteOptions,
): Promise<Result<Uint8Array, FileFailure>> {
  const { size } = source.stat;
  if (size >= RESERVE_FROM_BYTES && !isSparse(source.stat)) {
    const reserved = await target.reserve(size);
    if (reserved.isErr()) return err(failureAtReplica(reserved.error));
    if (reserved.value === "reserved") onTaken();
  }
  const onBytes = (bytes: number): void => onProgress(request, 0, bytes);
  const copied = await copyBytes(source, target, buffers, { throttle, from, prefix: request.prefix === true, onBytes });
  if (copied.kind === "source-failed") return err(failureAtSource(copied.error));
  if (copied.kind === "replica-failed") return err(failureAtReplica(copied.error));
  const again = request.prefix === true && copied.kind === "done" ? await readAgain(source, buffers, () => onBytes(0)) : copied;
  if (again.kind === "source-failed") return err(failureAtSource(again.error));
  const now = await source.statNow();
  if (now.isErr()) return err(failureAtSource(now.error));
  const { ctimeSeconds, ctimeNanoseconds } = source.stat;
  const untouched = now.value.ctimeSeconds === ctimeSeconds && now.value.ctimeNanoseconds === ctimeNanoseconds;
  const held =
    request.prefix === true
      ? now.value.size >= size
      : untouched && sameEvidence(now.value, request.looksLike ?? request.evidence);
  if (copied.kind === "source-moved" || !held) return err(sourceChanged(request, now.value));
  if (again.kind !== "done" || Buffer.compare(again.value, copied.value) !== 0) return err(sourceRewritten(request, now.value));
  const { mustBe, looksLike, evidence } = request;
  if (mustBe !== undefined && Buffer.compare(mustBe, copied.value) !== 0) return err(sourceDiffers(request, copied.value));
  const { mtimeSeconds, mtimeNanoseconds } = looksLike === undefined ? source.stat : evidence;
  const sealed = await target.seal(size, { ...source.stat, mtimeSeconds, mtimeNanoseconds });
  if (sealed.isErr()) return err(failureAtReplica(sealed.error));
  if (flush) {
    const synced = await target.sync();
    if (synced.isErr()) return err(failureAtReplica(synced.error));
  }
  onTaken();
  source.forget(0, size);
  onProgress(request, 1, 0);
  return ok(copied.value);
}
