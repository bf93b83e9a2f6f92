/** Whose volume stands at a replica's root, where it is not the replica's own: another replica's, or one that takes its place because an operator said so. */
import { errAsync, okAsync, type ResultAsync } from "neverthrow";
import type { Replica } from "../config/mod.ts";
import { type DeclaredReplica, orderedAt, readTallies, recordEvent, replaceVolume, type Successor } from "../inventory/mod.ts";
import { type ReplicaProblem, replicaProblem } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { replicaSubject } from "./status.ts";

/** Its marker is that of another replica, which is declared as well. */
export function sameVolume({ id }: Replica, owner: string): ReplicaProblem {
  const message = `${printable(id)} carries the marker of the replica ${printable(owner)}: both are the same volume, or one is a clone of the other`;
  return replicaProblem("MarkerOfAnotherReplica", message);
}

/** The replica to go on with, where the problem is that its volume has a successor; else the problem. */
export function followSuccessor(
  agent: Agent,
  replica: Replica,
  row: DeclaredReplica,
  problem: ReplicaProblem,
): ResultAsync<{ readonly row: DeclaredReplica } | { readonly problem: ReplicaProblem }, AgentError> {
  const { inventory, now } = agent;
  const order = problem.successor;
  if (order === undefined) return okAsync({ problem });
  const asked = inventory.readNow((session) => ({
    last: row.marker === null ? 0 : orderedAt(session, row.marker),
    kept: readTallies(session).copies.filter((copy) => copy.replica === row.id && copy.state === "kept"),
  }));
  if (asked.isErr()) return errAsync(asked.error);
  // It was obeyed, and another came after it.
  if (order.orderedAt <= asked.value.last) return okAsync({ problem });
  const kept = asked.value.kept.reduce((sum, { files }) => sum + files, 0);
  return replaceVolume(inventory, row, order)
    .mapErr((error): AgentError => error)
    .andThen((replaced) => {
      if ("owner" in replaced) return okAsync({ problem: sameVolume(replica, replaced.owner) });
      const message = successionText(row, order, kept);
      agent.options.log.warn(`${printable(replica.id)}: ${message}`);
      const event = { subject: replicaSubject(replica.id), severity: "warning", reason: "VolumeReplaced", message } as const;
      return recordEvent(inventory, event, now()).map(() => ({ row: replaced.replica }));
    });
}

function successionText({ marker }: DeclaredReplica, successor: Successor, kept: number): string {
  const gone = kept === 0 ? "" : `, ${kept} of them of files that are gone at their origin,`;
  return `the volume ${successor.marker} has taken the place of ${marker}, because an operator said so: every file is copied to it; the copies on the former${gone} do not count any more, and are known if it comes back at another path`;
}
