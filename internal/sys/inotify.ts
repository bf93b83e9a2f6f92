/**
 * Watching directories (inotify(7)). The watches belong to the process: any thread may set and remove them, one thread waits for what they report.
 *
 * What is watched for is what makes a directory worth a look: names that came, files that were closed by a writer, and the end of the directory under its
 * name. Not watched for: writes and attributes (a writer would flood the queue), and names that went (nothing is concluded from them, while somebody
 * who clears out a million files would make the queue overflow; a directory that goes says so itself).
 */
import { err, ok, type Result } from "neverthrow";
import { call, cString, failed, libc, Memory, NO_STRING, nothing, pointer } from "./_libc.ts";
import type { FileDescriptor } from "./descriptor.ts";
import { type SysError, sysError } from "./errno.ts";
import type { IoBuffer } from "./file.ts";
import { IN } from "./inotify-events.ts";

declare const brand: unique symbol;
/** An inotify instance. A plain number, so that it can be sent to other threads. */
export type InotifyDescriptor = number & { readonly [brand]: "InotifyDescriptor" };
/** Something to be woken up by (eventfd(2)). */
export type WakeupDescriptor = number & { readonly [brand]: "WakeupDescriptor" };

const NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const IN_ONLYDIR = 0x01000000;
/** Nothing about files that have no name any more. */
const IN_EXCL_UNLINK = 0x04000000;
const DIRECTORY_MASK = IN.create | IN.closeWrite | IN.movedTo | IN.deleteSelf | IN.moveSelf | IN_ONLYDIR | IN_EXCL_UNLINK;

const EBADF = 9;
const ENOSYS = 38;
const POLLIN = 1;
const FOREVER = -1;
/** struct pollfd, twice: descriptor (32 bits), wanted and found events (16 bits each). */
const polled = new Memory(16);
const counter = new Memory(8);

/** A new inotify instance. EMFILE: fs.inotify.max_user_instances, or the limit of open files, is reached. */
export const createInotify = (): Result<InotifyDescriptor, SysError> =>
  // The number of an inotify instance comes from the kernel only here; so does that of a wakeup below.
  call("inotify_init1", () => libc.inotify_init1(NONBLOCK_CLOEXEC)).map((fd) => fd as InotifyDescriptor);

export const createWakeup = (): Result<WakeupDescriptor, SysError> =>
  call("eventfd", () => libc.eventfd(0, NONBLOCK_CLOEXEC)).map((fd) => fd as WakeupDescriptor);

/** Ends the wait of `waitAndRead`, now and from now on. */
export function wake(wakeup: WakeupDescriptor): Result<undefined, SysError> {
  counter.view.setBigUint64(0, 1n, true);
  return call("write", () => libc.write(wakeup, pointer(counter.address), 8)).map(nothing);
}

/** No thread may wait on it any more. */
export function closeWatching(descriptor: InotifyDescriptor | WakeupDescriptor): void {
  libc.close(descriptor);
}

/**
 * Watches an open directory; the number of the watch, which is the same when it is watched already. ENOSPC: fs.inotify.max_user_watches is reached; ENOSYS:
 * /proc is not mounted.
 */
export function addWatch(inotify: InotifyDescriptor, directory: FileDescriptor): Result<number, SysError> {
  // What is open is watched, whatever its name has become: no link can be in the way and no path too long.
  const path = cString(`/proc/self/fd/${directory}`);
  if (path === NO_STRING) return err(sysError("inotify_add_watch", EBADF));
  const watch = libc.inotify_add_watch(inotify, pointer(path), DIRECTORY_MASK);
  if (watch >= 0) return ok(watch);
  return failed("inotify_add_watch", () => libc.inotify_add_watch(inotify, pointer(path), DIRECTORY_MASK)).mapErr((error) =>
    // The directory is open: what was not found is /proc.
    error.code === "ENOENT" ? sysError("inotify_add_watch", ENOSYS) : error,
  );
}

/** EINVAL when the watch is gone already. The kernel reports its end (`IN.ignored`). */
export const removeWatch = (inotify: InotifyDescriptor, watch: number): Result<undefined, SysError> =>
  call("inotify_rm_watch", () => libc.inotify_rm_watch(inotify, watch)).map(nothing);

/** Waits, for as long as it takes, until something is reported, and reads it: bytes for `decodeEvents`, or undefined when it was woken up. */
export function waitAndRead(
  inotify: InotifyDescriptor,
  wakeup: WakeupDescriptor,
  buffer: IoBuffer,
): Result<Uint8Array | undefined, SysError> {
  const { view } = polled;
  for (;;) {
    view.setInt32(0, inotify, true);
    view.setInt32(4, POLLIN, true);
    view.setInt32(8, wakeup, true);
    view.setInt32(12, POLLIN, true);
    const found = call("poll", () => libc.poll(pointer(polled.address), 2, FOREVER));
    if (found.isErr()) return err(found.error);
    const [inotifyFound, wakeupFound] = [view.getUint16(6, true), view.getUint16(14, true)];
    if (((inotifyFound | wakeupFound) & ~POLLIN) !== 0) return err(sysError("poll", EBADF));
    if (wakeupFound !== 0) return ok(undefined);
    const read = call("read", () => libc.read(inotify, pointer(buffer.address), buffer.size));
    if (read.isOk()) return ok(buffer.bytes.subarray(0, read.value));
    if (read.error.code !== "EAGAIN") return err(read.error);
  }
}
