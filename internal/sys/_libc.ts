/**
 * The C library through bun:ffi, and the memory that calls work in. Every pointer is taken from an ArrayBuffer that lives as long as the thread: a
 * small typed array's own memory may move when its buffer is first touched.
 */
import { dlopen, FFIType, ptr, read } from "bun:ffi";
import { err, ok, type Result } from "neverthrow";
import { type SysError, sysError } from "./errno.ts";
import { bytesOfText } from "./name-bytes.ts";

const I32 = FFIType.i32;
/** A number, not a bigint, while it fits. */
const I64 = FFIType.i64_fast;

export const libc = dlopen("libc.so.6", {
  __errno_location: { args: [], returns: "ptr" },
  openat: { args: [I32, "ptr", I32, "u32"], returns: I32 },
  close: { args: [I32], returns: I32 },
  getdents64: { args: [I32, "ptr", "u64"], returns: I64 },
  statx: { args: [I32, "ptr", I32, "u32", "ptr"], returns: I32 },
  pread: { args: [I32, "ptr", "u64", I64], returns: I64 },
  pwrite: { args: [I32, "ptr", "u64", I64], returns: I64 },
  mkdirat: { args: [I32, "ptr", "u32"], returns: I32 },
  unlinkat: { args: [I32, "ptr", I32], returns: I32 },
  renameat2: { args: [I32, "ptr", I32, "ptr", "u32"], returns: I32 },
  ftruncate: { args: [I32, I64], returns: I32 },
  fallocate: { args: [I32, I32, I64, I64], returns: I32 },
  lseek: { args: [I32, I64, I32], returns: I64 },
  fchmod: { args: [I32, "u32"], returns: I32 },
  fchown: { args: [I32, "u32", "u32"], returns: I32 },
  futimens: { args: [I32, "ptr"], returns: I32 },
  posix_fadvise: { args: [I32, I64, I64, I32], returns: I32 },
  sync_file_range: { args: [I32, I64, I64, "u32"], returns: I32 },
  fsync: { args: [I32], returns: I32 },
  syncfs: { args: [I32], returns: I32 },
  fstatvfs: { args: [I32, "ptr"], returns: I32 },
  setpriority: { args: [I32, "u32", I32], returns: I32 },
  flock: { args: [I32, I32], returns: I32 },
  fcntl: { args: [I32, I32, I64], returns: I32 },
  fstatfs: { args: [I32, "ptr"], returns: I32 },
  ioctl: { args: [I32, "u64", "ptr"], returns: I32 },
  inotify_init1: { args: [I32], returns: I32 },
  inotify_add_watch: { args: [I32, "ptr", "u32"], returns: I32 },
  inotify_rm_watch: { args: [I32, I32], returns: I32 },
  eventfd: { args: ["u32", I32], returns: I32 },
  poll: { args: ["ptr", "u64", I32], returns: I32 },
  read: { args: [I32, "ptr", "u64"], returns: I64 },
  write: { args: [I32, "ptr", "u64"], returns: I64 },
  _exit: { args: [I32], returns: FFIType.void },
  syscall: { args: [I64, I64, "ptr", "ptr", I64, I64], returns: I64 },
}).symbols;

/** Memory for calls: never freed, never shared with another thread. */
export class Memory {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;

  constructor(size: number) {
    this.buffer = new ArrayBuffer(size);
    this.bytes = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.address = Number(ptr(this.buffer));
  }
}

/** bun:ffi brands its pointers; an address inside memory of ours is one. */
export const pointer = (address: number) => address as ReturnType<typeof ptr>;

const EINTR = 4;
const EINVAL = 22;
const ENAMETOOLONG = 36;

/** The error of the call just made. */
export const errnoNow = (): number => {
  const location = libc.__errno_location();
  return location === null ? 0 : read.i32(location, 0);
};

/** Performs a call until it is not interrupted; a negative result is the error in errno. */
export function call(name: string, action: () => number | bigint): Result<number, SysError> {
  for (;;) {
    const result = Number(action());
    if (result >= 0) return ok(result);
    const errno = errnoNow();
    if (errno !== EINTR) return err(sysError(name, errno));
  }
}

/**
 * For the hottest paths, which make no closure and no object for a call that went well: what came of one that has just failed. It is only performed
 * again when it was interrupted: the kernel tells some errors once (fsync(2)).
 */
export function failed(name: string, again: () => number | bigint): Result<number, SysError> {
  const errno = errnoNow();
  return errno === EINTR ? call(name, again) : err(sysError(name, errno));
}

/** What went well and has nothing to say. */
export const DONE: Result<undefined, SysError> = ok(undefined);

export const nothing = (): undefined => undefined;

/** Two C strings may be needed at once (rename); a path is at most PATH_MAX bytes long, with room for what is too long to be refused by the kernel. */
const STRING_BYTES = 8192;
const strings = [new Memory(STRING_BYTES), new Memory(STRING_BYTES)] as const;
const encoder = new TextEncoder();
/** Code points that stand for single bytes begin with this surrogate (U+10FC00 and up). */
const RESERVED_SURROGATE = "\udbff";

/** What `cString` answers for a text that cannot be one. */
export const NO_STRING = 0;

/** Why a text cannot be a C string: it holds a NUL, or it is longer than any name may be. */
export const badString = (name: string, text: string): SysError => sysError(name, text.includes("\0") ? EINVAL : ENAMETOOLONG);

/** The address of a name or path as a C string; good until the next string in the same slot. A NUL in the name is refused, never cut off. */
export function cString(text: string, slot: 0 | 1 = 0): number {
  const memory = strings[slot];
  if (text.includes("\0")) return NO_STRING;
  if (text.length >= STRING_BYTES / 3) {
    const bytes = bytesOfText(text);
    if (bytes.length >= STRING_BYTES) return NO_STRING;
    memory.bytes.set(bytes);
    memory.bytes[bytes.length] = 0;
  } else if (text.includes(RESERVED_SURROGATE)) {
    const bytes = bytesOfText(text);
    memory.bytes.set(bytes);
    memory.bytes[bytes.length] = 0;
  } else {
    const { written } = encoder.encodeInto(text, memory.bytes);
    memory.bytes[written] = 0;
  }
  return memory.address;
}
