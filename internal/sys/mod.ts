/**
 * Sys: system calls, names as bytes, time and chance. The only layer with unsafe code.
 *
 * Promises: every call checks its arguments, repeats what was interrupted, and answers with a Result that carries the system's own error; names are never cut
 * off or mangled; no function follows a symbolic link unless its docstring says so.
 * Never: keeps state between calls (but scratch memory, one a thread), decides what an error means for a file.
 */
export * from "./block-device.ts";
export * from "./clock.ts";
export * from "./descriptor.ts";
export * from "./directory-entries.ts";
export * from "./errno.ts";
export * from "./exact-arguments.ts";
export * from "./exit.ts";
export * from "./file.ts";
export { type FileStat, isCountable, isMountRoot, nameTooLong, statDescriptor, statEntry, tooLarge } from "./file-stat.ts";
export * from "./file-system-kind.ts";
export * from "./file-system-parts.ts";
export * from "./inotify.ts";
export * from "./inotify-events.ts";
export * from "./lease.ts";
export * from "./left-behind.ts";
export * from "./lock.ts";
export * from "./machine-id.ts";
export * from "./mount-options.ts";
export * from "./name-bytes.ts";
export * from "./names.ts";
export * from "./notify-socket.ts";
export * from "./priority.ts";
export * from "./space.ts";
export * from "./ssh-process.ts";
