/** The system calls of one undisturbed run that can be struck, each with its number among the calls of its thread: that is how strace counts (`when=`). */
import { WRITING_CALLS } from "../trace.ts";
import type { FaultWorld } from "./fault-world.ts";
import type { FaultPoint, Scene } from "./scene.ts";

const OPENING = new Set(["open", "openat", "openat2"]);
const CHANGING = new Set(WRITING_CALLS.split(","));
const LOOKING = new Set(
  "read,pread64,readv,preadv,preadv2,getdents64,stat,lstat,fstat,newfstatat,statx,statfs,fstatfs,lseek,access,faccessat,faccessat2,readlink,readlinkat".split(
    ",",
  ),
);
const SENDING = new Set(["sendto", "sendmsg", "write", "writev"]);
const RECEIVING = new Set(["recvfrom", "recvmsg", "read", "readv"]);

/** What strace has to record so that points are found. */
export const TRACED_CALLS = [...new Set([...OPENING, ...CHANGING, ...LOOKING, ...SENDING, ...RECEIVING])].join(",");

const NAME = /^([a-z]\w*[a-z0-9])\(/;
/** The first argument is a descriptor of this kind. */
const ON = (kinds: string): RegExp => new RegExp(`^\\w+\\(\\d+<(?:${kinds})`);
/** Threads wake each other by these: they are not about files. */
const NO_FILE = ON("anon_inode|pipe|socket|/dev/(?:null|pts|tty|u?random)|/proc/");
/** What leads from the program to the far end's server, and back. */
const WAY = ON("socket|UNIX|pipe");

/** What a call does in a scene; undefined when it is none of its points. */
export function kindOfCall(scene: Scene, call: string, line: string, folder: string): "changes" | "looks" | undefined {
  if (scene === "ssh") {
    if (!WAY.test(line)) return undefined;
    return SENDING.has(call) ? "changes" : RECEIVING.has(call) ? "looks" : undefined;
  }
  if (scene === "far-end" && WAY.test(line)) return call === "write" ? "changes" : call === "read" ? "looks" : undefined;
  if (NO_FILE.test(line)) return undefined;
  if (OPENING.has(call)) return line.includes("O_CREAT") ? "changes" : line.includes(folder) ? "looks" : undefined;
  if (CHANGING.has(call)) return "changes";
  return LOOKING.has(call) && line.includes(folder) ? "looks" : undefined;
}

/** Every point of a scene, calls by name, numbers ascending. */
export async function faultPoints(world: FaultWorld): Promise<readonly FaultPoint[]> {
  const { scene } = world;
  world.reset();
  if (scene === "far-end") world.traceFarEnd(`-e trace=${TRACED_CALLS}`);
  const traced =
    scene === "far-end"
      ? { ...(await world.sync()), threads: [] }
      : await world.traced(["sync"], { calls: TRACED_CALLS, leaveChildren: true });
  if (traced.code !== 0) throw new Error(`the undisturbed run ends with ${traced.code}: ${traced.stdout}${traced.stderr}`);
  const { threads } = scene === "far-end" ? await world.farEnd() : traced;
  return pointsOfThreads(scene, threads, world.folder);
}

/** The points of a run that was recorded, calls by name, numbers ascending. */
export function pointsOfThreads(scene: Scene, threads: readonly (readonly string[])[], folder: string): readonly FaultPoint[] {
  const points = new Map<string, Map<number, boolean>>();
  for (const lines of threads) {
    const counted = new Map<string, number>();
    for (const line of lines) {
      const call = NAME.exec(line)?.[1];
      // strace cannot be told to disturb a call that it has no name for.
      if (call === undefined || call.startsWith("syscall_")) continue;
      const when = (counted.get(call) ?? 0) + 1;
      counted.set(call, when);
      const kind = kindOfCall(scene, call, line, folder);
      if (kind === undefined) continue;
      const known = points.get(call) ?? new Map<number, boolean>();
      points.set(call, known.set(when, known.get(when) === true || kind === "changes"));
    }
  }
  return [...points.keys()]
    .toSorted()
    .flatMap((call) =>
      [...(points.get(call) ?? [])].toSorted(([a], [b]) => a - b).map(([when, changes]) => ({ scene, call, when, changes })),
    );
}
