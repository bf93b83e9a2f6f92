/**
 * Makes a lost or damaged inventory again from what the replicas keep of it: the newest copy of it that is whole; then, over that or over nothing, what the manifests know and
 * the disks confirm; then a look at every copy, so that no row says more than is there. The old one is never removed, and a whole one never replaced.
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync } from "node:fs";
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

type Placed = Pick<RebuildSummary, "setAside" | "copies" | "unseen"> & { readonly usable: boolean };

async function run(state: DesiredState, options: RebuildOptions): Promise<Result<RebuildSummary, AgentError>> {
  const placed = await place(state, options);
  if (placed.isErr()) return err(placed.error);
  const { usable, ...begun } = placed.value;
  const { dryRun, signal } = options;
  const early = { ...begun, dryRun, imported: null, verified: null };
  if (signal.aborted) return ok({ ...early, outcome: "stopped" });
  if (!usable || dryRun) return ok({ ...early, outcome: usable && begun.unseen.length === 0 ? "complete" : "incomplete" });
  const imported = await importOrigins(state, { ...options, hash: false, dryRun: false });
  if (imported.isErr()) return err(imported.error);
  if (imported.value.outcome === "stopped") return ok({ ...early, outcome: "stopped", imported: imported.value });
  const look = { level: "metadata", scope: {}, acceptLoss: false, anew: true } as const;
  const verified = await verify(state, { ...options, ...look });
  if (verified.isErr()) return err(verified.error);
  const outcomes = [imported.value.outcome, verified.value.outcome];
  const outcome = outcomes.includes("stopped")
    ? "stopped"
    : outcomes.includes("incomplete") || begun.unseen.length > 0
      ? "incomplete"
      : outcomes.includes("conflicts") || outcomes.includes("findings")
        ? "findings"
        : "complete";
  return ok({ ...begun, outcome, dryRun, imported: imported.value, verified: verified.value });
}

/** Puts the best copy where the inventory belongs, while nobody else can open it there. */
async function place(state: DesiredState, options: RebuildOptions): Promise<Result<Placed, AgentError>> {
  const { database, replicas } = state;
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
    if (options.from !== undefined) await found.take(options.from);
    else for (const replica of replicas) if (!options.signal.aborted) await found.lookAt(replica);
    const { copies, unseen } = found;
    // The operator named one: nothing else is what was asked for.
    const usable = options.from === undefined || found.hasAny;
    if (!usable || options.dryRun || options.signal.aborted) return ok({ copies, unseen, usable, setAside: null });
    const setAside = keepAside(database, isoTime((options.clock ?? systemClock).now()));
    if (found.hasAny) renameSync(found.path, database);
    flush(dirname(database));
    return ok({ copies, unseen, usable, setAside });
  } catch (exception) {
    if (!(exception instanceof Error && "syscall" in exception)) throw exception;
    return err({ kind: "inventory-unusable", path: database, detail: exception.message });
  } finally {
    found.close();
    lock.value.release();
    closeIdleConnections();
  }
}

const MENDED: readonly InventoryError["kind"][] = ["inventory-missing", "inventory-damaged"];

/** The old one gets another name, with all that belongs to it; the database itself last, so that who is killed here begins again. */
function keepAside(database: string, at: string): string | null {
  const name = `${database}.damaged-${at.replaceAll(/[-:]/g, "").replace(/\.\d+/, "")}`;
  let setAside: string | null = null;
  for (const end of ["-wal", "-shm", ""]) {
    if (!existsSync(database + end)) continue;
    renameSync(database + end, name + end);
    setAside = name;
  }
  return setAside;
}

function flush(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
