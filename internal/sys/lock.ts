/** A lock that dies with its process (flock(2)), in a file that can say who holds it. */
import { err, ok, type Result } from "neverthrow";
import { call, libc, nothing } from "./_libc.ts";
import { close, type FileDescriptor, openLockFile, openRootDirectory } from "./descriptor.ts";
import type { SysError } from "./errno.ts";
import { IoBuffer, truncateTo, writeFrom } from "./file.ts";

const LOCK_EX_NB = 2 | 4;

export class Lock {
  #held = true;

  constructor(private readonly descriptor: FileDescriptor) {}

  /** Replaces the text of the lock file. */
  write(text: string): Result<undefined, SysError> {
    const bytes = new TextEncoder().encode(text);
    const buffer = new IoBuffer(Math.max(1, bytes.length));
    buffer.bytes.set(bytes);
    return truncateTo(this.descriptor, 0).andThen(() => writeFrom(this.descriptor, buffer, 0, bytes.length, 0).map(nothing));
  }

  /** Gives the lock up. The file stays: removing it would let two processes hold two locks. Idempotent. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    close(this.descriptor);
  }
}

/** Takes the lock, or says EAGAIN at once when another process has it. */
export const tryLockExclusive = (path: string): Result<Lock, SysError> => tryLock(openLockFile(path));

/** The same for a folder, which needs no file for it. It is not written to. Some network file systems cannot (EBADF). */
export const tryLockFolder = (path: string): Result<Pick<Lock, "release">, SysError> => tryLock(openRootDirectory(path));

function tryLock(opened: Result<FileDescriptor, SysError>): Result<Lock, SysError> {
  if (opened.isErr()) return err(opened.error);
  const locked = call("flock", () => libc.flock(opened.value, LOCK_EX_NB));
  if (locked.isOk()) return ok(new Lock(opened.value));
  close(opened.value);
  return err(locked.error);
}
