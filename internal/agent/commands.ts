/** What the command line can ask of the agent: scan, plan, sync once, sync for ever. */
import { errAsync, ResultAsync } from "neverthrow";
import type { ConfigError, DesiredState } from "../config/mod.ts";
import { dataDirectoryScans, declaredReplicas, NOTHING, readConditions, readTallies } from "../inventory/mod.ts";
import { backoffMilliseconds, isTransportProblem, ReplicaPlan } from "../replicate/mod.ts";
import { type Agent, type AgentOptions, declareState, servedHosts, withAgent } from "./agent.ts";
import { type AgentError, agentErrorMessage } from "./agent-error.ts";
import { replicaAmounts } from "./amounts.ts";
import { REASONS } from "./condition.ts";
import { publishStatus, reconcile, saveScanConditions } from "./reconcile.ts";
import { type CheckedReplica, checkReplicas } from "./replica-pass.ts";
import type { PlanSummary, ReplicaPlanSummary, ScanSummary, SyncSummary } from "./reports.ts";
import { scanPass } from "./scan-pass.ts";

/** Scans this host's data directories. `acceptLoss`: data directories whose losses the operator has looked at. */
export function scan(
  state: DesiredState,
  options: AgentOptions & { readonly acceptLoss: readonly string[] },
): ResultAsync<ScanSummary, AgentError> {
  const declared: readonly string[] = servedHosts(state).flatMap((host) => host.dataDirectories);
  const strange = options.acceptLoss.find((path) => !declared.includes(path));
  if (strange !== undefined) return errAsync({ kind: "no-such-data-directory", path: strange, declared });
  return withAgent(state, options, (agent) => scanAndSay(agent, options.acceptLoss));
}

const scanAndSay = (agent: Agent, acceptLoss: readonly string[]): ResultAsync<ScanSummary, AgentError> =>
  scanPass(agent, { acceptLoss }).andThen((summary) =>
    saveScanConditions(agent, summary)
      .andThen(() => publishStatus(agent, undefined))
      .map(() => summary),
  );

/** Says what `sync` would do. Scans first; writes nothing to any origin or replica. */
export function plan(
  state: DesiredState,
  options: AgentOptions & { readonly first: number },
): ResultAsync<PlanSummary, AgentError> {
  return withAgent(state, options, (agent) =>
    scanAndSay(agent, []).andThen((scanned) =>
      checkReplicas(agent, false).andThen((checked) =>
        agent.inventory
          .read(() => checked.map((one) => planOf(agent, one, options.first)))
          .mapErr((error): AgentError => error)
          .map((replicas) => ({
            replicas,
            scan: scanned,
            converged:
              scanned.complete &&
              scanned.dataDirectories.length > 0 &&
              replicas.every((one) => one.ready && one.copy.files === 0 && one.growing.files === 0),
          })),
      ),
    ),
  );
}

/** @throws SQLiteError (the caller is inside `Session.read`) */
function planOf(agent: Agent, { replica, row, found }: CheckedReplica, first: number): ReplicaPlanSummary {
  const { inventory } = agent;
  const current = declaredReplicas(inventory).find(({ id }) => id === row.id) ?? row;
  const space = found.kind === "ready" ? found.state.space : undefined;
  const planned = new ReplicaPlan(inventory, current, inventory.revision, { first }).summarise(space, replica.reserveBytes);
  const wanted = new Set(
    dataDirectoryScans(inventory)
      .filter((scan) => scan.declared)
      .map((scan) => scan.id),
  );
  const { growing } = replicaAmounts(readTallies(inventory), row.id, wanted);
  return {
    url: replica.id,
    ready: found.kind === "ready",
    message: found.kind === "ready" ? "" : found.message,
    help: found.kind === "ready" ? "" : REASONS[found.reason],
    copy: planned.copy,
    replace: planned.replace,
    growing: growing ?? NOTHING,
    retry: planned.retry,
    space: space
      ? {
          freeBytes: space.freeBytes,
          reserveBytes: replica.reserveBytes,
          freeInodes: space.totalInodes === 0 ? null : space.freeInodes,
        }
      : null,
    fits: planned.firstThatDoesNotFit === null,
    firstThatDoesNotFit: planned.firstThatDoesNotFit,
    first: planned.first,
  };
}

/** One pass: everything that can be copied is. */
export const sync = (state: DesiredState, options: AgentOptions): ResultAsync<SyncSummary, AgentError> =>
  withAgent(state, options, (agent) => reconcile(agent, { everything: true }));

export interface ContinuousOptions extends AgentOptions {
  /** Reads the configuration again; a bad one leaves the last good one in force. */
  readonly reload: () => ResultAsync<DesiredState, ConfigError>;
  readonly renderConfigError: (error: ConfigError) => string;
  readonly onPass?: (summary: SyncSummary) => void;
}

/** Passes for ever, until the signal. The database and the status file named at the start stay in use. */
export function syncContinuously(state: DesiredState, options: ContinuousOptions): ResultAsync<SyncSummary, AgentError> {
  return withAgent(state, options, (agent) => new ResultAsync(loop(agent, options)));
}

async function loop(first: Agent, options: ContinuousOptions) {
  let agent = first;
  /** Passes in a row in which another host could not be reached. */
  let unreached = 0;
  for (;;) {
    const pass = await reconcile(agent, { everything: false });
    if (pass.isOk()) options.onPass?.(pass.value);
    else if (pass.error.kind !== "status-file") return pass;
    else options.log.error(agentErrorMessage(pass.error));
    unreached = someoneUnreached(agent) ? unreached + 1 : 0;
    const retryIn = unreached > 0 ? backoffMilliseconds(unreached, Math.random()) : Number.POSITIVE_INFINITY;
    await pause(Math.min(nextPassIn(agent), retryIn), options.signal);
    if (options.signal.aborted) return pass;
    agent = await reloaded(agent, options);
  }
}

/** Is there a replica or an origin host to which the way failed? It is tried again sooner than the next full scan is due. */
const someoneUnreached = (agent: Agent): boolean =>
  readConditions(agent.inventory).some(
    ({ type, status, reason }) => (type === "Ready" || type === "Scanned") && status === "False" && isTransportProblem(reason),
  );

/** A growing file settles before the next full scan is due: look again then. */
function nextPassIn(agent: Agent): number {
  const { intervalMilliseconds, settleMilliseconds } = agent.state.scan;
  const growing = readTallies(agent.inventory).origins.some(({ state, files }) => state === "growing" && files > 0);
  return growing ? Math.min(intervalMilliseconds, Math.max(1_000, settleMilliseconds)) : intervalMilliseconds;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}

async function reloaded(agent: Agent, options: ContinuousOptions): Promise<Agent> {
  const next = await options.reload();
  if (next.isErr()) {
    options.log.error(
      `the configuration is rejected, the last good one stays in force:\n${options.renderConfigError(next.error)}`,
    );
    return agent;
  }
  if (next.value.hash === agent.state.hash) {
    // The rows may have moved on: the reconciled revisions are read anew for every pass.
    const declared = await declareState(agent.inventory, agent.state);
    return declared.isOk() ? { ...agent, declared: declared.value } : agent;
  }
  const state = { ...next.value, database: agent.state.database, statusFile: agent.state.statusFile };
  const declared = await declareState(agent.inventory, state);
  if (declared.isErr()) return agent;
  options.log.info(`configuration generation ${declared.value.generation} is in force`);
  return { ...agent, state, declared: declared.value };
}
