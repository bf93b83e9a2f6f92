/**
 * A replica whose volume a loop that drains still works on: its own former loop, or that of a former declaration of the same volume under another path or URL. Two at a time
 * would take each other's files for those of a dead run.
 */
import { ok, type Result } from "neverthrow";
import type { Replica } from "../config/mod.ts";
import type { DeclaredReplica } from "../inventory/mod.ts";
import { type ReplicaProblem, replicaProblem } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { ReplicaLoop } from "./replica-loop.ts";
import { type CheckedReplica, checkReplicaOf, checkToWrite, type InLine } from "./replica-pass.ts";
import type { Draining } from "./running-loops.ts";

/** `former`: what the volume was declared as, and is still worked on as. */
export const stillInUse = (former: string): ReplicaProblem =>
  replicaProblem(
    "StillInUse",
    `copies that were under way when the declaration of ${printable(former)} was taken away are finished first`,
  );

/** Looks at a replica, and writes nothing to it while others drain whose volume it is. */
export async function checkUnlessInUse(
  agent: Agent,
  replica: Replica,
  row: DeclaredReplica,
  { draining, alone }: { readonly draining: () => readonly Draining<ReplicaLoop>[]; readonly alone: InLine },
): Promise<Result<CheckedReplica, AgentError>> {
  let known = row;
  if (draining().length > 0) {
    const seen = await checkReplicaOf(agent, replica, row, false);
    // What hangs would hang once more.
    if (seen.isErr() || seen.value.released !== undefined) return seen;
    const { found } = seen.value;
    const former = draining().find(({ loop }) => found.kind === "ready" && loop.checked?.row.marker === found.marker);
    if (former !== undefined) return ok({ ...seen.value, found: stillInUse(former.loop.url), released: former.free });
    known = seen.value.row;
  }
  return checkToWrite(agent, replica, known, alone);
}
