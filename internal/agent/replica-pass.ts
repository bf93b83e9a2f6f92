/** Looks at every declared replica: is it there, is it the one, does it take writes. Each answers for itself alone. */
import { errAsync, ok, okAsync, type Result, ResultAsync } from "neverthrow";
import type { Replica } from "../config/mod.ts";
import {
  type DeclaredReplica,
  forgetWhereNothingIsPending,
  inFlightDirectories,
  knownGeneration,
  markerOwner,
  recordEvent,
  setMarker,
  takeOverReplica,
} from "../inventory/mod.ts";
import { type ReplicaProblem, type ReplicaState, replicaProblem } from "../replicate/mod.ts";
import { printable, randomHex, randomUuid } from "../sys/mod.ts";
import { type Agent, claimsToWrite, expectReply, isoTime } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { StalledReply } from "./hands.ts";
import { raiseWhenDue } from "./pass-generation.ts";
import { replicaSubject } from "./status.ts";
import { addressOf } from "./volume-address.ts";
import { followSuccessor, sameVolume } from "./whose-volume.ts";
import type { Reply, Task } from "./worker-protocol.ts";

/** A declared replica and what was found at its root. */
export interface CheckedReplica {
  readonly replica: Replica;
  readonly row: DeclaredReplica;
  readonly found: { readonly kind: "ready"; readonly state: ReplicaState; readonly marker: string } | ReplicaProblem;
  /** A worker hangs in it; until this is over, another would only hang as well. */
  readonly released?: Promise<void>;
}

/** Performs actions one after the other. */
export type InLine = <Value>(action: () => Promise<Value>) => Promise<Value>;

/**
 * `mayWrite`: a new root gets its marker, and temporary files of a killed run are removed; else nothing is changed on any disk. Either way the rows of a volume that was declared
 * elsewhere before become the replica's, so that what is told of it is what a sync would find.
 */
export function checkReplicas(agent: Agent, mayWrite: boolean): ResultAsync<readonly CheckedReplica[], AgentError> {
  let last: Promise<unknown> = Promise.resolve();
  const inLine: InLine = (action) => {
    const done = last.then(action);
    last = done.catch(() => undefined);
    return done;
  };
  return ResultAsync.combine(
    agent.state.replicas.flatMap((replica) => {
      const row = agent.declared.replicas.find(({ url }) => url === replica.id);
      if (row === undefined) return [];
      return [mayWrite ? checkToWrite(agent, replica, row, inLine) : checkReplicaOf(agent, replica, row, false)];
    }),
  );
}

/**
 * Looks at a replica that is to be written to. Two new declarations of one root must not both write a marker: that is done one after the other (`inLine`), and only where a
 * look has found a root, so that nobody waits for a host that says nothing.
 */
export function checkToWrite(
  agent: Agent,
  replica: Replica,
  row: DeclaredReplica,
  inLine: InLine,
): ResultAsync<CheckedReplica, AgentError> {
  if (row.marker !== null) return checkReplicaOf(agent, replica, row, true);
  return checkReplicaOf(agent, replica, row, false).andThen((looked) =>
    looked.found.kind === "ready"
      ? // Its rows may be those of a former declaration by now.
        new ResultAsync(inLine(async () => checkReplicaOf(agent, replica, looked.row, true)))
      : okAsync(looked),
  );
}

/** Looks at one replica. */
export function checkReplicaOf(
  agent: Agent,
  replica: Replica,
  row: DeclaredReplica,
  mayWrite: boolean,
): ResultAsync<CheckedReplica, AgentError> {
  const address = addressOf(agent.state, replica);
  const now = isoTime(agent.now());
  const claims = claimsToWrite(agent, row.id);
  if (claims.isErr()) return errAsync(claims.error);
  const request = {
    address,
    marker: row.marker,
    reserveBytes: replica.reserveBytes,
    claims: claims.value,
    ...(mayWrite ? { claim: { since: now } } : {}),
    ...(mayWrite && row.marker === null ? { newMarker: { uuid: randomUuid(), created: now, hex: randomHex(8) } } : {}),
  };
  return ask(agent, { kind: "check-replica", request }, "check-replica").andThen((reply) => {
    if (reply.kind === "stalled") return okAsync({ replica, row, found: stalledProblem(reply), released: reply.released });
    const { result } = reply;
    if ("problem" in result) {
      return followSuccessor(agent, replica, row, result.problem).andThen((followed): ResultAsync<CheckedReplica, AgentError> => {
        if ("row" in followed) return checkReplicaOf(agent, replica, followed.row, mayWrite);
        const taking = followed.problem.reason === "ReadOnly" ? takingProblem(agent, replica, row) : ok(undefined);
        return taking.isErr() ? errAsync(taking.error) : okAsync({ replica, row, found: taking.value ?? followed.problem });
      });
    }
    return tellFormer(agent, replica, result.ok).andThen(() => identify(agent, replica, row, result.ok, mayWrite));
  });
}

/** The inventory was lost and begun anew: nothing that it knew is lost as long as somebody asks for it. */
function tellFormer(agent: Agent, { id }: Replica, { formerInventorySince }: ReplicaState): ResultAsync<void, AgentError> {
  // A rebuild, which works beside the place of the inventory, does what is advised here.
  if (formerInventorySince === undefined || agent.options.database !== undefined) return okAsync(undefined);
  const message = `another inventory kept the copies there since ${printable(formerInventorySince)}, in the place of this one, which was begun anew. What it knew (files that are gone at their origin, digests) comes back with "xtelemdb import_origins"`;
  // Also where only errors are shown: nobody begins one anew without having lost the other.
  agent.options.log.error(`${printable(id)}: ${message}`);
  const event = { subject: replicaSubject(id), severity: "warning", reason: "InventoryBegunAnew", message } as const;
  return recordEvent(agent.inventory, event, agent.now());
}

/** Performs a task and takes its reply for what it must be, or for a worker that hung. */
function ask<Kind extends "check-replica" | "clean">(agent: Agent, task: Task, kind: Kind) {
  type Expected = Extract<Reply, { readonly kind: Kind }> | StalledReply;
  return okAsync<undefined, AgentError>(undefined)
    .map(() => agent.hands.run(task))
    .andThen(
      (reply): ResultAsync<Expected, AgentError> => (reply.kind === "stalled" ? okAsync(reply) : expectReply(reply, kind)),
    );
}

const stalledProblem = ({ detail }: StalledReply): ReplicaProblem => replicaProblem("WorkerStalled", detail);

/** Whose marker is it? Ours; nobody's yet; a former declaration's of the same volume; or another replica's. */
function identify(
  agent: Agent,
  replica: Replica,
  row: DeclaredReplica,
  state: ReplicaState,
  mayWrite: boolean,
): ResultAsync<CheckedReplica, AgentError> {
  const { marker } = state;
  // Nothing may be written, and there is no marker yet: it would be written by a sync.
  if (marker === null) return okAsync({ replica, row, found: { kind: "ready", state, marker: "" } });
  const ready = (ours: DeclaredReplica): CheckedReplica => ({
    replica,
    row: ours,
    found: { kind: "ready", state, marker },
  });
  const owner = agent.inventory.readNow((session) => markerOwner(session, marker, row.id));
  if (owner.isErr()) return errAsync(owner.error);
  if (owner.value !== undefined) {
    return okAsync({ replica, row, found: sameVolume(replica, owner.value) });
  }
  if (row.marker === marker) {
    const problem = takingProblem(agent, replica, row);
    if (problem.isErr()) return errAsync(problem.error);
    if (problem.value !== undefined) return okAsync({ replica, row, found: problem.value });
    if (!mayWrite) return okAsync(ready(row));
    return clean(agent, ready(row), marker).andThen((cleaned) => raiseGeneration(agent, cleaned, marker));
  }
  return takeOverReplica(agent.inventory, row, marker)
    .mapErr((error): AgentError => error)
    .andThen((former) => {
      // Nobody knows the volume: to take it for the replica from now on is left to whoever writes to it.
      if (former === undefined && !mayWrite) return okAsync<CheckedReplica, AgentError>(ready(row));
      if (former !== undefined)
        agent.options.log.info(`${replica.id}: the volume is known from an earlier declaration; its copies are taken over`);
      const known = former === undefined ? setMarker(agent.inventory, row.id, marker) : okAsync<void, AgentError>(undefined);
      // Only now is it known what the volume has to prove.
      return known
        .andThen(() => checkReplicaOf(agent, replica, former ?? { ...row, marker }, mayWrite))
        .map((checked) => markerWrittenBy(checked, state));
    });
}

/** Why a volume that was taken for the replica is not to be worked on yet. */
function takingProblem(
  { inventory }: Agent,
  { id }: Replica,
  row: DeclaredReplica,
): Result<ReplicaProblem | undefined, AgentError> {
  const known = inventory.readNow((session) => knownGeneration(session, row.id));
  return known.map(({ takingSince }) => {
    if (takingSince === undefined) return undefined;
    const message = `${printable(id)} was taken for the replica at ${isoTime(takingSince)}, and not all of it has been read since`;
    return replicaProblem("TakingUnfinished", message);
  });
}

/** The second look finds the marker that the first has written. */
function markerWrittenBy(checked: CheckedReplica, { markerWritten }: ReplicaState): CheckedReplica {
  const { found } = checked;
  return found.kind === "ready" ? { ...checked, found: { ...found, state: { ...found.state, markerWritten } } } : checked;
}

/** What was recorded without it, by a run that was broken off or by an import, is seen to now; and so is a replica that never had one. */
function raiseGeneration(agent: Agent, checked: CheckedReplica, marker: string): ResultAsync<CheckedReplica, AgentError> {
  if (checked.found.kind !== "ready") return okAsync(checked);
  return new ResultAsync(raiseWhenDue(agent, { ...checked, marker })).map(({ problem, released }) =>
    problem === undefined ? checked : { ...checked, found: problem, ...(released === undefined ? {} : { released }) },
  );
}

/** Removes what a killed run left in the directories that it was working in. */
function clean(agent: Agent, checked: CheckedReplica, marker: string): ResultAsync<CheckedReplica, AgentError> {
  const noted = agent.inventory.readNow((session) => inFlightDirectories(session, checked.row.id));
  if (noted.isErr()) return errAsync(noted.error);
  const directories = agent.brokenOff.found(checked.row.id, noted.value);
  if (directories.length === 0) return okAsync(checked);
  const claims = claimsToWrite(agent, checked.row.id, [...new Set(directories.map(({ host }) => host))]);
  if (claims.isErr()) return errAsync(claims.error);
  const where = { address: addressOf(agent.state, checked.replica), marker, claims: claims.value };
  const request = { ...where, directories, now: agent.now() / 1000 };
  return ask(agent, { kind: "clean", request }, "clean").andThen((reply) => {
    if (reply.kind === "stalled") return okAsync({ ...checked, found: stalledProblem(reply), released: reply.released });
    const { result } = reply;
    if (result.removed > 0)
      agent.options.log.info(`${checked.replica.id}: removed ${result.removed} temporary files of an interrupted run`);
    if (result.problem !== undefined) return okAsync<CheckedReplica, AgentError>({ ...checked, found: result.problem });
    agent.brokenOff.tidied(checked.row.id, result.clean);
    return forgetWhereNothingIsPending(agent.inventory, checked.row.id, result.clean)
      .map(() => checked)
      .orElse((error) => errAsync<CheckedReplica, AgentError>(error));
  });
}
