/** Imports what a replica has when it is seen for the first time and its declaration asks for that; and tells in an event what any import came to. */
import { err, ok, okAsync, type Result, ResultAsync } from "neverthrow";
import { importedAt, type ReplicaId, recordEvent } from "../inventory/mod.ts";
import type { ReplicaProblem } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { ImportPass, type ImportPassResult, type ImportTarget } from "./import-pass.ts";
import { raiseWhenDue } from "./pass-generation.ts";
import type { ReadyReplica } from "./pass-options.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import { replicaSubject } from "./status.ts";

/** How many folders of a replica are walked side by side. */
export const parallelOf = (agent: Agent, { replica, found }: CheckedReplica): number => {
  const rotating = found.kind !== "ready" || found.state.rotating;
  return replica.workers || (replica.target.kind === "ssh" || rotating ? 1 : agent.processors);
};

/** Imports, and records in an event what came of it. */
export async function importAndTell(agent: Agent, target: ImportTarget): Promise<Result<ImportPassResult, AgentError>> {
  const done = await new ImportPass(agent, target).run();
  if (done.isErr() || target.dryRun) return done;
  const { marker } = target;
  // Where that cannot be now (mounted read-only), it is seen to when the replica is looked at next.
  const raised = marker === null ? ok({}) : await raiseWhenDue(agent, { ...target, marker });
  if (raised.isErr()) return err(raised.error);
  const { summary } = done.value;
  const imported = summary.folders.reduce((sum, one) => sum + one.imported.files, 0);
  const linked = summary.folders.reduce((sum, one) => sum + one.linked.files, 0);
  const { conflicts, firstConflicts, complete, problem } = summary;
  const [first] = firstConflicts;
  const example = first === undefined ? "" : `, such as ${printable(first.path)} (${first.message})`;
  const message = `imported ${imported} files, linked ${linked} more to known origins; ${conflicts} conflicts${example}${complete ? "" : "; not all of it"}`;
  const why = problem === null ? "" : `: ${problem.message}`;
  const isWell = complete && conflicts === 0;
  const { log } = agent.options;
  (isWell ? log.info : log.warn).call(log, `${printable(target.replica.id)}: ${message}${why}`);
  const event = {
    subject: replicaSubject(target.replica.id),
    severity: isWell ? "info" : "warning",
    reason: "OriginsImported",
  } as const;
  const recorded = await recordEvent(agent.inventory, { ...event, message }, agent.now());
  return recorded.isErr() ? err(recorded.error) : done;
}

/**
 * Imports what a replica has, if its declaration asks for it and that was not done yet. A problem on the way is the replica's: nothing is copied to it before what is there
 * is known. What belongs to another inventory holds up nothing.
 */
export function importAtFirstSight(
  agent: Agent,
  ready: ReadyReplica,
): ResultAsync<Pick<ImportPassResult, "problem" | "released">, AgentError> {
  const { replica, row, found } = ready;
  if (!replica.importOrigins) return okAsync({});
  const before = agent.inventory.readNow((session) => importedAt(session, row.id));
  if (before.isErr()) return new ResultAsync(Promise.resolve(err(before.error)));
  if (before.value !== null) return okAsync({});
  const target = { replica, row, marker: found.marker, parallel: parallelOf(agent, ready), dryRun: false };
  return new ResultAsync(importAndTell(agent, target));
}

interface FirstSightEnvironment {
  readonly agent: () => Agent;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: ReplicaProblem, released: Promise<void> | undefined) => Promise<void>;
  readonly onChanged: () => void;
  readonly onBroken: (error: AgentError) => void;
}

/** The same for a replica that is looked at for ever: once it is done, nothing is asked any more. */
export class FirstSight {
  /** Done of this one; another volume may take its place. */
  #overOf: ReplicaId | undefined;

  constructor(private readonly environment: FirstSightEnvironment) {}

  /** False where it failed: nothing is to be copied yet. */
  async isOver(ready: ReadyReplica): Promise<boolean> {
    if (this.#overOf === ready.row.id || !ready.replica.importOrigins) return true;
    const { agent, signal, onProblem, onChanged, onBroken } = this.environment;
    const done = await importAtFirstSight(agent(), ready);
    if (done.isErr()) {
      onBroken(done.error);
      return false;
    }
    const { problem, released } = done.value;
    if (problem !== undefined) await onProblem(problem, released);
    else if (!signal.aborted) this.#overOf = ready.row.id;
    onChanged();
    return problem === undefined;
  }
}
