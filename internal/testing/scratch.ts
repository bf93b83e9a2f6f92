/**
 * One scratch folder for a test run. A reaper (a shell that waits for the end of its standard input) empties it when the run ends, however it ends; what
 * a reaper could not remove, the next run finds by its name.
 */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "xtelemdb-test-";

/** Every process that a test starts carries this variable with its folder, so that those that are left over are found. */
export const SCRATCH_VARIABLE = "XTELEMDB_TEST_SCRATCH";

const MEMORY = "/dev/shm";
const ENOUGH_BYTES = 4 * 2 ** 30;

/** Memory where there is plenty: a flush of the machine's own disk would wait for everybody else's writes. */
function baseFolder(): string {
  try {
    accessSync(MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize >= ENOUGH_BYTES) return MEMORY;
  } catch {
    // Not there: the usual place does.
  }
  return tmpdir();
}

/** Ends what runs there, unmounts what is mounted there or has its source there, removes the rest. `$1`: the folder. */
const CLEAN = `
folder=$1
grep -lzE "^${SCRATCH_VARIABLE}=$folder(/|$)" /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ pid _; do
  kill -KILL "$pid" 2>/dev/null
done
awk -v folder="$folder/" '{ at = 7; while ($at != "-") at++ } index($5, folder) == 1 || index($(at + 2), folder) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r mount; do
  umount -l "$mount"
done
rm -rf --one-file-system "$folder"
`;

const clean = (folder: string): void => {
  Bun.spawnSync(["bash", "-c", CLEAN, "clean", folder], { stdout: "ignore", stderr: "ignore" });
};

let folder: string | undefined;
let worlds = 0;

function open(): string {
  const base = baseFolder();
  for (const name of readdirSync(base)) {
    const pid = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : "";
    if (/^\d+$/.test(pid) && pid !== String(process.pid) && !existsSync(`/proc/${pid}`)) clean(join(base, name));
  }
  const path = join(base, `${PREFIX}${process.pid}`);
  mkdirSync(path, { recursive: true, mode: 0o755 });
  // The pipe to the reaper is closed by the kernel when this process ends, even when it is killed.
  const reaper = Bun.spawn(["setsid", "bash", "-c", `cat >/dev/null\n${CLEAN}`, "reaper", path], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
  });
  reaper.unref();
  return path;
}

/** The scratch folder of this test run. */
export function scratchFolder(): string {
  folder ??= open();
  return folder;
}

/** A new empty folder in it. */
export function makeScratch(): string {
  const path = join(scratchFolder(), String(++worlds));
  mkdirSync(path, { mode: 0o755 });
  return path;
}

/** Takes a folder of `makeScratch` away, with what is mounted below it and what was started for it. Synchronous, so that `using` can call it. */
export function removeScratch(path: string): void {
  if (isInUse(path) || !removedAtOnce(path)) clean(path);
}

function removedAtOnce(path: string): boolean {
  try {
    rmSync(path, { recursive: true, force: true });
    return true;
  } catch {
    // What came in between, or cannot be removed just so.
    return false;
  }
}

/** Is something mounted there, or does somebody run for it? Mostly not, and then nothing has to be started to find out. */
function isInUse(path: string): boolean {
  if (readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path}/`)) return true;
  return readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && carries(pid, path));
}

function carries(pid: string, path: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1")
      .split("\0")
      .some((variable) => variable === `${SCRATCH_VARIABLE}=${path}` || variable.startsWith(`${SCRATCH_VARIABLE}=${path}/`));
  } catch {
    // It has ended.
    return false;
  }
}

/** A scratch folder for one test: `using scratch = new Scratch()`. */
export class Scratch {
  readonly folder = makeScratch();

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  [Symbol.dispose](): void {
    removeScratch(this.folder);
  }
}
