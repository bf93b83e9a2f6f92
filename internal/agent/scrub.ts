/**
 * Keeps the promise of [verify]: reads the copies of one replica back, round after round, each in small tasks that are spread over the promised time. Which copy is
 * next, and when it is due, follows from the replica's row and the clock alone: a restart changes neither.
 *
 * Promises: nothing is read, and nothing asked of the inventory, while the promise is off; copying never waits for it; a volume that is not there gives no verdict.
 */
import type { Result } from "neverthrow";
import { beginRound, copiesAt, endRound, nextCopies, type Round, readRound, readTallies } from "../inventory/mod.ts";
import type { ReplicaProblem } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { ReadyReplica } from "./pass-options.ts";
import { askToVerify, commitVerified, type VerifyTarget } from "./verify-group.ts";
import { VerifyTotals } from "./verify-totals.ts";

/** Small, so that a disk is free again soon. */
const GROUP = { files: 256, bytes: 32 << 20, directories: 200 };
/**
 * A copy that was found wrong is read once a round, as any other, if it has the recorded size: that it is what was recorded again must not need a person, and costs no more than a good copy does. What
 * is of another size, or of no known digest, is not read.
 */
const SCOPE = { judged: true } as const;
/** A round takes this share of the promised time: the rest is for nights when nothing can be read. */
const SHARE_OF_PROMISE = 0.9;
/** What a file costs beside its bytes. */
const FILE_BYTES = 64 << 10;
/** After too much was gone at once it is looked at again: perhaps it is back. */
const FROZEN_MILLISECONDS = 3_600_000;

export interface ScrubEnvironment {
  readonly agent: () => Agent;
  readonly signal: AbortSignal;
  /** A task has ended: it is time to ask for the next one. `judged`: copies are to be repaired. */
  readonly onDone: (judged: boolean) => void;
  readonly onProblem: (problem: ReplicaProblem, released: Promise<void> | undefined) => void;
  readonly onBroken: (error: AgentError) => void;
}

/** When the next task of a round is due: milliseconds since 1970. Its pace is the share of the round that is done. */
export function dueAt(
  round: Round,
  total: { readonly files: number; readonly bytes: number },
  everyMilliseconds: number,
): number {
  const lasts = everyMilliseconds * SHARE_OF_PROMISE;
  if (round.begunAt === null) return round.wholeSince === null ? Number.NEGATIVE_INFINITY : round.wholeSince + lasts;
  const whole = total.bytes + total.files * FILE_BYTES;
  const done = round.bytes + round.files * FILE_BYTES;
  return round.begunAt + lasts * Math.min(1, whole === 0 ? 1 : done / whole);
}

export class Scrub {
  #running = false;
  #frozen: string | undefined;
  #frozenUntil = 0;
  #totals = new VerifyTotals();
  readonly #granted = new SharedArrayBuffer(8);

  constructor(private readonly environment: ScrubEnvironment) {}

  /** Why too much is gone at once; while that is so, nothing is judged. */
  get frozen(): string | undefined {
    return this.#frozen;
  }

  /** When to call `next` again, in milliseconds of the clock that never jumps; never while a task is running, or nothing is promised. */
  nextAt(ready: Pick<ReadyReplica, "row">): number {
    const agent = this.environment.agent();
    if (this.#running || agent.state.verify.everyMilliseconds === 0) return Number.POSITIVE_INFINITY;
    return agent.elapsed() + Math.max(0, this.#dueAt(ready) - agent.now());
  }

  /** Begins the next task if it is due; does not wait for it. */
  next(ready: ReadyReplica): void {
    const agent = this.environment.agent();
    if (this.#running || agent.state.verify.everyMilliseconds === 0 || this.#dueAt(ready) > agent.now()) return;
    this.#running = true;
    void this.#work(agent, ready).then((done) => {
      this.#running = false;
      if (done.isErr()) this.environment.onBroken(done.error);
      else this.environment.onDone(done.value);
    });
  }

  #dueAt({ row }: Pick<ReadyReplica, "row">): number {
    const { inventory, state, now, elapsed } = this.environment.agent();
    const due = inventory.readNow((session) => {
      const total = copiesAt(readTallies(session), row.id);
      return total.files === 0
        ? Number.POSITIVE_INFINITY
        : dueAt(readRound(session, row.id), total, state.verify.everyMilliseconds);
    });
    const again = this.#frozen === undefined ? 0 : now() + this.#frozenUntil - elapsed();
    return Math.max(again, due.unwrapOr(Number.POSITIVE_INFINITY));
  }

  /** One task; did verdicts come, or go? */
  async #work(agent: Agent, ready: ReadyReplica): Promise<Result<boolean, AgentError>> {
    const { inventory, state } = agent;
    const { id } = ready.row;
    const begun = await this.#begin(agent, ready);
    if (begun.isErr()) return begun.map(() => false);
    const page = inventory.readNow((session) => nextCopies(session, id, begun.value, SCOPE, GROUP));
    if (page.isErr()) return page.map(() => false);
    if (page.value.length === 0) return (await endRound(inventory, id)).map(() => false);
    const { bandwidthBytes } = state.verify;
    const limit = bandwidthBytes > 0 ? { limit: { shared: this.#granted, bytesPerSecond: bandwidthBytes } } : {};
    const target: VerifyTarget = { replica: ready.replica, row: ready.row, marker: ready.found.marker, ...limit };
    const asked = await askToVerify(agent, target, page.value, { level: "content", background: true });
    if (asked.isErr()) return asked.map(() => false);
    if (this.environment.signal.aborted) return asked.map(() => false);
    const settings = { inRound: true, maxLoss: state.scan.maxLoss };
    const committed = await commitVerified(agent, target, asked.value, this.#totals, settings);
    if (committed.isErr()) return committed.map(() => false);
    this.#freeze(agent, ready, committed.value.frozen);
    const { problem, released } = asked.value;
    if (problem !== undefined) this.environment.onProblem(problem, released);
    // What was taken back may still be stale, and what was to be copied of it was told of its verdict.
    const judged = committed.value.verdicts.length > 0 || committed.value.takenBack > 0;
    const ended = committed.value.isWhole && this.#frozen === undefined && this.#isLast(agent, ready, page.value.at(-1)?.id ?? 0);
    return ended ? (await endRound(inventory, id)).map(() => judged) : committed.map(() => judged);
  }

  #isLast({ inventory }: Agent, { row }: ReadyReplica, position: number): boolean {
    const one = { ...GROUP, files: 1 };
    return inventory.readNow((session) => nextCopies(session, row.id, position, SCOPE, one).length === 0).unwrapOr(false);
  }

  /** The last copy that was read in the round. */
  async #begin({ inventory, now }: Agent, { row }: ReadyReplica): Promise<Result<number, AgentError>> {
    const round = inventory.readNow((session) => readRound(session, row.id));
    if (round.isErr() || round.value.begunAt !== null) return round.map(({ position }) => position);
    this.#totals = new VerifyTotals();
    return (await beginRound(inventory, row.id, now())).map(() => 0);
  }

  #freeze(agent: Agent, { replica }: ReadyReplica, frozen: string | undefined): void {
    if (frozen !== undefined) {
      this.#frozenUntil = agent.elapsed() + FROZEN_MILLISECONDS;
      // The next look counts anew.
      this.#totals = new VerifyTotals();
      if (this.#frozen === undefined) agent.options.log.error(`${printable(replica.id)}: ${frozen}`);
    }
    this.#frozen = frozen;
  }
}
