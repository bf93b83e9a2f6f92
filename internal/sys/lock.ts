/** A lock that dies with its process (flock(2)), in a file that can say who holds it. */
import { err, ok, type Result } from "neverthrow";
import { call, libc, nothing } from "./_libc.ts";
import { close, type FileDescriptor, openLockFile } from "./descriptor.ts";
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
export function tryLockExclusive(path: string): Result<Lock, SysError> {
  const opened = openLockFile(path);
  if (opened.isErr()) return err(opened.error);
  const locked = call("flock", () => libc.flock(opened.value, LOCK_EX_NB));
  if (locked.isOk()) return ok(new Lock(opened.value));
  close(opened.value);
  return err(locked.error);
}
