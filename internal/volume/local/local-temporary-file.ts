/** A temporary file of a local volume, open for writing. */
import { err, ok, type Result } from "neverthrow";
import {
  close,
  type FileDescriptor,
  finishWriteback,
  forgetCached,
  type IoBuffer,
  preallocate,
  setMode,
  setModificationTime,
  setOwner,
  startWriteback,
  syncFile,
  truncateTo,
  writeFrom,
} from "../../sys/mod.ts";
import type { FileAttributes, TemporaryFile } from "../volume.ts";
import { type VolumeError, volumeError } from "../volume-error.ts";

/** A copy keeps at most twice as much of itself in the cache. */
const BEHIND_BYTES = 16 << 20;

export class LocalTemporaryFile implements TemporaryFile {
  #closed = false;
  #size = 0;
  #written = 0;
  #forgotten = 0;

  constructor(
    readonly name: string,
    private readonly path: string,
    private readonly descriptor: FileDescriptor,
    /** Where it is known. */
    private readonly owner: { readonly uid: number; readonly gid: number } | undefined,
  ) {}

  reserve(size: number): Result<"reserved" | "not possible", VolumeError> {
    if (size === 0) return ok("reserved");
    const reserved = preallocate(this.descriptor, size);
    if (reserved.isOk()) return ok("reserved");
    const { code } = reserved.error;
    // A file system that cannot reserve says so (fallocate(2)); the write itself will find out.
    return code === "EOPNOTSUPP" || code === "ENOSYS"
      ? ok("not possible")
      : err(volumeError("reserve space for", this.path, reserved.error));
  }

  write(buffer: IoBuffer, length: number, position: number): Result<undefined, VolumeError> {
    for (let done = 0; done < length; ) {
      const written = writeFrom(this.descriptor, buffer, done, length - done, position + done);
      if (written.isErr()) return err(volumeError("write", this.path, written.error));
      done += written.value;
    }
    this.#size = Math.max(this.#size, position + length);
    return ok(undefined);
  }

  writeBehind(upTo: number): void {
    if (upTo <= this.#written) return;
    startWriteback(this.descriptor, this.#written, upTo - this.#written);
    this.#written = upTo;
    if (upTo - this.#forgotten < 2 * BEHIND_BYTES) return;
    // The disk has had time for this stretch. Without the wait, a fast source would fill the cache with what nobody reads.
    finishWriteback(this.descriptor, this.#forgotten, BEHIND_BYTES);
    forgetCached(this.descriptor, this.#forgotten, BEHIND_BYTES);
    this.#forgotten += BEHIND_BYTES;
  }

  seal(size: number, attributes: FileAttributes): Result<undefined, VolumeError> {
    if (this.#size !== size) {
      const sized = truncateTo(this.descriptor, size);
      if (sized.isErr()) return err(volumeError("set the size of", this.path, sized.error));
    }
    // Only root may give files away; a copy that belongs to the agent's user is still a copy. On some file systems nothing has an owner.
    const owned =
      this.owner?.uid === attributes.uid && this.owner.gid === attributes.gid
        ? ok(undefined)
        : setOwner(this.descriptor, attributes.uid, attributes.gid);
    if (owned.isErr() && !["EPERM", "EINVAL", "EOPNOTSUPP", "ENOSYS"].includes(owned.error.code)) {
      return err(volumeError("set the owner of", this.path, owned.error));
    }
    // A copy that is not its owner's must not be set-id for somebody else.
    const mode = owned.isOk() ? attributes.mode : attributes.mode & 0o1777;
    const moded = setMode(this.descriptor, mode);
    if (moded.isErr() && moded.error.code !== "EPERM") return err(volumeError("set the mode of", this.path, moded.error));
    const timed = setModificationTime(this.descriptor, attributes.mtimeSeconds, attributes.mtimeNanoseconds);
    return timed.isOk() ? ok(undefined) : err(volumeError("set the modification time of", this.path, timed.error));
  }

  sync(): Result<undefined, VolumeError> {
    return syncFile(this.descriptor).mapErr((error) => volumeError("flush", this.path, error));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.descriptor);
  }
}
