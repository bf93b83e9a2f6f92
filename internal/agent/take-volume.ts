/**
 * An operator takes another state of a replica's volume for the replica: a clone, or a snapshot that was rolled back. It is recorded first, then the volume gets its generation, then every copy is
 * read. Broken off anywhere, no volume is believed, and either can be taken by reading it.
 */
import { err, ok, type Result } from "neverthrow";
import { abandonTaking, beginTaking, endTaking, knownGeneration, readConditions, setConditions } from "../inventory/mod.ts";
import { type ReplicaProblem, replicaProblem } from "../replicate/mod.ts";
import { printable, randomHex } from "../sys/mod.ts";
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { Reason } from "./condition.ts";
import { raiseOf, raiseWhenDue } from "./pass-generation.ts";
import { replicaSubject } from "./status.ts";
import type { VerifyTarget } from "./verify-group.ts";

/** Of these it is known that nothing was written to the volume. */
const REFUSALS = ["ReadOnly", "NotPermitted", "NoSpace", "NoInodes"];

/** Makes the volume the replica from now on; why that cannot be. */
export async function takeVolume(agent: Agent, target: VerifyTarget): Promise<Result<ReplicaProblem | undefined, AgentError>> {
  const { inventory } = agent;
  const { replica, row } = target;
  const known = inventory.readNow((session) => knownGeneration(session, row.id));
  if (known.isErr()) return err(known.error);
  const former = known.value.generation;
  const generation = { number: (former?.number ?? 0) + 1, token: randomHex(8) };
  const begun = await beginTaking(inventory, row.id, generation, agent.now());
  if (begun.isErr()) return err(begun.error);
  const raised = await raiseOf(agent, target, generation);
  if (raised.isErr()) return err(raised.error);
  const { notKept } = raised.value;
  const where = printable(replica.id);
  const problem =
    notKept === undefined ? raised.value.problem : replicaProblem("NotPermitted", `${where} cannot be taken: ${notKept}`);
  // What was being taken before stays that.
  if (problem === undefined || !REFUSALS.includes(problem.reason) || known.value.takingSince !== undefined) {
    const said = await sayReady(
      agent,
      target,
      "TakingUnfinished",
      `${where} was taken for the replica, and not all of it has been read`,
    );
    return said.map(() => problem);
  }
  const abandoned = await abandonTaking(inventory, row.id, former);
  return abandoned.isErr() ? err(abandoned.error) : ok(problem);
}

/** Another volume is taken when all of it was read. Copies that are there again are as good as copied. */
export async function endVerify(
  agent: Agent,
  target: VerifyTarget,
  complete: boolean,
  ready: boolean,
): Promise<Result<unknown, AgentError>> {
  // What cannot be raised now is when the replica is looked at next.
  if (target.wholly !== true || !complete) return ready ? raiseWhenDue(agent, target) : ok(undefined);
  const ended = await endTaking(agent.inventory, target.row.id);
  if (ended.isErr()) return err(ended.error);
  return sayReady(
    agent,
    target,
    "FilesPending",
    "it was taken for the replica, and has been read; the next sync copies what it lacks",
  );
}

/** It is not ready, for this reason, until an agent looks at it again. */
async function sayReady(
  agent: Agent,
  { replica }: VerifyTarget,
  reason: Extract<Reason, "TakingUnfinished" | "FilesPending">,
  message: string,
): Promise<Result<void, AgentError>> {
  const { inventory, declared, now } = agent;
  const subject = replicaSubject(replica.id);
  const read = inventory.readNow((session) => readConditions(session).filter((one) => one.subject === subject));
  if (read.isErr()) return err(read.error);
  const others = read.value.filter(({ type }) => type !== "Ready" && type !== "Stalled");
  const told = { reason, message, observedGeneration: declared.generation };
  const stalled = reason === "TakingUnfinished" ? [{ ...told, type: "Stalled", status: "True" as const }] : [];
  return setConditions(inventory, subject, [...others, { ...told, type: "Ready", status: "False" }, ...stalled], now());
}
