/** What `verify` gives back: plain data, ready to be printed as a table or as JSON. */
import type { Amount, FindingCounts } from "../inventory/mod.ts";
import type { VerifyLevel } from "../replicate/mod.ts";

export interface VerifySummary {
  /** `good`: everything was looked at, and nothing stands against it. `incomplete`: something could not be looked at. */
  readonly outcome: "good" | "findings" | "incomplete" | "stopped";
  readonly level: VerifyLevel;
  readonly replicas: readonly ReplicaVerifySummary[];
  readonly durationMilliseconds: number;
}

export interface ReplicaVerifySummary {
  readonly url: string;
  /** Everything in question was looked at. */
  readonly complete: boolean;
  /** Why it was not looked at, or not to the end. */
  readonly problem: { readonly reason: string; readonly message: string; readonly help: string } | null;
  readonly looked: Amount;
  /** The part that was read back and is what it should be. */
  readonly read: Amount;
  /** Found by this run. */
  readonly found: FindingCounts;
  /** Read for the first time: their digests are known now, and only copies that were made from the same origin could be compared. */
  readonly firstDigests: number;
  /** Their modification time is another than was kept; their contents are the same. */
  readonly timesMoved: number;
  /** Read wrong once, and right the second time: a disk, a cable or a memory that errs. */
  readonly unsteady: number;
  /** They were found wrong before, and are what was recorded again: nothing stands against them any more. */
  readonly takenBack: number;
  /** Of these nothing can be said. */
  readonly unread: { readonly files: number; readonly example: string };
  /** Findings of this run and earlier ones, until a new copy takes their place or they are taken back. */
  readonly standing: number;
  readonly findings: readonly FindingReport[];
  /** Files that the inventory does not know; null where that was not looked for. */
  readonly dark: {
    readonly files: number;
    readonly bytes: number;
    readonly examples: readonly string[];
    readonly unlisted: number;
    readonly unlistedExample: string;
  } | null;
  readonly round: {
    /** Null while none is under way. */
    readonly begunAt: string | null;
    readonly files: number;
    readonly bytes: number;
    /** When the last one that came to its end began. */
    readonly wholeSince: string | null;
  };
}

export interface FindingReport {
  readonly host: string;
  readonly path: string;
  readonly state: string;
  readonly foundAt: string;
  readonly expected: string | null;
  readonly found: string | null;
  readonly message: string;
}
