/** What `safe` says: of each file, and at the end of all of them. */
import type { Amount } from "../inventory/mod.ts";
import { type CopyVerdict, SAFETY_REASONS, type SafetyReason } from "../replicate/mod.ts";

/** A file, or a directory that cannot be looked into, that must not be lost now. */
export interface BlockedFile {
  readonly host: string;
  /** Absolute origin path. */
  readonly path: string;
  readonly reason: SafetyReason;
  readonly message: string;
  /** 0: a directory as a whole. More than 1: so many files of that directory, which are too many to be named. */
  readonly files: number;
  readonly bytes: number;
  /** How many independent copies counted. */
  readonly counted: number;
  readonly copies: readonly CopyVerdict[];
}

export interface SafeFile {
  readonly host: string;
  readonly path: string;
  readonly bytes: number;
}

/** Hears of every file, in small groups, and is waited for. */
export interface SafeSink {
  blocked(files: readonly BlockedFile[]): Promise<void>;
  safe(files: readonly SafeFile[]): Promise<void>;
}

export interface ReasonTotal extends Amount {
  readonly reason: SafetyReason;
  readonly help: string;
}

export interface SafeSummary {
  /** `stopped`: it was asked to end before it had seen all. */
  readonly outcome: "safe" | "blocked" | "stopped";
  readonly host: string;
  /** Was there anything at the path that was asked for? */
  readonly found: boolean;
  readonly safe: Amount;
  readonly blocked: Amount;
  /** Directories that could not be judged as a whole. */
  readonly directories: number;
  /** By reason, the most frequent first. */
  readonly reasons: readonly ReasonTotal[];
  /** They hold no data, are copied nowhere and were not judged. */
  readonly symlinks: number;
  readonly special: number;
  readonly durationMilliseconds: number;
}

/** Adds up what a sink is told. */
export class SafeTotals {
  safe = { files: 0, bytes: 0 };
  blocked = { files: 0, bytes: 0 };
  directories = 0;
  readonly #reasons = new Map<SafetyReason, { files: number; bytes: number }>();

  block({ reason, files, bytes }: BlockedFile): void {
    const total = this.#reasons.get(reason) ?? { files: 0, bytes: 0 };
    this.#reasons.set(reason, total);
    for (const sum of [total, this.blocked]) {
      sum.files += files;
      sum.bytes += bytes;
    }
    if (files === 0) this.directories += 1;
  }

  get isBlocked(): boolean {
    return this.#reasons.size > 0;
  }

  get reasons(): ReasonTotal[] {
    return [...this.#reasons]
      .map(([reason, total]) => ({ reason, ...total, help: SAFETY_REASONS[reason] }))
      .toSorted((a, b) => b.files - a.files);
  }
}
