/** Runs the program under strace(1): to see what it asks of the kernel, and to make the kernel answer badly or slowly. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { asShortRun, type Outcome, programPath, type Running, type RunOptions, start } from "./program.ts";
import { makeScratch, removeScratch } from "./scratch.ts";

export interface TraceOptions extends RunOptions {
  /** What to record, in strace's words: "%file", "openat,renameat2". Nothing by default. */
  readonly calls?: string;
  /** Faults, in strace's words: "renameat2:signal=SIGKILL:when=3", "openat:error=EIO". Counted for each thread by itself. */
  readonly inject?: readonly string[];
  /** Only calls on these paths (also on descriptors that are open on them) are recorded and disturbed. */
  readonly paths?: readonly string[];
  /** Programs that it starts are left alone from their first moment on. */
  readonly leaveChildren?: boolean;
}

export interface Traced extends Outcome {
  /** The same by thread, each in the order in which it made them. */
  readonly threads: readonly (readonly string[])[];
  /** The calls, descriptors with their paths ("fsync(17</mnt/backup/x>) = 0"). */
  readonly calls: readonly string[];
}

/** The calls that change a file system, or a file that is open. */
export const WRITING_CALLS =
  "write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,splice,ftruncate,truncate,fallocate,rename,renameat,renameat2,link,linkat," +
  "symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,mknod,mknodat,chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown,utimensat," +
  "setxattr,fsetxattr,removexattr,ioctl,fsync,fdatasync,syncfs,sync_file_range,creat";

export function startTraced(
  given: readonly string[],
  options: TraceOptions,
): Omit<Running, "ended"> & { readonly ended: Promise<Traced> } {
  const folder = makeScratch();
  const log = join(folder, "trace");
  // One log a thread: lines are whole, and a call is not cut in two by another thread's.
  const { inject = [] } = options;
  // A call that is not traced is not disturbed either.
  const traced = [options.calls ?? "", ...inject.map((fault) => fault.slice(0, fault.indexOf(":")))].filter(Boolean);
  const wrapper = ["strace", "-ff", "-qqq", "-y", "-s", "256", "-o", log, "-e", "signal=none"];
  wrapper.push("-e", `trace=${traced.length === 0 ? "none" : traced.join(",")}`);
  for (const fault of inject) wrapper.push("-e", `inject=${fault}`);
  for (const path of options.paths ?? []) wrapper.push("-P", path);
  if (options.leaveChildren === true) wrapper.push("-b", "execve");
  const running = start([programPath(), ...given], {
    ...asShortRun(options),
    wrapper: [...(options.wrapper ?? []), ...wrapper, "--"],
  });
  const ended = running.ended.then((outcome): Traced => {
    const threads = [...new Bun.Glob("trace.*").scanSync({ cwd: folder })].map((name) =>
      readFileSync(join(folder, name), "utf8").split("\n").filter(Boolean),
    );
    removeScratch(folder);
    return { ...outcome, calls: threads.flat(), threads };
  });
  return { ...running, ended };
}

export const runTraced = (given: readonly string[], options: TraceOptions): Promise<Traced> => startTraced(given, options).ended;
