/** When a data directory is scanned next: every `interval`; sooner where there was no way in, later and later; soon where somebody asks for it. */
import { backoffMilliseconds } from "../replicate/mod.ts";
import type { Agent } from "./agent.ts";

/** Lost events are made up for by a scan, but not by one scan after the other. */
const RESCAN_NOT_SOONER = 5_000;

export class ScanTimes {
  #endedAt = Number.NEGATIVE_INFINITY;
  #isAskedFor = false;
  /** Scans in a row that found no way in. */
  #failures = 0;
  #jitter = 0;

  constructor(private readonly agent: () => Agent) {}

  /** The last scan found no way in. */
  get hasFailed(): boolean {
    return this.#failures > 0;
  }

  /** Something is to be looked at that the last scan has not seen. */
  ask(): void {
    this.#isAskedFor = true;
  }

  begin(): void {
    this.#isAskedFor = false;
  }

  outcome(hasFailed: boolean): void {
    this.#failures = hasFailed ? this.#failures + 1 : 0;
    this.#jitter = this.agent().random();
  }

  end(): void {
    this.#endedAt = this.agent().elapsed();
  }

  /** By the clock that never jumps. */
  dueAt(): number {
    if (this.#isAskedFor) return this.#endedAt + RESCAN_NOT_SOONER;
    const { intervalMilliseconds } = this.agent().state.scan;
    if (!this.hasFailed) return this.#endedAt + intervalMilliseconds;
    return this.#endedAt + Math.min(intervalMilliseconds, backoffMilliseconds(this.#failures, this.#jitter));
  }
}
