/**
 * What a one-shot sync copies: a pass of each replica. Where a worker has hung in a source, that pass has ended early; what its group shared with that source is taken
 * by another one, as soon as what was begun is removed.
 */
import { ok, type Result, ResultAsync } from "neverthrow";
import { type Amount, declaredReplicas, type FileOriginId, sum } from "../inventory/mod.ts";
import { type Agent, servedHosts } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { CopyPass } from "./copy-pass.ts";
import { copyInventoryWhenDue } from "./inventory-copy-pass.ts";
import { writeDueManifests } from "./manifest-pass.ts";
import type { CopyPassResult, ReadyReplica, RecordOutcome } from "./pass-options.ts";
import { allFailures } from "./pass-totals.ts";
import { type CheckedReplica, checkReplicaOf } from "./replica-pass.ts";

const isReady = (one: CheckedReplica): one is ReadyReplica => one.found.kind === "ready";
const isFar = ({ replica }: CheckedReplica): boolean => replica.target.kind === "ssh";

/** Replicas side by side: a slow one does not hold up another. `pendingOf`: what each lacks, as the inventory stands. */
export function copyAll(
  agent: Agent,
  checked: readonly CheckedReplica[],
  pendingOf: (one: CheckedReplica) => Amount,
): ResultAsync<readonly CopyPassResult[], AgentError> {
  const ready = checked.filter(isReady);
  const copy = (some: readonly ReadyReplica[]): ResultAsync<CopyPassResult[], AgentError> =>
    ResultAsync.combine(some.map((one) => new ResultAsync(copyTo(agent, one, ready, pendingOf(one)))));
  const fromAfar = servedHosts(agent.state).some(({ name }) => name !== agent.state.hostname);
  if (!fromAfar) return copy(ready);
  // What comes from another host is fetched once: the copies on this machine are made first, and are the source for the rest.
  return copy(ready.filter((one) => !isFar(one))).andThen((near) => copy(ready.filter(isFar)).map((far) => [...near, ...far]));
}

/** Passes until nothing hangs that did not hang before, then what is written beside the copies. */
async function copyTo(
  agent: Agent,
  first: ReadyReplica,
  ready: readonly CheckedReplica[],
  pending: Amount,
): Promise<Result<CopyPassResult, AgentError>> {
  const failedBefore = new Set<FileOriginId>();
  const options = { dueAt: Number.MAX_SAFE_INTEGER, whole: true, ready: () => ready, mayAdvance: () => true, failedBefore };
  const passOver = (one: ReadyReplica, total?: Amount): Promise<Result<CopyPassResult, AgentError>> =>
    new CopyPass(agent, one, { ...options, ...(total && { pending: total }), signal: agent.options.signal }).run();

  const begun = await passOver(first, pending);
  if (begun.isErr()) return begun;
  let [one, result, last] = [first, begun.value, begun.value];
  // Each of them leaves one more source alone; one that lets go and hangs again does not keep a sync for ever.
  for (let left = sourcesOf(agent); left > 0 && last.brokenOff === true && mayGoOn(agent, last); left--) {
    const again = await checkAgain(agent, one);
    if (again.isErr()) return again.map(() => result);
    const { found, released } = again.value;
    if (found.kind !== "ready") return ok({ ...result, problem: found, ...(released && { released }) });
    one = { ...again.value, found };
    const ran = await passOver(one);
    if (ran.isErr()) return ran;
    last = ran.value;
    result = both(result, last);
  }
  if (result.problem !== undefined) return ok(result);
  const written = await writeRecords(agent, one);
  return written.map(({ hung }) => ({ ...result, ...hung }));
}

/** Where a worker hangs in the replica, another would only hang as well. */
async function writeRecords(agent: Agent, ready: ReadyReplica): Promise<Result<RecordOutcome, AgentError>> {
  const written = await writeDueManifests(agent, ready);
  if (written.isErr() || written.value.hung !== undefined) return written;
  return copyInventoryWhenDue(agent, ready, false);
}

const sourcesOf = ({ declared, state }: Agent): number => declared.dataDirectories.length + state.replicas.length;

const mayGoOn = ({ options }: Agent, { problem }: CopyPassResult): boolean => problem === undefined && !options.signal.aborted;

/** Removes what was begun; the row as it stands by now. */
async function checkAgain(agent: Agent, { replica, row }: ReadyReplica): Promise<Result<CheckedReplica, AgentError>> {
  const rows = agent.inventory.readNow((session) => declaredReplicas(session));
  return rows
    .mapErr((error): AgentError => error)
    .asyncAndThen((now) => checkReplicaOf(agent, replica, now.find(({ id }) => id === row.id) ?? row, true));
}

/** Two passes of one replica, one after the other. */
const both = (one: CopyPassResult, next: CopyPassResult): CopyPassResult => ({
  ...next,
  copied: sum(one.copied, next.copied),
  adopted: sum(one.adopted, next.adopted),
  failed: sum(one.failed, next.failed),
  failures: allFailures(one.failures, next.failures),
});
