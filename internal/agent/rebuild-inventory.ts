/**
 * Makes a lost or damaged inventory again from what the replicas keep of it: the newest copy of it that is whole; then, over that or over nothing, what the manifests know and
 * the disks confirm; then a look at every copy, so that no row says more than is there. All of that happens beside the place of the inventory, where it is put at the very end: who
 * is cut off before begins again. The old one is never removed, and a whole one never replaced.
 */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { err, ok, type Result, ResultAsync } from "neverthrow";
import type { DesiredState } from "../config/mod.ts";
import { checkInventory, type InventoryError, lockInventory } from "../inventory/mod.ts";
import { systemClock } from "../sys/mod.ts";
import { closeIdleConnections } from "../volume/mod.ts";
import { type AgentOptions, isoTime } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { FoundInventories } from "./found-inventories.ts";
import { importOrigins } from "./import-origins.ts";
import type { RebuildSummary } from "./rebuild-report.ts";
import { verify } from "./verify.ts";

export interface RebuildOptions extends AgentOptions {
  /** The file to begin with, instead of the newest copy on a replica. */
  readonly from?: string;
  readonly dryRun: boolean;
}

/** Errors: the inventory is whole, or held; what is wrong with a copy or a replica stands in the summary. */
export function rebuildInventory(state: DesiredState, options: RebuildOptions): ResultAsync<RebuildSummary, AgentError> {
  return new ResultAsync(run(state, options));
}

async function run(state: DesiredState, options: RebuildOptions): Promise<Result<RebuildSummary, AgentError>> {
  const { database } = state;
  const lock = lockInventory(database);
  if (lock.isErr()) return err(lock.error);
  const found = new FoundInventories(state);
  try {
    const whole = checkInventory(database);
    if (whole.isOk() && whole.value.problems.length === 0) {
      return err({ kind: "inventory-whole", path: database, fileOrigins: whole.value.fileOrigins });
    }
    // It is no damage that a newer release made it, or that it cannot be read.
    if (whole.isErr() && !MENDED.includes(whole.error.kind)) return err(whole.error);
    return await rebuild(state, options, found);
  } catch (exception) {
    if (!(exception instanceof Error && "syscall" in exception)) throw exception;
    return err({ kind: "inventory-unusable", path: database, detail: exception.message });
  } finally {
    found.clear();
    lock.value.release();
    closeIdleConnections();
  }
}

async function rebuild(
  state: DesiredState,
  options: RebuildOptions,
  found: FoundInventories,
): Promise<Result<RebuildSummary, AgentError>> {
  const { dryRun, signal } = options;
  // Of a run that was cut off.
  found.clear();
  if (options.from !== undefined) await found.take(options.from);
  else for (const replica of state.replicas) if (!signal.aborted) await found.lookAt(replica);
  const { copies, unseen } = found;
  // The operator named one: nothing else is what was asked for.
  const usable = options.from === undefined || found.hasAny;
  const early = { copies, unseen, setAside: null, dryRun, imported: null, verified: null };
  if (signal.aborted) return ok({ ...early, outcome: "stopped" });
  if (!usable || dryRun) return ok({ ...early, outcome: usable && unseen.length === 0 ? "complete" : "incomplete" });
  // Until every copy was looked at its rows may say what is not so any more: it is not the inventory before that.
  const beside = { ...state, database: found.path };
  const agentOptions = { ...options, database: state.database };
  const imported = await importOrigins(beside, { ...agentOptions, hash: false, dryRun: false });
  if (imported.isErr()) return err(imported.error);
  if (imported.value.outcome === "stopped") return ok({ ...early, outcome: "stopped", imported: imported.value });
  const look = { level: "metadata", scope: {}, acceptLoss: false, anew: true } as const;
  const verified = await verify(beside, { ...agentOptions, ...look });
  if (verified.isErr()) return err(verified.error);
  const told = { ...early, imported: imported.value, verified: verified.value };
  if (verified.value.outcome === "stopped") return ok({ ...told, outcome: "stopped" });
  const placed = place(found.path, state.database, isoTime((options.clock ?? systemClock).now()));
  if (placed.isErr()) return err(placed.error);
  const outcomes = [imported.value.outcome, verified.value.outcome];
  const outcome =
    outcomes.includes("incomplete") || unseen.length > 0
      ? "incomplete"
      : outcomes.includes("conflicts") || outcomes.includes("findings")
        ? "findings"
        : "complete";
  return ok({ ...told, outcome, setAside: placed.value });
}

/** Puts it where the inventory belongs; where the old one is then. */
function place(path: string, database: string, at: string): Result<string | null, InventoryError> {
  const log = `${path}-wal`;
  if (existsSync(log) && statSync(log).size > 0) {
    return err({ kind: "inventory-unusable", path, detail: "what it has learnt last could not be written into it" });
  }
  const setAside = keepAside(database, at);
  renameSync(path, database);
  flush(dirname(database));
  return ok(setAside);
}

const MENDED: readonly InventoryError["kind"][] = ["inventory-missing", "inventory-damaged"];

/**
 * The old one gets another name, with all that belongs to it; the database itself last, and where the file system can it keeps its own name, too, until the new one takes
 * it: who is killed here begins again, and no agent that is started meanwhile finds no inventory and begins an empty one.
 */
function keepAside(database: string, at: string): string | null {
  const name = `${database}.damaged-${at.replaceAll(/[-:]/g, "").replace(/\.\d+/, "")}`;
  let setAside: string | null = null;
  for (const end of ["-wal", "-shm", ""]) {
    if (!existsSync(database + end)) continue;
    if (end !== "" || !linked(database, name)) renameSync(database + end, name + end);
    setAside = name;
  }
  return setAside;
}

function linked(path: string, name: string): boolean {
  try {
    linkSync(path, name);
    return true;
  } catch {
    // Not every file system has a second name for a file.
    return false;
  }
}

function flush(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
