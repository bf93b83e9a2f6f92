/** The system calls of one undisturbed run that change something, each with its number among the calls of its thread: that is how strace counts (`when=`). */
import { WRITING_CALLS } from "../trace.ts";
import type { FaultWorld } from "./fault-world.ts";

export interface FaultPoint {
  readonly call: string;
  /** The Nth call of a thread. */
  readonly when: number;
}

const OPENING = ["open", "openat", "openat2"];
/** Threads wake each other by these: they are not about files. */
const NO_FILE = /^\w+\(\d+<(?:anon_inode|pipe|socket|\/dev\/(?:null|pts|tty|u?random)|\/proc\/)/;
const NAME = /^([a-z]\w*[a-z0-9])\(/;

/** Every point, calls by name, numbers ascending. */
export async function faultPoints(world: FaultWorld): Promise<readonly FaultPoint[]> {
  world.reset();
  const { threads, code } = await world.traced(["sync"], { calls: [...OPENING, WRITING_CALLS].join(",") });
  if (code !== 0) throw new Error(`the undisturbed run ends with ${code}`);
  const points = new Map<string, Set<number>>();
  for (const lines of threads) {
    const counted = new Map<string, number>();
    for (const line of lines) {
      const call = NAME.exec(line)?.[1];
      // strace cannot be told to disturb a call that it has no name for.
      if (call === undefined || call.startsWith("syscall_")) continue;
      const when = (counted.get(call) ?? 0) + 1;
      counted.set(call, when);
      if (NO_FILE.test(line) || (OPENING.includes(call) && !line.includes("O_CREAT"))) continue;
      points.set(call, (points.get(call) ?? new Set()).add(when));
    }
  }
  return [...points.keys()]
    .toSorted()
    .flatMap((call) => [...(points.get(call) ?? [])].toSorted((a, b) => a - b).map((when) => ({ call, when })));
}
