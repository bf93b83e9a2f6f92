/** What a name or an open file is (statx(2)). */
import { err, ok, type Result } from "neverthrow";
import { badString, cString, failed, libc, Memory, NO_STRING, pointer } from "./_libc.ts";
import type { FileDescriptor } from "./descriptor.ts";
import { type SysError, sysError } from "./errno.ts";

export interface FileStat {
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Bytes. */
  readonly size: number;
  /** Allocated blocks of 512 bytes. */
  readonly blocks: number;
  /** Permission bits, set-id and sticky included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly inode: number;
  /** Of the file system: major number times 2^32, plus minor. */
  readonly device: number;
  /** Signed seconds since 1970, and nanoseconds 0..999,999,999. */
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly ctimeSeconds: number;
  readonly ctimeNanoseconds: number;
  /** The access time, where no change time is known: of a file of another host. */
  readonly atimeSeconds?: number;
}

/** Offsets in struct statx; the same on every architecture. */
export const STATX = {
  mask: 0,
  attributes: 8,
  uid: 20,
  gid: 24,
  mode: 28,
  inode: 32,
  size: 40,
  blocks: 48,
  attributesMask: 56,
  birthSeconds: 80,
  birthNanoseconds: 88,
  ctimeSeconds: 96,
  ctimeNanoseconds: 104,
  mtimeSeconds: 112,
  mtimeNanoseconds: 120,
  deviceMajor: 136,
  deviceMinor: 140,
  length: 256,
} as const;

const STATX_BASIC_STATS = 0x7ff;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;

const S_IFMT = 0o170000;
/** A map, not an object: a formatter once rewrote octal property names as other numbers. */
const KINDS = new Map<number, FileStat["kind"]>([
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "symlink"],
]);

const memory = new Memory(STATX.length);
const { view } = memory;

/** A 64-bit number as a double: exact up to 2^53, which is 8 PiB or 285 million years. */
export const unsigned64 = (source: DataView, at: number): number =>
  source.getUint32(at, true) + source.getUint32(at + 4, true) * 2 ** 32;
export const signed64 = (source: DataView, at: number): number =>
  source.getUint32(at, true) + source.getInt32(at + 4, true) * 2 ** 32;

/**
 * Can a size in bytes and a modification time in seconds be counted exactly? What cannot (a sparse file of exabytes, a clock gone mad) would be rounded, and
 * never be equal to itself: it is told as EOVERFLOW, "value too large", as stat(2) does it where numbers are shorter.
 */
export const isCountable = (size: number, mtimeSeconds: number): boolean =>
  size < Number.MAX_SAFE_INTEGER && mtimeSeconds < Number.MAX_SAFE_INTEGER && mtimeSeconds > Number.MIN_SAFE_INTEGER;

const EOVERFLOW = 75;
const ENAMETOOLONG = 36;
export const tooLarge = (): SysError => sysError("statx", EOVERFLOW);
/** A name that no file system here could have. */
export const nameTooLong = (): SysError => sysError("statx", ENAMETOOLONG);

function statxOf(descriptor: FileDescriptor, path: number, flags: number): Result<FileStat, SysError> {
  if (libc.statx(descriptor, pointer(path), flags, STATX_BASIC_STATS, pointer(memory.address)) !== 0) {
    const done = failed("statx", () => libc.statx(descriptor, pointer(path), flags, STATX_BASIC_STATS, pointer(memory.address)));
    if (done.isErr()) return err(done.error);
  }
  const mode = view.getUint16(STATX.mode, true);
  if (!isCountable(unsigned64(view, STATX.size), signed64(view, STATX.mtimeSeconds))) return err(tooLarge());
  return ok({
    kind: KINDS.get(mode & S_IFMT) ?? "other",
    size: unsigned64(view, STATX.size),
    blocks: unsigned64(view, STATX.blocks),
    mode: mode & 0o7777,
    uid: view.getUint32(STATX.uid, true),
    gid: view.getUint32(STATX.gid, true),
    inode: unsigned64(view, STATX.inode),
    device: view.getUint32(STATX.deviceMajor, true) * 2 ** 32 + view.getUint32(STATX.deviceMinor, true),
    mtimeSeconds: signed64(view, STATX.mtimeSeconds),
    mtimeNanoseconds: view.getUint32(STATX.mtimeNanoseconds, true),
    ctimeSeconds: signed64(view, STATX.ctimeSeconds),
    ctimeNanoseconds: view.getUint32(STATX.ctimeNanoseconds, true),
  });
}

/** STATX_ATTR_MOUNT_ROOT. */
const MOUNT_ROOT = 0x2000;

/** Is an open directory the root of a mount? Undefined where the kernel does not tell (before Linux 5.8). */
export function isMountRoot(descriptor: FileDescriptor): boolean | undefined {
  if (statDescriptor(descriptor).isErr()) return undefined;
  return (view.getUint32(STATX.attributesMask, true) & MOUNT_ROOT) === 0
    ? undefined
    : (view.getUint32(STATX.attributes, true) & MOUNT_ROOT) !== 0;
}

/** What an open file is now. */
export const statDescriptor = (descriptor: FileDescriptor): Result<FileStat, SysError> =>
  statxOf(descriptor, cString(""), AT_EMPTY_PATH);

/** What a name in a directory is; a symbolic link is not followed. */
export function statEntry(directory: FileDescriptor, name: string): Result<FileStat, SysError> {
  const path = cString(name);
  return path === NO_STRING ? err(badString("statx", name)) : statxOf(directory, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
}
