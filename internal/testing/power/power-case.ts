/** One case: the disks as a cut has left them, looked at; then the program is run there to the end, and they are looked at again. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { SyncSummary } from "../../agent/mod.ts";
import { command, type Outcome, programPath, start } from "../program.ts";
import { jsonOf } from "../world.ts";
import { type Cut, type CutOptions, cutName, keptOf } from "./cut.ts";
import { writeStretches } from "./disk-log.ts";
import { failuresOf, judge } from "./judge.ts";
import { type Look, look } from "./look.ts";
import { OtherMounts } from "./other-mounts.ts";
import { DISKS, mountOptions } from "./recorded-disks.ts";
import type { Recorded, Recording } from "./recording.ts";

export interface PowerResult {
  readonly name: string;
  readonly torn: number;
  readonly lost: number;
  readonly falseCurrent: number;
  /** Everything that was wrong, in words; empty when nothing was. */
  readonly failures: readonly string[];
}

/** A failed case's disks are left for this long to be looked at: never, unless this variable says so. */
const KEEP = process.env.XTELEMDB_KEEP_DISKS;

let cases = 0;

export async function runPowerCase(recording: Recording, cut: Cut, options: CutOptions): Promise<PowerResult> {
  const { world, steps } = recording;
  const recorded = steps.get(cut.step);
  if (recorded === undefined) throw new Error(`there is no step ${cut.step}`);
  const folder = join(world.folder, `case-${++cases}`);
  mkdirSync(folder);
  const mounts = await OtherMounts.make(world.folder);
  try {
    mountDisks(recording, cut, options, folder, mounts);
    const left = look(world, mounts.wrapper);
    const judgement = judge(left, recorded, cut.flush === "end");
    const failures = failuresOf(judgement);
    // What was wrong before is wrong afterwards: once is enough.
    if (failures.length === 0) failures.push(...(await heal(recording, recorded, left, mounts)));
    const { torn, lost, falseCurrent } = judgement;
    return {
      name: cutName(cut),
      torn: torn.length,
      lost: lost.length,
      falseCurrent: falseCurrent.length,
      failures,
    };
  } finally {
    await mounts.end();
    if (KEEP === undefined) rmSync(folder, { recursive: true });
  }
}

function mountDisks(
  { world, disks, log }: Recording,
  cut: Cut,
  options: CutOptions,
  folder: string,
  { wrapper }: OtherMounts,
): void {
  const kept = keptOf(log, cut, options);
  for (const [index, disk] of DISKS.entries()) {
    const image = join(folder, disk);
    command("cp", "--sparse=always", disks.blank(disk), image);
    writeStretches(image, log.bytes, kept[index] ?? []);
    command(...wrapper, "mount", "-o", mountOptions(disks.kind), image, world.path(disk));
  }
}

/** The exit codes of cmd/xtelemdb/exit-code.ts, as a script would know them. */
const EXIT = { converged: 0, notConverged: 3 };

/** The next runs finish the work, make nothing twice, and leave nothing behind. */
async function heal({ ground, world }: Recording, recorded: Recorded, left: Look, { wrapper }: OtherMounts): Promise<string[]> {
  const { step, after } = recorded;
  const run = (...given: readonly string[]): Promise<Outcome> =>
    start([programPath(), ...given, "--config", world.configuration], {
      wrapper,
      environment: world.environment,
    }).ended;
  const said = ({ code, stdout, stderr }: Outcome): string => `ends with ${code}: ${stdout.slice(0, 500)}${stderr.slice(0, 500)}`;
  // libfuse 2 forgets times: what a run that was cut off has replaced is then not known again, and left alone for a person to look at.
  const converges = step.foreign !== true && step.freshOrigin !== true && ground.behindFuse !== true;
  const failures: string[] = [];
  const status = await run("status", "--json");
  if (status.code !== EXIT.converged && status.code !== EXIT.notConverged) failures.push(`status ${said(status)}`);
  if (step.again !== undefined) {
    const again = await run(...step.command(world));
    if (again.code === null || !step.again.includes(again.code)) failures.push(`${step.name}, once more, ${said(again)}`);
  }
  const sync = await run("sync");
  if (converges) {
    if (sync.code !== EXIT.converged) failures.push(`the next sync ${said(sync)}`);
    const idle = await run("sync", "--json");
    if (idle.code !== EXIT.converged || jsonOf<SyncSummary>(idle).copied.files > 0)
      failures.push(`a run with nothing to do ${said(idle)}`);
  }
  const now = look(world, wrapper);
  if (step.freshOrigin === true) failures.push(...spoilt(left, now, after));
  return [...failures, ...unfinished(now, after, converges, (path) => world.copyPath(path))];
}

/** Copies that were whole when the power came back, and whose origin had lost what it had not flushed. */
const spoilt = (left: Look, now: Look, after: Look): string[] =>
  Object.entries(left.copies)
    .filter(([path, digest]) => digest === after.copies[path] && now.copies[path] !== digest)
    .map(([path]) => `the last good copy is overwritten: ${path}`);

function unfinished(now: Look, after: Look, converges: boolean, copyPath: (path: string) => string): string[] {
  const untrue = now.rows.filter(({ path, sha256 }) => sha256 !== null && now.copies[path] !== sha256);
  const wrong = [
    ...now.temporary.map((path) => `left behind: ${path}`),
    ...untrue.map(({ path }) => `current in the end, and it is not: ${path}`),
    ...now.unfinished.map((path) => `in the end a manifest without its end: ${path}`),
    ...Object.entries(now.databases).flatMap(([path, said]) => (said === "ok" ? [] : [`in the end ${path}: ${said}`])),
  ];
  if (!converges) return wrong;
  for (const [path, digest] of Object.entries(after.origin)) {
    if (now.origin[path] !== digest) wrong.push(`in the end the origin file ${path} is ${now.origin[path] ?? "gone"}`);
    if (now.copies[copyPath(path)] !== digest) wrong.push(`in the end ${path} is not copied`);
    if (!now.rows.some((row) => row.path === copyPath(path))) wrong.push(`in the end ${path} is not recorded`);
  }
  return wrong;
}
