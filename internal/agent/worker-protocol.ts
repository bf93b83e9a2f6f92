/**
 * What the controller and its workers say to each other. A worker owns no policy and keeps nothing that matters: it may be killed at any moment.
 */
import type { DirectoryDifference, FoundBatch, ScanProblem } from "../inventory/mod.ts";
import type {
  CleanRequest,
  CleanResult,
  DarkRequest,
  DarkResult,
  FoldersFound,
  FoldersRequest,
  ImportRequest,
  ImportResult,
  InventoryCopyRequest,
  ManifestRequest,
  ManifestResult,
  Raised,
  RaiseRequest,
  ReplicaCheckRequest,
  ReplicaProblem,
  ReplicaState,
  RestoreGroup,
  RestoreGroupResult,
  RestoreLookRequest,
  RestoreLookResult,
  VerifyRequest,
  VerifyResult,
} from "../replicate/mod.ts";
import type { DirectoryScanOptions, LookEntry, PatternCount, ScanCounts, ScanTarget, SettleRule } from "../scan/mod.ts";
import type { VolumeAddress, VolumeError } from "../volume/mod.ts";
import type { PackedGroup, PackedResult } from "./copy-messages.ts";

/** Handed to a worker when it starts. */
export interface WorkerSetup {
  readonly inventory: string;
  /** One 32-bit number: how many batches of differences, or of found files, the worker may still send before it must wait. */
  readonly credits: SharedArrayBuffer;
  /** One 32-bit number for all workers: not 0 means to leave untried what was not begun. */
  readonly stop: SharedArrayBuffer;
  /** One 32-bit number for this worker: not 0 means that it was given up. */
  readonly givenUp: SharedArrayBuffer;
  /** One 64-bit number of this worker: a file (its id) at whose source it is while a call there lasts; else 0. */
  readonly atSource: SharedArrayBuffer;
}

export interface ScanTask {
  readonly kind: "scan";
  readonly target: ScanTarget;
  /** Where its root is looked into. */
  readonly address: VolumeAddress;
  /** Absolute origin paths: the root itself, or directories below it. */
  readonly directories: readonly string[];
  readonly exclude: readonly string[];
  readonly rule: SettleRule;
  readonly options?: DirectoryScanOptions;
}

/** Looks at single names, and proves no absence. */
export interface LookTask {
  readonly kind: "look";
  readonly target: ScanTarget;
  readonly address: VolumeAddress;
  readonly entries: readonly LookEntry[];
  readonly exclude: readonly string[];
  readonly rule: SettleRule;
}

export type Task =
  | ScanTask
  | LookTask
  | { readonly kind: "check-replica"; readonly request: ReplicaCheckRequest }
  | { readonly kind: "clean"; readonly request: CleanRequest }
  | { readonly kind: "raise-generation"; readonly request: RaiseRequest }
  | { readonly kind: "copy"; readonly group: PackedGroup }
  | VerifyTask
  | { readonly kind: "find-dark"; readonly request: DarkRequest }
  | { readonly kind: "import-folders"; readonly request: FoldersRequest }
  | { readonly kind: "import"; readonly request: ImportRequest }
  | { readonly kind: "write-manifests"; readonly request: ManifestRequest }
  | { readonly kind: "copy-inventory"; readonly request: InventoryCopyRequest }
  | { readonly kind: "restore-look"; readonly request: RestoreLookRequest }
  | { readonly kind: "restore"; readonly group: RestoreGroup };

/** Reads copies back. */
export interface VerifyTask {
  readonly kind: "verify";
  readonly request: VerifyRequest;
  /** Nobody waits for it: it never takes the last free worker, and nothing is queued behind it. */
  readonly background: boolean;
}

export interface ScanReply {
  readonly kind: "scan" | "look";
  readonly counts: ScanCounts;
  readonly subdirectories: readonly string[];
  readonly problems: readonly ScanProblem[];
  readonly patterns: readonly PatternCount[];
  /** The directories that are watched from now on, each with its watch descriptor, and when (nanoseconds of the clock that all threads share). */
  readonly watches: readonly (readonly [path: string, watch: number, when: number])[];
  /** Why the first directory that could not be watched could not. */
  readonly watchProblem?: { readonly reason: VolumeError["reason"]; readonly message: string };
  /** What other machines do there is not reported: the kind of the file system. */
  readonly changesElsewhere?: string;
  /** The data directory is on one disk with a moving head: one listing at a time is fastest. */
  readonly rotating: boolean;
  /** The file system that the data directory lies on; left out where it could not be opened. */
  readonly device?: string;
  /** The root itself could not be opened or listed. */
  readonly rootProblem?: ScanProblem;
}

export type Reply =
  | ScanReply
  | { readonly kind: "check-replica"; readonly result: { readonly ok: ReplicaState } | { readonly problem: ReplicaProblem } }
  | { readonly kind: "clean"; readonly result: CleanResult }
  | { readonly kind: "raise-generation"; readonly result: { readonly ok: Raised } | { readonly problem: ReplicaProblem } }
  | { readonly kind: "copy"; readonly result: PackedResult }
  | { readonly kind: "verify"; readonly result: VerifyResult }
  /** Undefined: it was stopped on the way. */
  | { readonly kind: "find-dark"; readonly result: DarkResult | undefined }
  | { readonly kind: "import-folders"; readonly result: { readonly ok: FoldersFound } | { readonly problem: ReplicaProblem } }
  | { readonly kind: "import"; readonly result: ImportResult }
  | { readonly kind: "write-manifests"; readonly result: ManifestResult }
  | { readonly kind: "copy-inventory"; readonly result: { readonly bytes: number } | { readonly failure: string } }
  | { readonly kind: "restore-look"; readonly result: RestoreLookResult }
  | { readonly kind: "restore"; readonly result: RestoreGroupResult }
  /** A bug, or an inventory that cannot be read: the controller stops. */
  | { readonly kind: "broken"; readonly detail: string };

export interface TaskMessage {
  readonly id: number;
  readonly task: Task;
}

/** Or it is to end: its connections first, whatever is under way on them. */
export type ToWorker = TaskMessage | "end";

export type FromWorker =
  | { readonly id: number; readonly kind: "reply"; readonly reply: Reply }
  | { readonly id: number; readonly kind: "differences"; readonly differences: readonly DirectoryDifference[] }
  | { readonly id: number; readonly kind: "found"; readonly batch: FoundBatch }
  | { readonly id: number; readonly kind: "alive" }
  | { readonly id: number; readonly kind: "progress"; readonly files: number; readonly bytes: number; readonly path: string };
