/**
 * The temporary file that a copy is written to: a new one; or, where the way is long and the file large, the one that an earlier run began with the same
 * source. Of that, only what is surely durable counts, and its end is compared with the source.
 */
import { err, ok, type Result } from "neverthrow";
import {
  durableBytes,
  partialName,
  type SourceFile,
  type TemporaryFile,
  type VolumeDirectory,
  type VolumeError,
} from "../volume/mod.ts";
import { type CopyBuffers, isSparse } from "./copy-bytes.ts";
import { type CopyFailure, failureAtReplica } from "./copy-failure.ts";
import type { CopyRequest } from "./copy-request.ts";

/** Smaller files are begun anew: nothing of them would be known to be durable. */
const CONTINUE_FROM_BYTES = 128 << 20;
const COMPARED_BYTES = 1 << 20;

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
  const { file } = found.value;
  const durable = Math.min(durableBytes(found.value.size), durableBytes(size));
  const same = await endsAlike(source, file, durable, buffers);
  const from = same.isOk() && same.value ? durable : 0;
  // What is not surely durable goes, or its length would vouch for it the next time.
  const cut = same.isErr() ? same : ((await file.keepOnly?.(from)) ?? ok(undefined));
  if (cut.isOk()) return ok({ file, from, took: found.value.size });
  file.close();
  return err(failureAtReplica(cut.error));
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
