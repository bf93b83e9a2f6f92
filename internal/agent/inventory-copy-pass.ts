/** Puts a copy of the inventory on a replica: not more often than the configuration says, and only when there is something new in it. */
import { err, ok, type Result } from "neverthrow";
import { inventoryCopyAt, inventoryMark, inventoryUuid, recordEvent, setInventoryCopy } from "../inventory/mod.ts";
import { inventoryCopyName, replicaProblem } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import { type Agent, claimsToWrite, expectReply } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { ReadyReplica, RecordOutcome } from "./pass-options.ts";
import { replicaSubject } from "./status.ts";
import { addressOf } from "./volume-address.ts";

/** Milliseconds until the next copy may be made; infinite while there is nothing new. The first of all waits until nothing is copied: the inventory is growing. */
export function inventoryCopyWait(agent: Agent, { row }: Pick<ReadyReplica, "row">, isCopying: boolean): number {
  const every = agent.state.inventoryCopyEveryMilliseconds;
  if (every === 0) return Number.POSITIVE_INFINITY;
  const now = agent.now();
  const wait = agent.inventory.readNow((session) => {
    const last = inventoryCopyAt(session, row.id);
    if (last.at === null) return isCopying ? Number.POSITIVE_INFINITY : 0;
    // A time that is still to come is of a clock that was set back since.
    const left = last.at > now ? 0 : last.at + every - now;
    if (left > 0) return left;
    return inventoryMark(session) === last.mark ? Number.POSITIVE_INFINITY : 0;
  });
  return wait.unwrapOr(Number.POSITIVE_INFINITY);
}

/** Makes the copy, if it is due. */
export async function copyInventoryWhenDue(
  agent: Agent,
  ready: ReadyReplica,
  isCopying: boolean,
): Promise<Result<RecordOutcome, AgentError>> {
  const { inventory, state, options } = agent;
  if (options.signal.aborted || inventoryCopyWait(agent, ready, isCopying) > 0) return ok({ isDone: true });
  const { replica, row, found } = ready;
  const { reserveBytes } = replica;
  const known = inventory.readNow((session) => ({ mark: inventoryMark(session), uuid: inventoryUuid(session) }));
  if (known.isErr()) return err(known.error);
  const claims = claimsToWrite(agent, row.id);
  if (claims.isErr()) return err(claims.error);
  const at = agent.now();
  const request = {
    replica: { address: addressOf(state, replica), marker: found.marker, claims: claims.value, reserveBytes },
    name: inventoryCopyName(state.hostname, known.value.uuid),
    gatheredAt: `${state.database}.copy-${row.id}`,
    at,
  };
  const reply = await agent.hands.run({ kind: "copy-inventory", request });
  if (reply.kind === "stalled") {
    const hung = { problem: replicaProblem("WorkerStalled", reply.detail), released: reply.released };
    return (await tell(agent, replica.id, reply.detail)).map((outcome) => ({ ...outcome, hung }));
  }
  const answered = await expectReply(reply, "copy-inventory");
  if (answered.isErr()) return err(answered.error);
  const { result } = answered.value;
  if ("failure" in result) return options.signal.aborted ? ok({ isDone: true }) : tell(agent, replica.id, result.failure);
  const saved = await setInventoryCopy(inventory, row.id, { at, mark: known.value.mark });
  return saved.isErr() ? err(saved.error) : ok({ isDone: true });
}

async function tell({ inventory, options, now }: Agent, url: string, why: string): Promise<Result<RecordOutcome, AgentError>> {
  const message = `the inventory could not be copied there: ${why}`;
  options.log.warn(`${printable(url)}: ${message}`);
  const event = { subject: replicaSubject(url), severity: "warning", reason: "InventoryNotCopied", message } as const;
  const recorded = await recordEvent(inventory, event, now());
  return recorded.isErr() ? err(recorded.error) : ok({ isDone: false });
}
