/** File systems that a python3 script serves through FUSE: disks with manners that no file system here has. Scripts use python3-fusepy, or /dev/fuse itself. */
import { mkdirSync, readFileSync } from "node:fs";
import { SCRATCH_VARIABLE, scratchFolder } from "./scratch.ts";
import { until } from "./until.ts";

/** Debian's own interpreter: its packages (fusepy) are known to no other. */
export const SYSTEM_PYTHON = "/usr/bin/python3";

export interface FuseVolume {
  readonly path: string;
  /** The process that serves it. */
  readonly pid: number;
  /** Ends the process, as if the disk died: whoever holds it gets errors. */
  kill(): Promise<void>;
  /** Taken away, as by an operator. */
  unmount(): Promise<void>;
}

const isMounted = (path: string): boolean =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .some((line) => line.split(" ")[4] === path);

/**
 * Mounts what the script serves. The script gets the mount point first, then these arguments, and stays in the foreground. Removing the scratch folder
 * ends and unmounts it, too.
 */
export const mountFuse = (script: string, path: string, ...given: readonly string[]): Promise<FuseVolume> =>
  serve([SYSTEM_PYTHON, script, path, ...given], path);

/** Shows a folder at another path, through bindfs: with its process stopped (SIGSTOP) every call there hangs, as on the mount of a server that is gone. */
export function mountBindfs(folder: string, path: string): Promise<FuseVolume> {
  mkdirSync(folder, { recursive: true });
  return serve(["bindfs", "-f", folder, path], path);
}

async function serve(command: readonly string[], path: string): Promise<FuseVolume> {
  mkdirSync(path, { recursive: true });
  const child = Bun.spawn([...command], {
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", [SCRATCH_VARIABLE]: scratchFolder() },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  await until(`${path} is mounted`, () => child.exitCode !== null || isMounted(path));
  if (child.exitCode !== null) throw new Error(`${command.join(" ")} ended: ${await new Response(child.stderr).text()}`);
  return {
    path,
    pid: child.pid,
    kill: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
    unmount: async () => {
      Bun.spawnSync(["umount", "-l", path]);
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** A folder that hangs when it is told to, as a hard mount of a dead server does. */
export interface HangingVolume {
  /** Whoever asks it for anything waits from now on. */
  hang(): void;
  letGo(): void;
}

/** Shows what is in the folder `source` at `path`, through bindfs. */
export async function mountHanging(source: string, path: string): Promise<HangingVolume & AsyncDisposable> {
  for (const folder of [source, path]) mkdirSync(folder, { recursive: true });
  const child = Bun.spawn(["bindfs", "-f", source, path], {
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", [SCRATCH_VARIABLE]: scratchFolder() },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  await until(`${path} is mounted`, () => child.exitCode !== null || isMounted(path));
  if (child.exitCode !== null) throw new Error(`bindfs ended: ${child.exitCode}`);
  return {
    hang: () => child.kill("SIGSTOP"),
    letGo: () => child.kill("SIGCONT"),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
      Bun.spawnSync(["umount", "-l", path]);
    },
  };
}
