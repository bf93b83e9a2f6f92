/**
 * Keeps on one replica what a lost inventory can be made from again, beside the copying and for ever: its manifests, and a copy of the inventory. While nothing is due it waits to
 * be woken, and asks nothing.
 */
import { nextManifestAt } from "../inventory/mod.ts";
import type { ReplicaProblem } from "../replicate/mod.ts";
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { Alarm } from "./alarm.ts";
import { copyInventoryWhenDue, inventoryCopyWait } from "./inventory-copy-pass.ts";
import { BESIDE, writeDueManifests } from "./manifest-pass.ts";
import type { ReadyReplica } from "./pass-options.ts";

/** How often it is asked, while copies are made, whether anything is due. */
const LOOK_WHILE_COPYING = 10_000;
const AGAIN_AFTER_FAILURE = 60_000;
/** To gather a copy costs a reading and a writing of the whole inventory. */
const COPY_AGAIN_AFTER_FAILURE = 600_000;

export interface RecordKeeperEnvironment {
  readonly agent: () => Agent;
  readonly signal: AbortSignal;
  /** The replica, while it is there. */
  readonly ready: () => ReadyReplica | undefined;
  /** Copies are being made: more may be due at any moment. */
  readonly isCopying: () => boolean;
  /** A worker hangs in the replica: it is left alone until that lets go. */
  readonly onProblem: (problem: ReplicaProblem, released: Promise<void> | undefined) => Promise<void>;
  readonly onBroken: (error: AgentError) => void;
}

export class RecordKeeper {
  readonly #alarm: Alarm;
  #notBefore = 0;
  #copyNotBefore = 0;

  constructor(private readonly environment: RecordKeeperEnvironment) {
    this.#alarm = new Alarm(environment.agent().clock, environment.signal);
  }

  /** Something may be due. */
  wake(): void {
    this.#alarm.ring();
  }

  async run(): Promise<void> {
    const { agent, signal, isCopying, ready: readyNow, onProblem, onBroken } = this.environment;
    while (!signal.aborted) {
      let ready = readyNow();
      if (ready !== undefined && agent().elapsed() >= this.#notBefore) {
        const done = await writeDueManifests(agent(), ready, BESIDE);
        if (done.isErr()) return onBroken(done.error);
        const { isDone, hung } = done.value;
        if (!isDone) this.#notBefore = agent().elapsed() + AGAIN_AFTER_FAILURE;
        // Also where the replica is not wanted any more: who wants it next waits until this lets go.
        if (hung !== undefined) await onProblem(hung.problem, hung.released);
        ready = readyNow();
      }
      if (ready !== undefined && !signal.aborted && agent().elapsed() >= this.#copyNotBefore) {
        const copied = await copyInventoryWhenDue(agent(), ready, isCopying());
        if (copied.isErr()) return onBroken(copied.error);
        const { isDone, hung } = copied.value;
        if (!isDone) this.#copyNotBefore = agent().elapsed() + COPY_AGAIN_AFTER_FAILURE;
        if (hung !== undefined) await onProblem(hung.problem, hung.released);
      }
      if (!signal.aborted) await this.#alarm.wait(this.#nextAt());
    }
  }

  #nextAt(): number {
    const agent = this.environment.agent();
    const ready = this.environment.ready();
    if (ready === undefined) return Number.POSITIVE_INFINITY;
    const now = agent.now();
    const elapsed = agent.elapsed();
    const next = agent.inventory.readNow((session) => nextManifestAt(session, ready.row.id, now, BESIDE)).unwrapOr(undefined);
    const due = next === undefined ? Number.POSITIVE_INFINITY : elapsed + Math.max(1, next - now);
    const look = this.environment.isCopying() ? elapsed + LOOK_WHILE_COPYING : Number.POSITIVE_INFINITY;
    const copyAt = inventoryCopyWait(agent, ready, this.environment.isCopying());
    return Math.min(Math.max(this.#notBefore, Math.min(due, look)), Math.max(this.#copyNotBefore, elapsed + copyAt));
  }
}
