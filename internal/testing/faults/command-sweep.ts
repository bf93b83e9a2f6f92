/**
 * Commands other than sync, killed at every system call that changes something. After each the laws hold; the same command, run again, ends as it would have; and the
 * next sync has nothing to do again that was done.
 */
import { copyFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { chosenCases } from "../chosen-cases.ts";
import type { FaultKind, FaultOptions, FaultRow } from "../fault-row.ts";
import { inventoryIntegrity } from "../inventory-file.ts";
import { readTree, temporaryFiles } from "../tree.ts";
import type { CaseResult } from "./fault-case.ts";
import { kindOfCall, pointsOfThreads, TRACED_CALLS } from "./fault-points.ts";
import { FaultWorld } from "./fault-world.ts";
import { brokenLaws, finishedCount, lookAt } from "./invariants.ts";
import { rowOf, sayResults } from "./kinds.ts";

interface CommandUnderFault {
  readonly words: (world: FaultWorld) => readonly string[];
  /** Makes the world in which it has something to do; the world is converged. */
  readonly prepare: (world: FaultWorld) => void;
  /** Exit codes of the same command when it is run again: another than 0 where the first run did the whole before it was killed. */
  readonly again: readonly number[];
  /** What is wrong in the end. */
  readonly look: (world: FaultWorld) => readonly string[];
}

const NOTHING = (): void => undefined;
const forgetInventory = (world: FaultWorld): void => rmSync(dirname(world.database), { recursive: true });

/** Every file that was restored is what its origin was. */
function restoredWrong(world: FaultWorld): string[] {
  const restored = readTree(join(world.path("restored"), world.data));
  const wrong = [...readTree(world.data)].filter(
    ([path, { kind, sha256 }]) => kind === "file" && restored.get(path)?.sha256 !== sha256,
  );
  return [
    ...wrong.map(([path]) => `not restored: ${path}`),
    ...temporaryFiles(world.path("restored")).map((path) => `left behind: restored/${path}`),
  ];
}

const declares = (world: FaultWorld, name: string): boolean =>
  readFileSync(world.configuration, "utf8").includes(`[replicas."${world.path(name)}"]`);

const COMMANDS: Readonly<Record<string, CommandUnderFault>> = {
  add_replica: {
    words: (world) => ["add_replica", `prefix=${world.path("third")}`],
    prepare: NOTHING,
    again: [0, 2],
    look: (world) => (declares(world, "third") ? [] : ["the replica is not declared"]),
  },
  remove_replica: {
    words: (world) => ["remove_replica", `prefix=${world.path("second")}`],
    prepare: NOTHING,
    again: [0, 2],
    look: (world) => (declares(world, "second") ? ["the replica is still declared"] : []),
  },
  verify: { words: () => ["verify"], prepare: NOTHING, again: [0], look: () => [] },
  restore: {
    words: (world) => ["restore", `to=${world.path("restored")}`],
    prepare: NOTHING,
    again: [0],
    look: restoredWrong,
  },
  import_origins: { words: () => ["import_origins"], prepare: forgetInventory, again: [0], look: () => [] },
  backup: {
    words: (world) => ["inventory", "backup", `to=${world.path("saved/inventory.db")}`],
    prepare: NOTHING,
    again: [0, 4],
    look: (world) => {
      const integrity = inventoryIntegrity(world.path("saved/inventory.db"));
      return integrity === "ok" ? [] : [`the backup: ${integrity}`];
    },
  },
  rebuild: {
    words: () => ["inventory", "rebuild"],
    prepare: forgetInventory,
    again: [0, 4],
    look: () => [],
  },
};

interface CommandCase {
  readonly command: string;
  readonly call: string;
  readonly when: number;
}

const nameOf = ({ command, call, when }: CommandCase): string => `command/${command}/${call}:${when}`;

/** The case of a name such as "command/restore/fsync:2"; undefined for what is none. */
export function commandCaseOf(name: string): CommandCase | undefined {
  const [, command, call, when] = /^command\/(\w+)\/(\w+):(\d+)$/.exec(name) ?? [];
  return command !== undefined && call !== undefined && COMMANDS[command] !== undefined
    ? { command, call, when: Number(when) }
    : undefined;
}

class CommandWorld {
  private constructor(readonly world: FaultWorld) {}

  static async make(): Promise<CommandWorld> {
    const world = await FaultWorld.make();
    await world.converge();
    copyFileSync(world.configuration, `${world.configuration}.before`);
    return new CommandWorld(world);
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  begin(command: CommandUnderFault): void {
    const { world } = this;
    world.reset();
    copyFileSync(`${world.configuration}.before`, world.configuration);
    world.emptyFolders("third", "restored", "saved");
    command.prepare(world);
  }
}

/** The points of a command. */
async function pointsOf(name: string, command: CommandUnderFault, made: CommandWorld): Promise<CommandCase[]> {
  const { world } = made;
  made.begin(command);
  const { threads, code, stdout, stderr } = await world.traced(command.words(world), {
    calls: TRACED_CALLS,
    leaveChildren: true,
  });
  if (code !== 0) throw new Error(`the undisturbed ${name} ends with ${code}: ${stdout}${stderr}`);
  return pointsOfThreads("local", threads, world.folder)
    .filter(({ changes }) => changes)
    .map(({ call, when }) => ({ command: name, call, when }));
}

async function runCommandCase(made: CommandWorld, given: CommandCase): Promise<CaseResult> {
  const { world } = made;
  const command = COMMANDS[given.command];
  if (command === undefined) throw new Error(`no command ${given.command}`);
  made.begin(command);
  const words = command.words(world);
  const killed = await world.traced(words, { inject: [`${given.call}:signal=SIGKILL:when=${given.when}`], leaveChildren: true });
  const disturbed = killed.signal === "SIGKILL" || killed.code === 128 + 9;
  const failures: string[] = [];
  // While an inventory is being made there may be none yet.
  const after = existsSync(world.database) && hasRows(world.database) ? lookAt(world) : undefined;
  if (after !== undefined) failures.push(...brokenLaws(world, after));
  const again = await world.run(...words);
  if (!command.again.includes(again.code ?? -1))
    failures.push(`run again it ends with ${again.code}: ${again.stdout.slice(0, 400)}${again.stderr.slice(0, 400)}`);
  failures.push(...command.look(world));
  const synced = await world.syncSummary();
  const declared = given.command === "add_replica" ? Object.keys(world.versions.after).length : 0;
  if (synced.code !== 0) failures.push(`the next sync ends with ${synced.code}`);
  if (declared === 0 && synced.copied.files > 0) failures.push(`the next sync copies ${synced.copied.files} again`);
  const healed = lookAt(world);
  failures.push(...brokenLaws(world, healed), ...healed.temporary.map((path) => `left behind: ${path}`));
  if (finishedCount(healed) !== world.pending) failures.push(`in the end ${finishedCount(healed)} of ${world.pending} are there`);
  const left = world.leftBesideConfiguration();
  failures.push(...left.map((path) => `left behind: ${basename(path)}`));
  if (failures.length > 0)
    failures.push(...killed.calls.filter((line) => kindOfCall("local", given.call, line, world.folder)).slice(-1));
  const { torn = [], lost = [], falseCurrent = [] } = after ?? {};
  return {
    name: nameOf(given),
    fault: "kill",
    disturbed,
    torn: torn.length,
    lost: lost.length,
    falseCurrent: falseCurrent.length,
    failures,
  };
}

const hasRows = (database: string): boolean => {
  try {
    return readFileSync(database).includes("file_replica");
  } catch {
    return false;
  }
};

export async function commandRow(cases: readonly CommandCase[], options: FaultOptions, fault: string): Promise<FaultRow> {
  const say = sayResults(fault, cases.length, options);
  const results: CaseResult[] = [];
  const left = cases.values();
  const runner = async (): Promise<void> => {
    using made = await CommandWorld.make();
    for (const one of left) {
      const result = await runCommandCase(made, one);
      results.push(result);
      say(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.jobs, cases.length) }, runner));
  return rowOf(fault, results);
}

const QUICK_CASES = 21;
const COMMANDS_KILLED = "other commands killed at a system call";

export const COMMAND_NAMES: readonly string[] = Object.keys(COMMANDS);

/** Every point of these commands. */
export async function commandCases(names = COMMAND_NAMES): Promise<readonly CommandCase[]> {
  using made = await CommandWorld.make();
  const all: CommandCase[] = [];
  for (const [name, command] of Object.entries(COMMANDS))
    if (names.includes(name)) all.push(...(await pointsOf(name, command, made)));
  return all;
}

/** Killed at every call of commands other than sync. */
export const commandSweep: FaultKind = async (options) => {
  const all = await commandCases();
  const cases = chosenCases(all, QUICK_CASES, options);
  options.say(`${COMMANDS_KILLED}: ${cases.length} of ${all.length} cases`);
  return [{ ...(await commandRow(cases, options, COMMANDS_KILLED)), of: all.length }];
};
