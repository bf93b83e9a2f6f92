/**
 * The temporary file that a copy is written to: a new one; or, where the way is long and the file large, the one that an earlier run began with the same
 * source. Of that, only what is surely durable counts, and its end is compared with the source.
 *
 * A far end that was given up may do what it was asked for late, in the middle of the next attempt. That stays harmless, because
 * - nothing gets its final name from a name that anybody writes under: what is finished is set apart first, under a name of chance that is given once. A late rename to a
 *   final name then finds a whole file or none, and a late setting apart takes the name away from the one who writes, who is told so by his own;
 * - what was set apart and not published gets its former name back before anything else is published beside it (`removeTemporaryFiles`): no older copy comes over a newer one;
 * - a file that is gone on with is never cut off. The name holds the times and the size of the source, so that whoever writes to it writes the same bytes at the same
 *   places, and gives it the same attributes: a late write changes nothing. Each begins within what is there, and goes on without a gap; as nothing gets shorter, there
 *   is never a hole, and its size vouches for what was flushed (`durableBytes`). A file that cannot be gone on with is removed, and a new one is made.
 */
import { err, ok, type Result } from "neverthrow";
import { randomHex } from "../sys/mod.ts";
import {
  durableBytes,
  isPartialName,
  partialName,
  type SourceFile,
  setApartName,
  type TemporaryFile,
  type VolumeDirectory,
  type VolumeError,
} from "../volume/mod.ts";
import { type CopyBuffers, isSparse } from "./copy-bytes.ts";
import { type CopyFailure, failureAtReplica } from "./copy-failure.ts";
import type { Staged } from "./copy-outcome.ts";
import type { CopyRequest } from "./copy-request.ts";

/** Smaller files are begun anew: nothing of them would be known to be durable. */
const CONTINUE_FROM_BYTES = 128 << 20;
const COMPARED_BYTES = 1 << 20;
const SET_APART_HEX_BYTES = 4;

export interface BegunCopy {
  readonly file: TemporaryFile;
  /** Bytes that are there already, and stay. */
  readonly from: number;
  /** Room that the file took before. */
  readonly took: number;
}

/** Is the copy one that an earlier run may have begun? */
export const mayContinue = (directory: VolumeDirectory, { stat }: SourceFile, request: CopyRequest): boolean =>
  // Another host's change times are not known: that its file is the same as then could not be proven.
  request.source?.kind !== "ssh" &&
  request.prefix !== true &&
  directory.continueTemporary !== undefined &&
  stat.size >= CONTINUE_FROM_BYTES &&
  !isSparse(stat);

/** Makes or finds the temporary file in the final directory. `newName`: of one that nobody will go on with. */
export async function beginCopy(
  directory: VolumeDirectory,
  request: CopyRequest,
  source: SourceFile,
  buffers: CopyBuffers,
  newName: () => string,
): Promise<Result<BegunCopy, CopyFailure>> {
  const { size } = source.stat;
  if (directory.continueTemporary === undefined || !mayContinue(directory, source, request)) {
    return begun(await directory.createTemporary(newName(), size));
  }
  const name = partialNameOf(request, source);
  const found = await directory.continueTemporary(name);
  if (found.isErr()) return err(failureAtReplica(found.error));
  if (found.value === undefined) return begun(await directory.createTemporary(name, size));
  const { file, size: there } = found.value;
  const from = there <= size ? durableBytes(there) : 0;
  const same = await endsAlike(source, file, from, buffers);
  if (same.isOk() && same.value) return ok({ file, from, took: there });
  file.close();
  if (same.isErr()) return err(failureAtReplica(same.error));
  const removed = await directory.removeTemporary(name);
  if (removed.isErr() && removed.error.reason !== "not-found") return err(failureAtReplica(removed.error));
  return begun(await directory.createTemporary(name, size));
}

/** Gives a finished file that others could go on with a name under which nobody does. Where that fails it can still be gone on with, under whichever name it has. */
export async function setApart(
  directory: VolumeDirectory,
  { name }: TemporaryFile,
  digest: Uint8Array,
): Promise<Result<Pick<Staged, "temporary" | "digest">, CopyFailure>> {
  if (!isPartialName(name)) return ok({ temporary: name, digest });
  const apart = setApartName(name, randomHex(SET_APART_HEX_BYTES));
  const renamed = await directory.publish(name, apart, "new");
  return renamed.map(() => ({ temporary: apart, digest })).mapErr(failureAtReplica);
}

const begun = (created: Result<TemporaryFile, VolumeError>): Result<BegunCopy, CopyFailure> =>
  created.map((file) => ({ file, from: 0, took: 0 })).mapErr(failureAtReplica);

/** Is the last stretch before `end` what the source has there? A source that cannot be read will say so when it is copied. */
async function endsAlike(
  source: SourceFile,
  file: TemporaryFile,
  end: number,
  buffers: CopyBuffers,
): Promise<Result<boolean, VolumeError>> {
  if (end === 0 || file.readBack === undefined) return ok(false);
  const there = await file.readBack(buffers.data, COMPARED_BYTES, end - COMPARED_BYTES);
  if (there.isErr()) return err(there.error);
  const copy = buffers.data.bytes.slice(0, there.value);
  const here = await source.read(buffers.data, COMPARED_BYTES, end - COMPARED_BYTES);
  return ok(here.isOk() && Buffer.compare(copy, buffers.data.bytes.subarray(0, here.value)) === 0);
}

/** The same for the same name in the same directory, with a source that nobody has touched: the change time is the kernel's, and cannot be set back (inode(7)). */
function partialNameOf({ name }: CopyRequest, { stat }: SourceFile): string {
  const times = `${stat.mtimeSeconds}\0${stat.mtimeNanoseconds}\0${stat.ctimeSeconds}\0${stat.ctimeNanoseconds}`;
  const text = `${name}\0${stat.size}\0${times}`;
  return partialName(new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 16));
}
