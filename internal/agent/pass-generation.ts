/**
 * Raises the generation of a replica's volume when copies are recorded: before the first group of a pass, each minute within it, and once more at its end, so that a clone or a snapshot of any moment
 * before the last row is known as older by its generation. Whoever begins or commits meanwhile waits for it.
 *
 * Each group proves when it opens the volume that it is not behind, and keeps it open: what it has made durable is on that one, also when another is at the path by then, or none. So rows are committed
 * whether a later raise succeeds or not: a clone that was made before the pass is known by the first one.
 */
import { err, ok, type Result } from "neverthrow";
import type { Replica } from "../config/mod.ts";
import { type Generation, knownGeneration, type ReplicaId, recordEvent, setGeneration } from "../inventory/mod.ts";
import { type ReplicaProblem, replicaProblem } from "../replicate/mod.ts";
import { printable, randomHex } from "../sys/mod.ts";
import { type Agent, claimsToWrite, expectReply, isoTime } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { replicaSubject } from "./status.ts";
import { addressOf } from "./volume-address.ts";

const RAISED_EVERY_MILLISECONDS = 60_000;

export interface RaiseTarget {
  readonly replica: Replica;
  readonly row: { readonly id: ReplicaId };
  readonly marker: string;
}

/** Nothing when it is done; else why the replica as a whole cannot be worked on, and when a hung worker lets go. `notKept`: none can be kept there. */
export interface RaiseOutcome {
  readonly problem?: ReplicaProblem;
  readonly released?: Promise<void>;
  readonly notKept?: string;
}

export class PassGeneration {
  #raising: Promise<Result<RaiseOutcome, AgentError>> | undefined;
  #raisedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly agent: Agent,
    private readonly target: RaiseTarget,
  ) {}

  /** To be called before a group is given to a worker: the first of the pass waits, and those that come meanwhile. */
  async beforeGroup(): Promise<Result<RaiseOutcome, AgentError>> {
    return this.#raisedAt === Number.NEGATIVE_INFINITY ? this.beforeCommit() : ok({});
  }

  /** To be called before rows of the pass are committed. */
  async beforeCommit(): Promise<Result<RaiseOutcome, AgentError>> {
    if (this.#raising !== undefined) return this.#raising;
    if (this.agent.elapsed() - this.#raisedAt < RAISED_EVERY_MILLISECONDS) return ok({});
    this.#raising = raiseOf(this.agent, this.target);
    const raised = await this.#raising;
    this.#raising = undefined;
    if (raised.isOk() && raised.value.problem === undefined) this.#raisedAt = this.agent.elapsed();
    return raised;
  }

  /** To be called when nothing more will be committed. */
  atEnd = (): Promise<Result<RaiseOutcome, AgentError>> => raiseWhenDue(this.agent, this.target);
}

/** Raises it if copies were recorded since. */
export async function raiseWhenDue(agent: Agent, target: RaiseTarget): Promise<Result<RaiseOutcome, AgentError>> {
  const known = agent.inventory.readNow((session) => knownGeneration(session, target.row.id));
  if (known.isErr()) return err(known.error);
  return known.value.due ? raiseOf(agent, target) : ok({});
}

/** Raises it and records it. `accept`: an older state that the operator takes for the replica gets this generation, which is recorded already. */
export async function raiseOf(
  agent: Agent,
  { replica, row, marker }: RaiseTarget,
  accept?: Generation,
): Promise<Result<RaiseOutcome, AgentError>> {
  const claims = claimsToWrite(agent, row.id);
  if (claims.isErr()) return err(claims.error);
  const where = { address: addressOf(agent.state, replica), marker, claims: claims.value };
  const request = { ...where, token: randomHex(8), now: isoTime(agent.now()), ...(accept === undefined ? {} : { accept }) };
  const reply = await agent.hands.run({ kind: "raise-generation", request });
  if (reply.kind === "stalled") return ok({ problem: replicaProblem("WorkerStalled", reply.detail), released: reply.released });
  const answered = await expectReply(reply, "raise-generation");
  if (answered.isErr()) return err(answered.error);
  const { result } = answered.value;
  if ("problem" in result) return ok({ problem: result.problem });
  const { ok: raised } = result;
  if ("notKept" in raised) {
    if (accept !== undefined || raised.forNow) return tell(agent, replica, raised.notKept);
    const saved = await setGeneration(agent.inventory, row.id, undefined);
    return saved.isErr() ? err(saved.error) : tell(agent, replica, raised.notKept);
  }
  if (accept !== undefined) return ok({});
  const saved = await setGeneration(agent.inventory, row.id, raised.generation);
  return saved.isErr() ? err(saved.error) : ok({});
}

async function tell(agent: Agent, { id }: Replica, notKept: string): Promise<Result<RaiseOutcome, AgentError>> {
  const message = `a clone or an older state of it would not be noticed: ${notKept}`;
  agent.options.log.debug(`${printable(id)}: ${message}`);
  const event = { subject: replicaSubject(id), severity: "warning", reason: "GenerationNotKept", message } as const;
  return (await recordEvent(agent.inventory, event, agent.now())).map(() => ({ notKept }));
}
