/**
 * One pass of the loop: scan, look at the replicas, copy what they lack, say what came of it. It holds nothing over from the pass before: everything it
 * needs stands in the inventory and on the disks.
 */
import { errAsync, okAsync, type Result, ResultAsync } from "neverthrow";
import {
  type Amount,
  beginRun,
  dataDirectoryScans,
  endRun,
  failuresOf,
  keepConditionsOf,
  NOTHING,
  type RunOutcome,
  readTallies,
  recordEvent,
  setConditions,
  sum,
} from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";
import { type Agent, isoTime, servedHosts } from "./agent.ts";
import { type AgentError, agentErrorMessage } from "./agent-error.ts";
import { replicaAmounts } from "./amounts.ts";
import type { Condition } from "./condition.ts";
import { agentConditions, idlePatterns, type PendingOfReplica, replicaConditions } from "./conditions.ts";
import { copyAll } from "./copy-all.ts";
import { importAtFirstSight } from "./import-first-sight.ts";
import { independenceOf } from "./independent.ts";

import type { CopyPassResult } from "./pass-options.ts";

import { type CheckedReplica, checkReplicas } from "./replica-pass.ts";
import type { ScanSummary, SyncSummary } from "./reports.ts";
import { scanPass } from "./scan-pass.ts";
import { saveHangs, saveScans } from "./scan-teller.ts";
import { AGENT_SUBJECT, buildStatus, dataDirectorySubject, replicaSubject } from "./status.ts";
import { verificationOf, verifiedCondition } from "./verification.ts";

/** How old the status file gets while files are copied. */
const STATUS_EVERY_MILLISECONDS = 2_000;

const withGeneration = <Given>(agent: Agent, conditions: readonly Given[]): (Given & { observedGeneration: number })[] =>
  conditions.map((condition) => ({ ...condition, observedGeneration: agent.declared.generation }));

/** One effect after the other; the first error ends it. */
const forEach = <Item, Failure extends AgentError>(
  items: readonly Item[],
  action: (item: Item) => ResultAsync<void, Failure>,
): ResultAsync<void, AgentError> =>
  items.reduce<ResultAsync<void, AgentError>>((done, item) => done.andThen(() => action(item)), okAsync(undefined));

/** Writes the status file as things stand. */
export const publishStatus = (agent: Agent, phase: string | undefined): ResultAsync<void, AgentError> =>
  agent.inventory
    .read((session) =>
      buildStatus(session, agent.state, {
        version: agent.options.version,
        now: agent.now(),
        ...(phase === undefined
          ? {}
          : { phase, process: { pid: process.pid, command: agent.options.command, since: isoTime(agent.now()) } }),
      }),
    )
    .mapErr((error): AgentError => error)
    .andThen((document) => agent.statusFile.write(document));

/** The same on the way: a status file that cannot be written is told, and stops no copy. The end of the pass reports it. */
const publishProgress = (agent: Agent, phase: string): ResultAsync<void, AgentError> =>
  publishStatus(agent, phase).orElse((error) => {
    agent.options.log.warn(agentErrorMessage(error));
    return error.kind === "status-file" ? okAsync(undefined) : errAsync(error);
  });

/** Runs one pass to its end, or to the signal: everything that can be copied is, whenever it failed last. */
export const reconcile = (agent: Agent): ResultAsync<SyncSummary, AgentError> => new ResultAsync(runPass(agent));

async function runPass(agent: Agent): Promise<Result<SyncSummary, AgentError>> {
  const begun = agent.elapsed();
  const pass = await beginRun(agent.inventory, "sync", agent.now())
    .mapErr((error): AgentError => error)
    .andThen((run) =>
      forgetUndeclared(agent)
        .andThen(() => publishProgress(agent, "scanning"))
        .andThen(() => scanPass(agent, { acceptLoss: [] }))
        .andThen((scan) => saveScans(agent, scan, []).map(() => scan))
        .andThen((scan) =>
          checkReplicas(agent, true)
            .andThen((checked) => importFirst(agent, checked))
            .map((checked) => ({ run, scan, checked })),
        ),
    );
  if (pass.isErr()) return pass.map(neverReached);
  const { run, scan, checked } = pass.value;
  const published = await publishProgress(agent, "copying");
  if (published.isErr()) return published.map(neverReached);

  const ticker = setInterval(
    () => void publishStatus(agent, "copying").mapErr((error) => agent.options.log.debug(agentErrorMessage(error))),
    STATUS_EVERY_MILLISECONDS,
  );
  const copied = await readAmounts(agent, checked).andThen((amounts) =>
    copyAll(agent, checked, (one) => amounts.get(one)?.pending ?? NOTHING),
  );
  clearInterval(ticker);
  if (copied.isErr()) return copied.map(neverReached);
  const told = await saveHangs(agent, scan);
  if (told.isErr()) return told.map(neverReached);
  return finishPass(agent, { run, scan: told.value, checked, copied: copied.value, begun });
}

/** What a replica has is known before anything is copied to it; where that fails, the replica is not ready. */
const importFirst = (agent: Agent, checked: readonly CheckedReplica[]): ResultAsync<readonly CheckedReplica[], AgentError> =>
  ResultAsync.combine(
    checked.map((one): ResultAsync<CheckedReplica, AgentError> => {
      const { found } = one;
      if (found.kind !== "ready") return okAsync(one);
      return importAtFirstSight(agent, { ...one, found }).map(({ problem }) =>
        problem === undefined ? one : { ...one, found: problem },
      );
    }),
  );

const neverReached = (): SyncSummary => {
  throw new Error("an error has no value");
};

/** What each replica has and lacks, as the inventory stands. */
const readAmounts = (
  agent: Agent,
  checked: readonly CheckedReplica[],
): ResultAsync<Map<CheckedReplica, PendingOfReplica>, AgentError> =>
  agent.inventory
    .read((session) => {
      const tallies = readTallies(session);
      const wanted = new Set(
        dataDirectoryScans(session)
          .filter((scan) => scan.declared)
          .map((scan) => scan.id),
      );
      return new Map(
        checked.map((one) => [one, { ...replicaAmounts(tallies, one.row.id, wanted), failed: failuresOf(session, one.row.id) }]),
      );
    })
    .mapErr((error): AgentError => error);

interface Standing {
  /** What its copies are known by. */
  readonly verified: readonly Condition[];
  readonly independent: readonly Condition[];
}

const readStanding = (agent: Agent, checked: readonly CheckedReplica[]): Result<Map<CheckedReplica, Standing>, AgentError> =>
  agent.inventory.readNow((session) => {
    const tallies = readTallies(session);
    return new Map(
      checked.map((one) => {
        const status = verificationOf(session, agent.state, one.row.id, tallies, agent.now());
        const condition = verifiedCondition(status, agent.now());
        const verified = condition === undefined ? [] : [condition];
        return [one, { verified, independent: independenceOf(agent, session, one) }];
      }),
    );
  });

interface PassFindings {
  readonly run: number;
  readonly scan: ScanSummary;
  readonly checked: readonly CheckedReplica[];
  readonly copied: readonly CopyPassResult[];
  readonly begun: number;
}

function finishPass(agent: Agent, findings: PassFindings): ResultAsync<SyncSummary, AgentError> {
  const { scan, checked, copied } = findings;
  return readAmounts(agent, checked).andThen((amounts) => {
    const notReady: string[] = scan.dataDirectories.filter((one) => one.outcome.kind !== "scanned").map((one) => one.path);
    const read = readStanding(agent, checked);
    if (read.isErr()) return errAsync(read.error);
    return forEach(checked, (one) => {
      const amount = amounts.get(one) ?? { current: NOTHING, pending: NOTHING, growing: NOTHING, failed: NOTHING };
      const result = copied.find(({ url }) => url === one.replica.id);
      const { verified, independent } = read.value.get(one) ?? { verified: [], independent: [] };
      const conditions = [...replicaConditions(one, result, amount, independent), ...verified];
      if (!conditions.some(({ type, status }) => type === "Ready" && status === "True")) notReady.push(one.replica.id);
      return setConditions(
        agent.inventory,
        replicaSubject(one.replica.id),
        withGeneration(agent, conditions),
        agent.now(),
      ).andThen(() => recordFailures(agent, one, conditions));
    }).andThen(() => {
      const converged = notReady.length === 0 && scan.dataDirectories.length > 0 && checked.length > 0;
      const outcome: RunOutcome = agent.options.signal.aborted ? "stopped" : converged ? "converged" : "not-converged";
      for (const pattern of idlePatterns(scan))
        agent.options.log.warn(`exclude pattern ${JSON.stringify(pattern)} matches nothing`);
      const conditions = agentConditions(scan, agent.state, converged, notReady.length);
      const summary: SyncSummary = {
        outcome,
        copied: totalOf(copied.map((one) => one.copied)),
        adopted: totalOf(copied.map((one) => one.adopted)),
        failed: totalOf(copied.map((one) => one.failed)),
        durationMilliseconds: agent.elapsed() - findings.begun,
      };
      return setConditions(agent.inventory, AGENT_SUBJECT, withGeneration(agent, conditions), agent.now())
        .andThen(() => endRun(agent.inventory, findings.run, outcome, totalsOf(summary), agent.now()))
        .mapErr((error): AgentError => error)
        .andThen(() => publishStatus(agent, undefined))
        .map(() => summary);
    });
  });
}

const totalOf = (amounts: readonly Amount[]): Amount => amounts.reduce(sum, NOTHING);

const totalsOf = (summary: SyncSummary) => ({
  copiedFiles: summary.copied.files,
  copiedBytes: summary.copied.bytes,
  adoptedFiles: summary.adopted.files,
  failedFiles: summary.failed.files,
});

/** Events say what happened; the same one again is counted, not repeated. */
function recordFailures(
  agent: Agent,
  checked: CheckedReplica,
  conditions: readonly { type: string; status: string; reason: string; message: string }[],
): ResultAsync<void, AgentError> {
  const ready = conditions.find(({ type }) => type === "Ready");
  if (ready === undefined || ready.status === "True" || ready.reason === "FilesGrowing") return okAsync(undefined);
  const { id } = checked.replica;
  agent.options.log.warn(`${printable(id)}: ${ready.reason}: ${ready.message}`);
  const event = { subject: replicaSubject(id), severity: "warning", reason: ready.reason, message: ready.message } as const;
  return recordEvent(agent.inventory, event, agent.now());
}

/** Conditions of what is not declared any more are gone; the rows and the copies stay. */
function forgetUndeclared(agent: Agent): ResultAsync<void, AgentError> {
  const dataDirectories = servedHosts(agent.state).flatMap(({ name, dataDirectories: paths }) =>
    paths.map((path) => dataDirectorySubject(name, path)),
  );
  const replicas = agent.state.replicas.map((replica) => replicaSubject(replica.id));
  return keepConditionsOf(agent.inventory, [AGENT_SUBJECT, ...dataDirectories, ...replicas]).mapErr((error): AgentError => error);
}
