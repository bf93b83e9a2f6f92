/** One case: the program is disturbed once, then left alone until it has finished; looked at after both. */
import type { Traced } from "../trace.ts";
import { kindOfCall } from "./fault-points.ts";
import type { FaultWorld } from "./fault-world.ts";
import { brokenLaws, type Findings, finishedCount, lookAt } from "./invariants.ts";
import { notIsolated, unexplained } from "./isolation.ts";
import { caseName, type Fault, type FaultCase } from "./scene.ts";

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

const FAULT_OF_OURS = "a fault of xtelemdb itself";
/** An error never makes the inventory one that only a person can heal, nor the command line wrong. */
const ENDS_AFTER_ERROR = [0, 1, 3];

/** A configuration that this user may not read is the one error that the command line is told by its own code: a restart does not heal it. */
const isRefused = ({ configuration }: FaultWorld, { code, struck }: Disturbed): boolean =>
  code === 2 && struck.every((line) => line.includes(`"${configuration}"`) && line.includes("EACCES"));

interface Disturbed extends Pick<Traced, "code" | "signal" | "stdout" | "stderr"> {
  readonly killed: boolean;
  /** The calls that were struck, one a thread at most, as strace recorded them; those that are no points of the scene are left out. */
  readonly struck: readonly string[];
}

async function disturb(world: FaultWorld, given: FaultCase): Promise<Disturbed> {
  const { scene, call, when, fault } = given;
  const how = `${call}:${fault.kind === "kill" ? "signal=SIGKILL" : `error=${fault.code}`}:when=${when}`;
  world.startMoving(when);
  try {
    if (scene === "far-end") {
      world.traceFarEnd(`-e trace=${call} -e inject=${how}`);
      const outcome = await world.sync();
      world.traceFarEnd(undefined);
      const { threads } = await world.farEnd();
      return { ...outcome, killed: outcome.signal !== null, struck: struckIn(world, threads, given) };
    }
    const outcome = await world.traced(["sync"], { inject: [how], leaveChildren: true });
    await world.farEnd();
    const killed = outcome.signal === "SIGKILL" || outcome.code === 128 + 9;
    return { ...outcome, killed, struck: struckIn(world, outcome.threads, given) };
  } finally {
    world.stopMoving();
  }
}

/** strace marks an error that it made; a kill it does not: there it is the last call of a thread that has made so many. */
function struckIn(world: FaultWorld, threads: Traced["threads"], { scene, call, when, fault }: FaultCase): readonly string[] {
  const isPoint = (line: string): boolean => kindOfCall(scene, call, line, world.folder) !== undefined;
  if (fault.kind === "error") return threads.flat().filter((line) => line.includes("(INJECTED)") && isPoint(line));
  const own = threads.map((lines) => lines.filter((line) => line.startsWith(`${call}(`)));
  return own.flatMap((lines) => (lines.length === when ? lines.slice(-1) : [])).filter(isPoint);
}

/** Struck before the program itself began: Bun gives up where it may not read /proc/self/maps. */
const isOfTheRuntime = ({ fault }: FaultCase, { signal, struck }: Disturbed): boolean =>
  fault.kind === "error" && signal === "SIGABRT" && struck.length === 0;

export async function runCase(world: FaultWorld, given: FaultCase): Promise<CaseResult> {
  const { fault, scene } = given;
  world.reset();
  const outcome = await disturb(world, given);
  const dies = fault.kind === "kill" && scene !== "far-end";
  const disturbed = dies ? outcome.killed : outcome.struck.length > 0;
  const failures: string[] = [];
  if (!dies && (outcome.killed || outcome.code === null) && !isOfTheRuntime(given, outcome))
    failures.push(`it ended by ${outcome.signal}`);
  if (!dies && disturbed && outcome.code !== null && !ENDS_AFTER_ERROR.includes(outcome.code) && !isRefused(world, outcome))
    failures.push(`it ended with ${outcome.code}: ${outcome.stderr.slice(0, 400)}`);
  if (outcome.stderr.includes(FAULT_OF_OURS)) failures.push(`it took the fault for its own: ${outcome.stderr.slice(0, 600)}`);
  const after = lookAt(world);
  failures.push(...brokenLaws(world, after));
  // What was said to be done is done, and what was not is said.
  if (outcome.code === 0 && finishedCount(after) < world.pending)
    failures.push(`it says converged, and ${finishedCount(after)} of ${world.pending} are done`);
  if (!dies && disturbed && outcome.code !== 1) failures.push(...notIsolated(world, outcome.struck, after));
  if (!dies && outcome.code === 3) failures.push(...(await unexplained(world, after)));
  failures.push(...(await heal(world, after)));
  if (failures.length > 0) failures.push(...outcome.struck.map((line) => `struck: ${line.slice(0, 300)}`));
  return {
    name: caseName(given),
    fault: fault.kind,
    disturbed,
    torn: after.torn.length,
    lost: after.lost.length,
    falseCurrent: after.falseCurrent.length,
    failures,
  };
}

/** The next runs finish the work, make nothing twice, and leave nothing behind. */
async function heal(world: FaultWorld, before: Findings): Promise<string[]> {
  const outcome = await world.run("sync", "--json");
  if (outcome.code !== 0)
    return [`the next sync ends with ${outcome.code}: ${outcome.stdout.slice(0, 1500)}${outcome.stderr.slice(0, 300)}`];
  const healed = lookAt(world);
  const failures = [
    ...brokenLaws(world, healed),
    ...healed.temporary.map((path) => `left behind: ${path}`),
    ...healed.behind.map((path) => `behind its source: ${path}`),
    ...Object.entries(before.finished)
      .filter(([path, inode]) => healed.finished[path] !== inode)
      .map(([path]) => `copied again: ${path}`),
  ];
  if (finishedCount(healed) !== world.pending) failures.push(`in the end ${finishedCount(healed)} of ${world.pending} are done`);
  const again = await world.syncSummary();
  if (again.code !== 0 || again.copied.files > 0)
    failures.push(`a run with nothing to do ends with ${again.code}, copies ${again.copied.files}`);
  return failures;
}
