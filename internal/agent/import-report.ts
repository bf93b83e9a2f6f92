/** What `import_origins` gives back: plain data, ready to be printed as a table or as JSON. */
import type { Amount, ImportConflict } from "../inventory/mod.ts";
import type { Skipped } from "../replicate/mod.ts";

export interface ImportSummary {
  /** `conflicts`: all was looked at, and some of what was found is not what the inventory knows. */
  readonly outcome: "complete" | "conflicts" | "incomplete" | "stopped";
  /** Nothing was recorded: it is what an import would do. */
  readonly dryRun: boolean;
  readonly replicas: readonly ReplicaImportSummary[];
  readonly durationMilliseconds: number;
}

export interface ReplicaImportSummary {
  readonly url: string;
  readonly complete: boolean;
  /** It goes on where an earlier one was broken off: what that one saw is not counted again. */
  readonly wentOn: boolean;
  readonly problem: ReportedProblem | null;
  readonly folders: readonly FolderImportSummary[];
  /** How many there are, and the first of them. */
  readonly conflicts: number;
  readonly firstConflicts: readonly ImportConflict[];
  /** What was found and not imported, by kind. */
  readonly skipped: readonly Skipped[];
  /** What `hash=true` read; null where it was not asked for. */
  readonly hashed: (Amount & { readonly complete: boolean; readonly findings: number }) | null;
}

export interface ReportedProblem {
  readonly reason: string;
  readonly message: string;
  readonly help: string;
}

/** One top-level folder of a backup. */
export interface FolderImportSummary {
  readonly folder: string;
  readonly host: string;
  /** The host is in the configuration. */
  readonly declared: boolean;
  /** Some directories in it, and the origin paths that they stand for; null: outside the layout. */
  readonly examples: readonly { readonly path: string; readonly origin: string | null }[];
  /** `before`: all of it was recorded by the import that was broken off. `refused`: another inventory keeps the rows of that host's copies there. */
  readonly outcome: "complete" | "before" | "incomplete" | "refused";
  readonly problem: ReportedProblem | null;
  readonly found: Amount;
  /** File origins and file replicas that are new. */
  readonly imported: Amount;
  /** File replicas that are new, of origins that were known. */
  readonly linked: Amount;
  /** Rows of both were there already. */
  readonly known: number;
  readonly conflicts: number;
}
