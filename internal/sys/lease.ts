/**
 * Has anybody a file open for writing? The kernel grants a read lease only where nobody has (fcntl(2), F_SETLEASE); it is asked for and given back at once.
 *
 * Promises: "none" and "some" are the kernel's word for this moment; whatever else it says is "unknown". Whoever opens the file for writing in the few
 * microseconds between waits for them and is then served. (One that opens with O_NONBLOCK, or a program that is stopped just there, is the exception: the first
 * is told EWOULDBLOCK, the second keeps others waiting for fs.lease-break-time at most.)
 */
import { errnoNow, libc } from "./_libc.ts";
import type { FileDescriptor } from "./descriptor.ts";
import { changesElsewhere } from "./file-system-kind.ts";

export type Writers = "none" | "some" | "unknown";

const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const F_UNLCK = 2;
const EAGAIN = 11;

/**
 * Who opens the file for writing meanwhile makes the kernel send a signal, by default SIGIO, which kills. This one is ignored unless somebody asks for
 * it, and neither we nor the runtime do. It must not be a real-time signal: when their queue is full, the kernel falls back on SIGIO.
 */
const SIGURG = 23;

/**
 * Whether anybody, in any process, has a regular file open for writing or mapped for it; of our own descriptors only those for writing count. The descriptor
 * must be one for reading. "unknown" for a file of somebody else's without CAP_LEASE, and where the file system has no leases or is shared with
 * other machines: NFS and CIFS answer EAGAIN for reasons of their own, and others grant what they cannot know.
 */
export function probeWriters(descriptor: FileDescriptor): Writers {
  if (changesElsewhere(descriptor) !== undefined) return "unknown";
  if (libc.fcntl(descriptor, F_SETSIG, SIGURG) !== 0) return "unknown";
  // Between these two calls nothing may take its time, such as making an object.
  if (libc.fcntl(descriptor, F_SETLEASE, F_RDLCK) === 0) {
    libc.fcntl(descriptor, F_SETLEASE, F_UNLCK);
    return "none";
  }
  return errnoNow() === EAGAIN ? "some" : "unknown";
}
