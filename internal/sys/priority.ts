/** How far the program steps back for others. Linux counts priorities by thread: threads that are started later inherit them (setpriority(2), ioprio_set(2)). */
import { dlopen, FFIType } from "bun:ffi";
import type { Result } from "neverthrow";
import { call, libc, nothing } from "./_libc.ts";
import type { SysError } from "./errno.ts";

/** The same syscall(2) as in `_libc`, with numbers for arguments. */
const { syscall } = dlopen("libc.so.6", {
  syscall: { args: [FFIType.i64_fast, FFIType.i64_fast, FFIType.i64_fast, FFIType.i64_fast], returns: FFIType.i64_fast },
}).symbols;

const PRIO_PROCESS = 0;

/** Niceness of the calling thread: 0..19. EACCES where it would be raised again without the right to. */
export const setNice = (nice: number): Result<undefined, SysError> =>
  call("setpriority", () => libc.setpriority(PRIO_PROCESS, 0, nice)).map(nothing);

/** Numbers differ by architecture (asm/unistd_64.h, asm-generic/unistd.h). */
const SYS_IOPRIO_SET = process.arch === "arm64" ? 30 : 251;
const IOPRIO_WHO_PROCESS = 1;
const IOPRIO_CLASS_SHIFT = 13;
const CLASSES = { low: (2 << IOPRIO_CLASS_SHIFT) | 7, idle: 3 << IOPRIO_CLASS_SHIFT } as const;

/** Disk priority of the calling thread: the last of best effort, or only when nobody else wants the disk. Only some I/O schedulers look at it. */
export const setIoPriority = (priority: keyof typeof CLASSES): Result<undefined, SysError> =>
  call("ioprio_set", () => syscall(SYS_IOPRIO_SET, IOPRIO_WHO_PROCESS, 0, CLASSES[priority])).map(nothing);
