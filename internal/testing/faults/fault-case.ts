/** One case: the program is disturbed once, then left alone until it has finished; looked at after both. */
import type { SyncSummary } from "../../agent/mod.ts";
import { jsonOf } from "../world.ts";
import type { FaultPoint } from "./fault-points.ts";
import type { FaultWorld } from "./fault-world.ts";
import { brokenLaws, lookAt } from "./invariants.ts";

/** Error numbers that a disk, a mount or a limit gives. */
export const ERRORS = ["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS", "EINTR", "EMFILE", "ENOMEM", "ESTALE"] as const;

export type Fault = { readonly kind: "kill" } | { readonly kind: "error"; readonly code: (typeof ERRORS)[number] };

export interface FaultCase extends FaultPoint {
  readonly fault: Fault;
}

export interface CaseResult {
  readonly name: string;
  readonly fault: Fault["kind"];
  /** False: this run made fewer calls than the one that was counted, and nothing was disturbed. */
  readonly disturbed: boolean;
  readonly torn: number;
  readonly lost: number;
  readonly falseCurrent: number;
  /** Everything that was wrong, in words; empty when nothing was. */
  readonly failures: readonly string[];
}

/** A case's name, by which it can be repeated: "renameat2:7:kill". */
export const caseName = ({ call, when, fault }: FaultCase): string =>
  `${call}:${when}:${fault.kind === "kill" ? "kill" : fault.code}`;

/** The case of a name; undefined for what is none. */
export function caseOf(name: string): FaultCase | undefined {
  const [, call, when, word] = /^(\w+):(\d+):(\w+)$/.exec(name) ?? [];
  if (call === undefined || word === undefined) return undefined;
  const code = ERRORS.find((known) => known === word);
  if (word !== "kill" && code === undefined) return undefined;
  return { call, when: Number(when), fault: code === undefined ? { kind: "kill" } : { kind: "error", code } };
}

const FAULT_OF_OURS = "a fault of xtelemdb itself";

export async function runCase(world: FaultWorld, given: FaultCase): Promise<CaseResult> {
  const { call, when, fault } = given;
  world.reset();
  const how = fault.kind === "kill" ? "signal=SIGKILL" : `error=${fault.code}`;
  const outcome = await world.traced(["sync"], { inject: [`${call}:${how}:when=${when}`] });
  const killed = outcome.signal === "SIGKILL" || outcome.code === 128 + 9;
  const disturbed = fault.kind === "kill" ? killed : outcome.calls.some((line) => line.includes("(INJECTED)"));
  const failures: string[] = [];
  if (fault.kind === "error" && (killed || outcome.code === null)) failures.push(`it ended by ${outcome.signal}`);
  if (outcome.stderr.includes(FAULT_OF_OURS)) failures.push(`it took the fault for its own: ${outcome.stderr.slice(0, 300)}`);
  const after = lookAt(world);
  failures.push(...brokenLaws(world, after));
  // What was said to be done is done, and what was not is said.
  if (outcome.code === 0 && after.finished < world.pending)
    failures.push(`it says converged, and ${after.finished} of ${world.pending} are done`);
  failures.push(...(await heal(world, after.finished)));
  const count = (list: readonly string[]): number => list.length;
  return {
    name: caseName(given),
    fault: fault.kind,
    disturbed,
    torn: count(after.torn),
    lost: count(after.lost),
    falseCurrent: count(after.falseCurrent),
    failures,
  };
}

/** The next runs finish the work, make nothing twice, and leave nothing behind. */
async function heal(world: FaultWorld, finished: number): Promise<string[]> {
  const outcome = await world.run("sync", "--json");
  if (outcome.code !== 0)
    return [`the next sync ends with ${outcome.code}: ${outcome.stdout.slice(0, 600)}${outcome.stderr.slice(0, 300)}`];
  const failures: string[] = [];
  const copied = jsonOf<SyncSummary>(outcome).copied.files;
  if (copied > world.pending - finished)
    failures.push(`copied again: ${copied}, where ${finished} of ${world.pending} were there`);
  const healed = lookAt(world);
  failures.push(...brokenLaws(world, healed), ...healed.temporary.map((path) => `left behind: ${path}`));
  if (healed.finished !== world.pending) failures.push(`in the end ${healed.finished} of ${world.pending} are done`);
  const again = await world.syncSummary();
  if (again.code !== 0 || again.copied.files > 0)
    failures.push(`a run with nothing to do ends with ${again.code}, copies ${again.copied.files}`);
  return failures;
}
