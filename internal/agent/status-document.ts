/**
 * What `status --json` prints and the status file holds. A consumer checks `format`; fields may be added within a format, never removed or
 * changed. Times are ISO 8601 UTC, amounts are whole bytes.
 */
import type { Amount, FindingCounts } from "../inventory/mod.ts";

export const STATUS_FORMAT = 1;

export interface StatusDocument {
  readonly format: typeof STATUS_FORMAT;
  readonly writtenAt: string;
  readonly agent: {
    readonly version: string;
    readonly hostname: string;
    /** `running`: a process works on the inventory now; `idle`: none does. */
    readonly state: "running" | "idle";
    /** Present while running. */
    readonly process?: { readonly pid: number; readonly command: string; readonly since: string };
    readonly phase?: string;
  };
  readonly configuration: { readonly file: string; readonly generation: number; readonly observedGeneration: number };
  /** True when every declared replica is ready and holds a current copy of every file, and every data directory was scanned. */
  readonly converged: boolean;
  readonly conditions: readonly ConditionStatusDocument[];
  readonly hosts: readonly HostStatus[];
  readonly replicas: readonly ReplicaStatus[];
  readonly runs: { readonly total: number; readonly last: RunStatus | null };
}

export interface ConditionStatusDocument {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  /** What to do about it; empty when nothing. */
  readonly help: string;
  readonly lastTransition: string;
  readonly observedGeneration: number;
}

export interface HostStatus {
  readonly name: string;
  readonly declared: boolean;
  /** True for the host that this agent scans. */
  readonly scannedHere: boolean;
  readonly dataDirectories: readonly DataDirectoryStatus[];
}

export interface DataDirectoryStatus {
  readonly path: string;
  readonly declared: boolean;
  readonly growing: Amount;
  readonly settled: Amount;
  readonly absent: Amount;
  readonly excluded: Amount;
  /** Known from copies alone: no scan has looked for them yet. */
  readonly imported: Amount;
  readonly lastFullScan: string | null;
  readonly scan: {
    readonly durationMilliseconds: number;
    readonly directories: number;
    readonly symlinks: number;
    readonly special: number;
    readonly excludedByPattern: readonly { readonly pattern: string; readonly matches: number }[];
    readonly unreadable: number;
    readonly problems: readonly { readonly path: string; readonly message: string }[];
  } | null;
  readonly conditions: readonly ConditionStatusDocument[];
}

export interface ReplicaStatus {
  readonly url: string;
  readonly declared: boolean;
  readonly ready: boolean;
  readonly conditions: readonly ConditionStatusDocument[];
  /** Current copies of files that are wanted here. */
  readonly current: Amount;
  /** Wanted files without a current copy: growing, settled and waiting, or failed. */
  readonly pending: Amount;
  /** The part of `pending` that may still be written at its origin. */
  readonly growing: Amount;
  /** The part of `pending` whose last attempt failed. */
  readonly failed: Amount;
  /** Copies kept although the file is absent or excluded at its origin, or its host or data directory is not declared any more. */
  readonly kept: Amount;
  /** The part of `kept` whose files are gone, or excluded, at an origin that is declared: what another replica has more of is not copied from there. Left out by former releases. */
  readonly tombstones?: Amount;
  readonly oldestPending: { readonly since: string; readonly ageSeconds: number } | null;
  readonly failures: readonly { readonly reason: string; readonly files: number; readonly example: string }[];
  /** Null before the first run. */
  readonly verification: VerificationStatus | null;
  readonly lastError: {
    readonly path: string;
    readonly host: string;
    readonly at: string;
    readonly reason: string;
    readonly message: string;
  } | null;
}

/** How a replica's copies are known to be what they should be: by rounds that read all of them back. */
export interface VerificationStatus {
  /** Within this time each copy is to be read back; null when nothing is promised. */
  readonly promisedSeconds: number | null;
  /** What a round takes at the configured bandwidth, or at the rate of one that is late; null when nobody can say. */
  readonly neededSeconds: number | null;
  /** What a round reads. */
  readonly total: Amount;
  /** The round under way. `share`: 0 to 1. */
  readonly round: {
    readonly begunAt: string;
    readonly files: number;
    readonly bytes: number;
    readonly share: number;
    readonly bytesPerSecond: number;
  } | null;
  /** When the last round that came to its end began: every copy was read or made since. */
  readonly wholeSince: string | null;
  /** When the copy whose turn is next was last read, or made. */
  readonly oldestEvidence: string | null;
  /** Copies that were found wrong and not replaced yet. */
  readonly findings: FindingCounts;
}

export interface RunStatus {
  readonly kind: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: string | null;
  readonly copiedFiles: number;
  readonly copiedBytes: number;
  readonly adoptedFiles: number;
  readonly failedFiles: number;
}
