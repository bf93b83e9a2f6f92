/** When growing files that have waited too long are looked for: a few times within `max_wait`, and not while nothing grows. */
import { anyGrowing } from "../inventory/mod.ts";
import type { Agent } from "./agent.ts";

/** They are looked for this often at most, and this often at least. */
const EVERY_AT_LEAST = 1_000;
const EVERY_AT_MOST = 60_000;
const LOOKS_PER_WAIT = 10;

export class OverdueLooks {
  #dueAt = 0;

  constructor(private readonly agent: () => Agent) {}

  /** Before when a growing file must have been copied last (milliseconds since 1970); undefined while it is not time to look. */
  take(): number | undefined {
    const agent = this.agent();
    const { maxWaitMilliseconds } = agent.state.scan;
    if (agent.elapsed() < this.#dueAt) return undefined;
    const every = Math.min(EVERY_AT_MOST, Math.max(EVERY_AT_LEAST, maxWaitMilliseconds / LOOKS_PER_WAIT));
    this.#dueAt = agent.elapsed() + every;
    return agent.now() - maxWaitMilliseconds;
  }

  /** By the clock that never jumps. */
  nextAt(): number {
    const agent = this.agent();
    const growing = agent.inventory.readNow((session) => anyGrowing(session)).unwrapOr(true);
    return growing ? Math.max(this.#dueAt, agent.elapsed() + EVERY_AT_LEAST) : Number.POSITIVE_INFINITY;
  }
}
