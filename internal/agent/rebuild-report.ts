/** What `inventory rebuild` gives back: plain data, ready to be printed as text or as JSON. */
import type { ImportSummary, ReportedProblem } from "./import-report.ts";
import type { VerifySummary } from "./verify-report.ts";

export interface RebuildSummary {
  /** `findings`: all was looked at, and some of it is not what the copy of the inventory or a manifest says. */
  readonly outcome: "complete" | "findings" | "incomplete" | "stopped";
  /** Nothing was changed: it is what a rebuild would begin with. */
  readonly dryRun: boolean;
  /** Where what was left of the old inventory lies now; null where nothing was. */
  readonly setAside: string | null;
  readonly copies: readonly FoundCopy[];
  /** Replicas of which it could not be seen what copies they have. */
  readonly unseen: readonly (ReportedProblem & { readonly url: string })[];
  /** What the replicas know beyond the copy, or without one; null with a dry run. */
  readonly imported: ImportSummary | null;
  /** Whether the copies are there as they are known now, by size and time; null where it did not come to that. */
  readonly verified: VerifySummary | null;
}

/** A copy of an inventory. */
export interface FoundCopy {
  /** The replica that it lies on; null for a file that the operator named. */
  readonly url: string | null;
  readonly name: string;
  readonly bytes: number;
  readonly fileOrigins: number;
  readonly fileReplicas: number;
  /** When anything in it was seen, copied or read last. */
  readonly newestAt: string | null;
  /** Why it cannot be used; null where it can. */
  readonly problem: string | null;
  readonly chosen: boolean;
}
