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

/** The two ways to look at a replica. */
export interface Looks {
  withoutWriting(): PromiseLike<Result<CheckedReplica, AgentError>>;
  toWrite(row: DeclaredReplica): PromiseLike<Result<CheckedReplica, AgentError>>;
}

/** As much of a loop's environment as the look needs. */
interface OthersThatDrain {
  readonly draining: () => readonly Draining<Pick<ReplicaLoop, "url" | "worksOn">>[];
  readonly signal: AbortSignal;
}

/** Looks at a replica, and writes nothing to it while others drain whose volume it is. */
export const checkUnlessInUse = (
  agent: Agent,
  replica: Replica,
  row: DeclaredReplica,
  others: OthersThatDrain & { readonly alone: InLine },
): Promise<Result<CheckedReplica, AgentError>> =>
  lookUnlessInUse(
    row,
    {
      withoutWriting: () => checkReplicaOf(agent, replica, row, false),
      toWrite: (known) => checkToWrite(agent, replica, known, others.alone),
    },
    others,
  );

export async function lookUnlessInUse(
  row: DeclaredReplica,
  looks: Looks,
  { draining, signal }: OthersThatDrain,
): Promise<Result<CheckedReplica, AgentError>> {
  if (draining().length === 0) return looks.toWrite(row);
  const seen = await looks.withoutWriting();
  // What hangs would hang once more. Whoever drains itself by now waits for nobody: it could be for itself, or for one that waits for it.
  if (seen.isErr() || seen.value.released !== undefined || signal.aborted) return seen;
  const { found } = seen.value;
  const former = draining().find(({ loop }) => found.kind === "ready" && loop.worksOn(found.marker));
  if (former !== undefined) return ok({ ...seen.value, found: stillInUse(former.loop.url), released: former.free });
  return looks.toWrite(seen.value.row);
}
