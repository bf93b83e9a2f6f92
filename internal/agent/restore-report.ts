/** What `restore` says: of each file, and at the end of all of them. */
import type { Amount } from "../inventory/mod.ts";

/** Why a file did not come back: one closed list, each with what a person does about it. */
export const RESTORE_REASONS = {
  NoCopy: 'no declared replica has a copy: declare the one that has (its marker is known), or look with "xtelemdb explain PATH"',
  NoGoodCopy:
    'its copies are old, were changed, or are gone: "xtelemdb verify" takes those for good again that are again what was recorded; look with "xtelemdb explain PATH", and copy by hand what you trust',
  ReplicaNotMounted: "mount the disk of the replica that has it, or bring its host on line, and run it again",
  CopyUnusable:
    'no copy that is there is what was recorded: "xtelemdb verify" judges each, and takes for good what was only touched; mount or declare another replica that has it; look at the disks (dmesg)',
  FileInTheWay: "what is there is not what was copied, and was left alone: overwrite=older or overwrite=all replaces it",
  DestinationUnavailable: "mount or make the folder that it goes to (restore makes no data directory), or name another with to=",
  WriteFailed: "see what the message says of the destination: its space, its rights, its disk",
} as const satisfies Record<string, string>;

export type RestoreReason = keyof typeof RESTORE_REASONS;

/** A copy that was tried, or could not be, and why it did not do. */
export interface TriedCopy {
  readonly replica: string;
  readonly message: string;
}

export interface RestoredFile {
  readonly kind: "restored" | "would-restore" | "present" | "left";
  readonly host: string;
  /** Absolute origin path. */
  readonly path: string;
  /** Where it is, or was to be: a path, or the URL of a far one. */
  readonly destination: string;
  readonly bytes: number;
  /** Where it came from. */
  readonly replica: string | null;
  /** Its contents were compared with the digest of the copy's making; false where none is known. */
  readonly proven: boolean;
  readonly reason: RestoreReason | null;
  readonly message: string;
  readonly tried: readonly TriedCopy[];
}

/** Hears of every file, in small groups, and is waited for. */
export type RestoreSink = (files: readonly RestoredFile[]) => Promise<void>;

export interface RestoreSummary {
  readonly outcome: "complete" | "incomplete" | "failed" | "stopped";
  readonly host: string;
  readonly dryRun: boolean;
  /** Brought back; with `dryRun`: would be. */
  readonly restored: Amount;
  /** Were there already. */
  readonly present: Amount;
  readonly left: Amount;
  /** Restored without a digest that their contents could be compared with. */
  readonly unproven: number;
  /** Copies that were tried and were not what was recorded, or could not be read; with `dryRun`: as far as that is seen without reading them. */
  readonly badCopies: number;
  readonly replicas: readonly TriedCopy[];
  readonly reasons: readonly { readonly reason: RestoreReason; readonly files: number; readonly help: string }[];
  readonly durationMilliseconds: number;
}

type Sum = { files: number; bytes: number };
const nothing = (): Sum => ({ files: 0, bytes: 0 });

/** Adds up what became of files. */
export class RestoreTotals {
  readonly restored = nothing();
  readonly present = nothing();
  readonly left = nothing();
  unproven = 0;
  readonly #reasons = new Map<RestoreReason, number>();

  add({ kind, bytes, proven, reason }: RestoredFile): void {
    const total = kind === "left" ? this.left : kind === "present" ? this.present : this.restored;
    total.files += 1;
    total.bytes += bytes;
    if (total === this.restored && !proven) this.unproven += 1;
    if (reason !== null) this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  get reasons(): RestoreSummary["reasons"] {
    return [...this.#reasons]
      .map(([reason, files]) => ({ reason, files, help: RESTORE_REASONS[reason] }))
      .toSorted((a, b) => b.files - a.files);
  }

  /** Nothing could be done at all. */
  get isFailure(): boolean {
    const done = this.restored.files + this.present.files;
    return done === 0 && this.left.files > 0 && this.#reasons.get("DestinationUnavailable") === this.left.files;
  }
}
