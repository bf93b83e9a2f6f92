/** What the command line can ask of the agent and wait for: scan, plan, sync once. */
import { errAsync, type ResultAsync } from "neverthrow";
import type { DesiredState } from "../config/mod.ts";
import { dataDirectoryScans, declaredReplicas, NOTHING, readTallies, type Session } from "../inventory/mod.ts";
import { ReplicaPlan } from "../replicate/mod.ts";
import { type Agent, type AgentOptions, servedHosts, withAgent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { replicaAmounts } from "./amounts.ts";
import { REASONS } from "./condition.ts";
import { publishStatus, reconcile } from "./reconcile.ts";
import { type CheckedReplica, checkReplicas } from "./replica-pass.ts";
import type { PlanSummary, ReplicaPlanSummary, ScanSummary, SyncSummary } from "./reports.ts";
import { scanPass } from "./scan-pass.ts";
import { saveScans } from "./scan-teller.ts";

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
    saveScans(agent, summary, acceptLoss)
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
          .read((session) => checked.map((one) => planOf(session, agent.inventory.revision, one, options.first)))
          .mapErr((error): AgentError => error)
          .map((replicas) => ({
            replicas,
            scan: scanned,
            converged:
              scanned.complete &&
              scanned.dataDirectories.length > 0 &&
              replicas.length > 0 &&
              replicas.every((one) => one.ready && one.copy.files === 0 && one.growing.files === 0),
          })),
      ),
    ),
  );
}

/** @throws SQLiteError (the caller is inside `Session.read`) */
function planOf(session: Session, revision: number, { replica, row, found }: CheckedReplica, first: number): ReplicaPlanSummary {
  const current = declaredReplicas(session).find(({ id }) => id === row.id) ?? row;
  const space = found.kind === "ready" ? found.state.space : undefined;
  const planned = new ReplicaPlan(session, current, revision, { first }).summarise(space, replica.reserveBytes);
  const wanted = new Set(
    dataDirectoryScans(session)
      .filter((scan) => scan.declared)
      .map((scan) => scan.id),
  );
  const { growing } = replicaAmounts(readTallies(session), row.id, wanted);
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
  withAgent(state, options, (agent) => reconcile(agent));
