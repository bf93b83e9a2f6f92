/** What an import says of a replica, beside the files that it found: plain data that crosses a thread. */
import type { FoundBatch, ImportConflict } from "../inventory/mod.ts";

/** Where the findings of a walk go. */
export interface ImportSink {
  found(batch: FoundBatch): void;
  /** Called now and then. */
  progress(files: number, bytes: number, path: string): void;
}

/** Why something at a replica is not imported. */
export const SKIPPED = {
  outside: "outside the layout",
  symlink: "a symbolic link: never followed, never imported",
  special: "a pipe, socket or device",
  leftover: "a leftover",
  own: "xtelemdb's own",
  unreadable: "it could not be read",
} as const;

export type SkippedKind = keyof typeof SKIPPED;

export interface Skipped {
  readonly kind: SkippedKind;
  readonly count: number;
  /** Below the replica's root, with what is to be said of each: a few of them. */
  readonly examples: readonly ImportConflict[];
}

const EXAMPLES = 20;

/** Counts what is skipped, and keeps a few examples of each kind. */
export class SkippedFiles {
  readonly #kinds = new Map<SkippedKind, { count: number; examples: ImportConflict[] }>();

  add(kind: SkippedKind, path: string, message: string = SKIPPED[kind]): void {
    const known = this.#kinds.get(kind) ?? { count: 0, examples: [] };
    known.count += 1;
    if (known.examples.length < EXAMPLES) known.examples.push({ path, message });
    this.#kinds.set(kind, known);
  }

  merge(others: readonly Skipped[]): void {
    for (const { kind, count, examples } of others) {
      const known = this.#kinds.get(kind) ?? { count: 0, examples: [] };
      known.count += count;
      known.examples.push(...examples.slice(0, EXAMPLES - known.examples.length));
      this.#kinds.set(kind, known);
    }
  }

  all(): Skipped[] {
    return [...this.#kinds].map(([kind, rest]) => ({ kind, ...rest }));
  }
}
