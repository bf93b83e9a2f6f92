/** Whether changes in a data directory are reported by the kernel, and if not, what to do: one condition. */
import type { Condition } from "./condition.ts";
import type { ScanReply } from "./worker-protocol.ts";

export class WatchHealth {
  #problem: Pick<Condition, "reason" | "message"> | undefined;

  /** A new scan sets every watch anew. */
  begin(): void {
    this.#problem = undefined;
  }

  /** What a scan task has found. The first problem counts. */
  add({ watchProblem, changesElsewhere }: ScanReply): void {
    if (this.#problem !== undefined) return;
    if (watchProblem !== undefined) {
      const reason = watchProblem.reason === "too-many-watches" ? "TooManyWatches" : "WatchFailed";
      this.#problem = { reason, message: watchProblem.message };
    } else if (changesElsewhere !== undefined) {
      const message = `it is on ${changesElsewhere}: changes that other machines make are not reported`;
      this.#problem = { reason: "NetworkFileSystem", message };
    }
  }

  fail(detail: string): void {
    this.#problem = { reason: "WatchFailed", message: detail };
  }

  condition(): Condition {
    return this.#problem === undefined
      ? { type: "WatchHealthy", status: "True", reason: "Watching", message: "changes are reported by the kernel" }
      : { type: "WatchHealthy", status: "False", ...this.#problem };
  }
}
