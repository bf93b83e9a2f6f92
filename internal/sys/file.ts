/** Reading and writing open files, their holes, attributes and place in the cache. */
import { err, ok, type Result } from "neverthrow";
import { call, DONE, failed, libc, Memory, nothing, pointer } from "./_libc.ts";
import type { FileDescriptor } from "./descriptor.ts";
import { type SysError, sysError } from "./errno.ts";
import { unsigned64 } from "./file-stat.ts";

/** A buffer for reading and writing whose memory never moves. */
export class IoBuffer {
  readonly #memory: Memory;

  constructor(readonly size: number) {
    this.#memory = new Memory(size);
  }

  get bytes(): Uint8Array {
    return this.#memory.bytes;
  }

  get address(): number {
    return this.#memory.address;
  }
}

const EINVAL = 22;

/** Reads up to `length` bytes at `position` to the start of the buffer; how many came. 0 is the end of the file (pread(2)). */
export function readInto(
  descriptor: FileDescriptor,
  buffer: IoBuffer,
  length: number,
  position: number,
): Result<number, SysError> {
  if (length > buffer.size || position < 0) return err(sysError("pread", EINVAL));
  const count = Number(libc.pread(descriptor, pointer(buffer.address), length, position));
  return count >= 0 ? ok(count) : failed("pread", () => libc.pread(descriptor, pointer(buffer.address), length, position));
}

/** Writes `length` bytes of the buffer from `offset` on at `position`; how many went, which may be fewer (pwrite(2)). */
export function writeFrom(
  descriptor: FileDescriptor,
  buffer: IoBuffer,
  offset: number,
  length: number,
  position: number,
): Result<number, SysError> {
  if (offset + length > buffer.size || position < 0) return err(sysError("pwrite", EINVAL));
  const write = () => libc.pwrite(descriptor, pointer(buffer.address + offset), length, position);
  const count = Number(write());
  if (count > 0 || length === 0) return ok(count);
  // A write of nothing would be tried for ever.
  return count === 0 ? err(sysError("pwrite", 5)) : failed("pwrite", write);
}

export const truncateTo = (descriptor: FileDescriptor, size: number): Result<undefined, SysError> =>
  call("ftruncate", () => libc.ftruncate(descriptor, size)).map(nothing);

const FALLOC_FL_KEEP_SIZE = 1;

/** Reserves space without changing the size (fallocate(2)). EOPNOTSUPP where the file system cannot. */
export const preallocate = (descriptor: FileDescriptor, size: number): Result<undefined, SysError> =>
  call("fallocate", () => libc.fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, size)).map(nothing);

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** Where data begins at or after `from`; ENXIO when there is none (lseek(2)). Moves the file's own position, which nothing here uses. */
export const nextData = (descriptor: FileDescriptor, from: number): Result<number, SysError> =>
  call("lseek", () => libc.lseek(descriptor, from, SEEK_DATA));

/** Where the next hole begins at or after `from`; the end of the file counts as one. */
export const nextHole = (descriptor: FileDescriptor, from: number): Result<number, SysError> =>
  call("lseek", () => libc.lseek(descriptor, from, SEEK_HOLE));

export const setMode = (descriptor: FileDescriptor, mode: number): Result<undefined, SysError> =>
  libc.fchmod(descriptor, mode) === 0 ? DONE : failed("fchmod", () => libc.fchmod(descriptor, mode)).map(nothing);

/** fchown(2): takes set-id bits off, so the mode comes after it. */
export const setOwner = (descriptor: FileDescriptor, uid: number, gid: number): Result<undefined, SysError> =>
  libc.fchown(descriptor, uid, gid) === 0 ? DONE : failed("fchown", () => libc.fchown(descriptor, uid, gid)).map(nothing);

const UTIME_OMIT = 0x3ffffffe;
/** Two struct timespec, access time and modification time, each of 64-bit seconds and nanoseconds; what is never written stays 0. */
const times = new Memory(32);

/** Sets the modification time to the nanosecond and leaves the access time (futimens(3)). */
export function setModificationTime(
  descriptor: FileDescriptor,
  seconds: number,
  nanoseconds: number,
): Result<undefined, SysError> {
  times.view.setUint32(8, UTIME_OMIT, true);
  times.view.setUint32(16, seconds >>> 0, true);
  times.view.setInt32(20, Math.floor(seconds / 2 ** 32), true);
  times.view.setUint32(24, nanoseconds, true);
  if (libc.futimens(descriptor, pointer(times.address)) === 0) return DONE;
  return failed("futimens", () => libc.futimens(descriptor, pointer(times.address))).map(nothing);
}

const POSIX_FADV_DONTNEED = 4;

/** Drops a stretch from the page cache, as far as it is clean. A hint: whether it worked is of no consequence. */
export function forgetCached(descriptor: FileDescriptor, offset: number, length: number): void {
  libc.posix_fadvise(descriptor, offset, length, POSIX_FADV_DONTNEED);
}

/** struct cachestat_range (offset, length) and struct cachestat (its first number: pages in the cache), 64 bits each. */
const range = new Memory(16);
const cached = new Memory(40);
const SYS_CACHESTAT = 451;
const PAGE_BYTES = 4096;

/** How many bytes of the file's first `length` are in the page cache; undefined where the kernel cannot say (cachestat(2), since Linux 6.5). */
export function cachedBytes(descriptor: FileDescriptor, length: number): number | undefined {
  range.view.setBigUint64(8, BigInt(length), true);
  const asked = libc.syscall(SYS_CACHESTAT, descriptor, pointer(range.address), pointer(cached.address), 0, 0);
  return Number(asked) === 0 ? unsigned64(cached.view, 0) * PAGE_BYTES : undefined;
}

const SYNC_FILE_RANGE_WRITE = 2;
/** Wait for what is being written, write the rest, wait for that. */
const SYNC_FILE_RANGE_WHOLE = 1 | 2 | 4;

/** Starts to write a stretch out, without waiting (sync_file_range(2)). A hint; durability is fsync's. */
export function startWriteback(descriptor: FileDescriptor, offset: number, length: number): void {
  libc.sync_file_range(descriptor, offset, length, SYNC_FILE_RANGE_WRITE);
}

/** Writes a stretch out and waits until the disk has it, in its cache at least. A hint as well: an error is told by the flush that follows. */
export function finishWriteback(descriptor: FileDescriptor, offset: number, length: number): void {
  libc.sync_file_range(descriptor, offset, length, SYNC_FILE_RANGE_WHOLE);
}

/** When this is ok, the file's bytes and attributes are on stable storage; for a directory, its names (fsync(2)). */
export const syncFile = (descriptor: FileDescriptor): Result<undefined, SysError> =>
  call("fsync", () => libc.fsync(descriptor)).map(nothing);

/** When this is ok, everything written to this file system before is on stable storage (syncfs(2); since Linux 5.8 it reports write errors). */
export const syncFileSystem = (descriptor: FileDescriptor): Result<undefined, SysError> =>
  call("syncfs", () => libc.syncfs(descriptor)).map(nothing);
