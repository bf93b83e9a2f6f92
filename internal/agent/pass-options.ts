/** What a copy pass is told, and what it comes to. */
import type { Amount, FileOriginId } from "../inventory/mod.ts";
import type { ReplicaProblem } from "../replicate/mod.ts";
import type { HostsAway } from "./hosts-away.ts";
import type { FailuresByReason } from "./pass-totals.ts";
import type { CheckedReplica } from "./replica-pass.ts";

export type ReadyReplica = CheckedReplica & { readonly found: { readonly kind: "ready" } };

export interface CopyPassResult {
  readonly url: string;
  readonly copied: Amount;
  readonly adopted: Amount;
  readonly failed: Amount;
  readonly failures: FailuresByReason;
  /** Why the pass ended before its plan did. */
  readonly problem?: ReplicaProblem;
  /** A worker hangs in the replica; until this is over, another would only hang as well. */
  readonly released?: Promise<void>;
  /** A worker hangs in what it was to copy from, so that the pass ended before its plan did: what it has begun in the replica is to be removed before the next one. */
  readonly brokenOff?: boolean;
  /** Something was planned and not tried, and nobody is waited for: another pass would find it. */
  readonly leftUntried?: boolean;
}

/** What came of the records (manifests, copy of the inventory) that were due at a replica. */
export interface RecordOutcome {
  /** All of them are there. */
  readonly isDone: boolean;
  /** A worker hangs in the replica; `released`: until then. */
  readonly hung?: { readonly problem: ReplicaProblem; readonly released: Promise<void> };
}

export interface CopyPassOptions {
  /** Milliseconds since 1970: failed files whose next attempt is due later wait. */
  readonly dueAt: number;
  /** Also what earlier passes left behind without an attempt. */
  readonly whole: boolean;
  /** Everything up to this revision is done, but for what waits for hosts that are away; left out: up to where the inventory says so. */
  readonly doneUpTo?: number;
  /** Files that grow since before this (milliseconds since 1970) are copied as far as they are. Left out: no growing file is. */
  readonly overdueBefore?: number;
  /** What the tallies say is pending: for the progress display. Left out by a pass that takes in what changes while it runs: it has no total. */
  readonly pending?: Amount;
  /** Replicas that are there: their copies can stand in for origins far away, and repair each other. */
  readonly ready: () => readonly CheckedReplica[];
  /** What only a host that is away can give is left for later. Left out: every host is tried, and nobody is told. */
  readonly hosts?: HostsAway;
  /** Files that have failed in the passes before, which belong to the same sync: they are not tried again, and those of this pass are added. */
  readonly failedBefore?: Set<FileOriginId>;
  /** Aborted: begin no further group. */
  readonly signal: AbortSignal;
  /** The desired state is still the one that the pass began with: else its end says nothing of what is reconciled. */
  readonly mayAdvance: () => boolean;
}
