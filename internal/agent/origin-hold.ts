/** What the loop of a data directory has to know of workers that hang in it: while one does, nothing is asked there. */
import type { DeclaredDataDirectory } from "../inventory/mod.ts";
import type { Agent } from "./agent.ts";
import { REASONS } from "./condition.ts";
import type { StalledReply } from "./hands.ts";
import { type HeldUp, originPlace } from "./held-up.ts";
import type { DataDirectorySummary } from "./reports.ts";

export class OriginHold {
  readonly #place: string;

  constructor(
    private readonly dataDirectory: DeclaredDataDirectory,
    private readonly agent: () => Agent,
    private readonly signal: AbortSignal,
  ) {
    this.#place = originPlace(dataDirectory.hostName, dataDirectory.path);
  }

  get isHeld(): boolean {
    return this.agent().heldUp.has(this.#place);
  }

  hold(reply: StalledReply): void {
    this.agent().heldUp.hold(this.#place, reply);
  }

  /** What is to be told while a worker hangs there. `last`: what the last scan came to, if there was one. */
  told(last: DataDirectorySummary | undefined): DataDirectorySummary {
    return unlessHeldUp(this.agent().heldUp, last ?? notScanned(this.dataDirectory));
  }

  /** Until what hangs there lets go, or everything ends. */
  async free(): Promise<void> {
    const held = this.agent().heldUp.until(this.#place);
    if (held === undefined) return;
    await Promise.race([held, new Promise((resolve) => this.signal.addEventListener("abort", resolve, { once: true }))]);
  }

  /** Is told of hangs while that runs. */
  async during(running: Promise<unknown>, onHeld: () => void): Promise<void> {
    const forget = this.agent().heldUp.listen(this.#place, onHeld);
    await running;
    forget();
  }
}

/** What a scan came to; or that a worker hangs there, whatever else was found: nothing more can be done there before that is over. */
export function unlessHeldUp(heldUp: HeldUp, scanned: DataDirectorySummary): DataDirectorySummary {
  const message = heldUp.detail(originPlace(scanned.host, scanned.path));
  if (message === undefined) return scanned;
  return { ...scanned, outcome: { kind: "failed", reason: "WorkerStalled", message, help: REASONS.WorkerStalled } };
}

/** Of a data directory that was not scanned yet. */
const notScanned = ({ hostName, path }: DeclaredDataDirectory): DataDirectorySummary => ({
  host: hostName,
  path,
  files: 0,
  bytes: 0,
  added: 0,
  changed: 0,
  absent: 0,
  outcome: { kind: "scanned" },
  symlinks: 0,
  special: 0,
  excludedByPattern: [],
});
