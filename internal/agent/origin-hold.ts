/** What the loop of a data directory has to know of workers that hang in it: while one does, nothing is asked there. */
import type { DeclaredDataDirectory } from "../inventory/mod.ts";
import type { Agent } from "./agent.ts";
import { REASONS } from "./condition.ts";
import type { StalledReply } from "./hands.ts";
import { originPlace } from "./held-up.ts";
import type { DataDirectorySummary } from "./reports.ts";

export class OriginHold {
  readonly #place: string;

  constructor(
    { hostName, path }: DeclaredDataDirectory,
    private readonly agent: () => Agent,
    private readonly signal: AbortSignal,
  ) {
    this.#place = originPlace(hostName, path);
  }

  get isHeld(): boolean {
    return this.agent().heldUp.has(this.#place);
  }

  hold(reply: StalledReply): void {
    this.agent().heldUp.hold(this.#place, reply);
  }

  /** Until what hangs there lets go, or everything ends. */
  async free(): Promise<void> {
    const held = this.agent().heldUp.until(this.#place);
    if (held === undefined) return;
    await Promise.race([held, new Promise((resolve) => this.signal.addEventListener("abort", resolve, { once: true }))]);
  }

  /** Is told of hangs while that runs. */
  async during(running: Promise<unknown>, onHeld: (detail: string) => void): Promise<void> {
    const { heldUp } = this.agent();
    heldUp.listen(this.#place, onHeld);
    await running;
    heldUp.forget(this.#place);
  }
}

/** What is known of a data directory in which a worker hangs, where the last scan had found no fault. */
export const heldUpSummary = (summary: DataDirectorySummary, message: string): DataDirectorySummary => ({
  ...summary,
  outcome: { kind: "failed", reason: "WorkerStalled", message, help: REASONS.WorkerStalled },
});
