/** What the commands get back from the agent: plain data, ready to be printed as a table or as JSON. */

import type { Amount } from "../inventory/mod.ts";
import type { TransportProblemReason } from "../replicate/mod.ts";

/** What a scan of this host's data directories came to. */
export interface ScanSummary {
  readonly startedAt: string;
  readonly durationMilliseconds: number;
  readonly dataDirectories: readonly DataDirectorySummary[];
  /** True when every data directory was scanned wholly and none is frozen. */
  readonly complete: boolean;
}

/** Why a data directory could not be scanned at all. */
export type ScanFailureReason =
  | "DataDirectoryMissing"
  | "DataDirectoryUnreadable"
  | "TooManyEntries"
  | "WorkerStalled"
  | TransportProblemReason;

export interface DataDirectorySummary {
  readonly host: string;
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
  readonly added: number;
  readonly changed: number;
  readonly absent: number;
  readonly outcome:
    | { readonly kind: "scanned" }
    | { readonly kind: "partly"; readonly unreadable: number; readonly example: string }
    | {
        readonly kind: "failed";
        readonly reason: ScanFailureReason;
        readonly message: string;
        readonly help: string;
      }
    | {
        readonly kind: "frozen";
        readonly lost: number;
        readonly known: number;
        readonly help: string;
        /** What was lost is of this path, which was a data directory of its own. */
        readonly former?: string;
      };
  /** Patterns of [scan] exclude that matched nothing here or anywhere. */
  readonly symlinks: number;
  readonly special: number;
  readonly excludedByPattern: readonly { readonly pattern: string; readonly matches: number }[];
}

/** What `plan` prints; the same object that `sync` executes carries it. */
export interface PlanSummary {
  readonly replicas: readonly ReplicaPlanSummary[];
  readonly scan: ScanSummary | null;
  /** True when there is nothing to do and nothing in the way. */
  readonly converged: boolean;
}

export interface ReplicaPlanSummary {
  readonly url: string;
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly message: string;
  readonly help: string;
  readonly copy: Amount;
  /** The part of `copy` that replaces older copies. */
  readonly replace: Amount;
  /** Not in `copy`: files that may still be written. */
  readonly growing: Amount;
  /** The part of `copy` whose last attempt failed. */
  readonly retry: Amount;
  readonly space: { readonly freeBytes: number; readonly reserveBytes: number; readonly freeInodes: number | null } | null;
  readonly fits: boolean;
  readonly firstThatDoesNotFit: { readonly host: string; readonly path: string; readonly size: number } | null;
  /** The first files of the plan, in the order in which they would be copied. */
  readonly first: readonly {
    readonly host: string;
    readonly path: string;
    readonly size: number;
    readonly why: "new" | "changed" | "retry";
  }[];
}

export interface SyncSummary {
  readonly outcome: "converged" | "not-converged" | "stopped";
  readonly copied: Amount;
  readonly adopted: Amount;
  readonly failed: Amount;
  readonly durationMilliseconds: number;
}

/** The whole story of one path. */
export interface Explanation {
  readonly path: string;
  /** One a host that has had a file there. */
  readonly files: readonly FileExplanation[];
  /** When no host has had one: what is known instead (outside every data directory, excluded by a pattern, below something unreadable, never seen). */
  readonly unknown: { readonly message: string; readonly help: string } | null;
}

export interface FileExplanation {
  readonly host: string;
  readonly dataDirectory: string;
  readonly declared: boolean;
  readonly state: string;
  readonly size: number;
  readonly modified: string;
  readonly observed: string;
  /**
   * Since when it has not been finished, and when what there is of it is copied at the latest, if an agent runs: null where all of that has been copied, as far as it can be;
   * null while it does not grow.
   */
  readonly growing: { readonly since: string; readonly copiedAtLatest: string | null } | null;
  /** One sentence about the origin. */
  readonly message: string;
  /** Why the last scan could not see it, so that all this is from before; null when it could. */
  readonly unseen: { readonly message: string; readonly help: string } | null;
  readonly replicas: readonly FileReplicaExplanation[];
}

export interface FileReplicaExplanation {
  readonly url: string;
  readonly declared: boolean;
  /** `missing`, `current`, `stale`, ... */
  readonly state: string;
  /** Where the copy is, or will be. */
  readonly path: string;
  readonly pending: boolean;
  /** Why it is pending, or since when it is current; always a sentence. */
  readonly message: string;
  readonly help: string;
  /** When an agent that runs tries again by itself; null where nothing is pending, or where it is its turn already. */
  readonly nextTry: string | null;
  readonly digest: string | null;
  readonly copiedAt: string | null;
  /** When its bytes were last read back and found to be what they should be. */
  readonly verifiedAt: string | null;
  /** What was found wrong with it, until a new copy takes its place. */
  readonly finding: { readonly message: string; readonly foundAt: string; readonly digest: string | null } | null;
  /** Of a copy that was found there and not made by us: whether its origin was seen to agree. */
  readonly imported: "unconfirmed" | "confirmed" | null;
  /** When the file of such a copy was made, where the file system knows. */
  readonly createdAt: string | null;
  /** The modification time that the replica could keep, where that is another than the origin's. */
  readonly keptModified: string | null;
  readonly attempts: {
    readonly count: number;
    readonly first: string;
    readonly last: string;
    readonly next: string;
    readonly reason: string;
    readonly message: string;
  } | null;
}

/** What is going on now, for a person who watches. Sent at most a few times a second. */
export interface Progress {
  readonly phase: "scanning" | "copying" | "checking" | "verifying" | "importing";
  readonly subject: string;
  /** The files that the workers have last finished, one a worker at most. */
  readonly current: readonly string[];
  readonly files: number;
  readonly bytes: number;
  /** Of the plan; null while it is not known. */
  readonly totalFiles: number | null;
  readonly totalBytes: number | null;
  readonly elapsedMilliseconds: number;
}
