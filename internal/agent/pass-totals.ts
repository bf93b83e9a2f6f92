/** What a copy pass has come to so far: sums, failures by reason, and what the groups on the way have done. */
import type { Amount, PendingFile } from "../inventory/mod.ts";
import type { CopyFailureReason } from "../replicate/mod.ts";
import type { Progress } from "./reports.ts";

export type FailuresByReason = ReadonlyMap<CopyFailureReason, { readonly files: number; readonly example: string }>;

/** Of two passes. */
export function allFailures(one: FailuresByReason, next: FailuresByReason): FailuresByReason {
  const all = new Map(one);
  for (const [reason, { files, example }] of next) {
    const known = all.get(reason);
    all.set(reason, { files: (known?.files ?? 0) + files, example: known?.example ?? example });
  }
  return all;
}

/** A sum that grows by a file at a time. */
class Sum implements Amount {
  files = 0;
  bytes = 0;

  add(bytes: number): void {
    this.files += 1;
    this.bytes += bytes;
  }
}

export class PassTotals {
  readonly copied = new Sum();
  readonly adopted = new Sum();
  readonly failed = new Sum();
  readonly #failures = new Map<CopyFailureReason, { files: number; example: string }>();
  readonly #groups = new Map<readonly PendingFile[], Amount & { readonly path: string }>();

  get failures(): FailuresByReason {
    return this.#failures;
  }

  fail(file: PendingFile, reason: CopyFailureReason): void {
    this.failed.add(file.evidence.size);
    const known = this.#failures.get(reason);
    if (known === undefined) this.#failures.set(reason, { files: 1, example: `${file.directory.path}/${file.name}` });
    else known.files += 1;
  }

  /** What is known of a group that is on its way. */
  onTheWay(group: readonly PendingFile[], done: Amount & { readonly path: string }): void {
    this.#groups.set(group, done);
  }

  arrived(group: readonly PendingFile[]): void {
    this.#groups.delete(group);
  }

  /** Everything that is done or on its way, and the files that were last finished, one a group at most. `pending`: what there is to do, where that is known. */
  progress(pending: Amount | undefined): Omit<Progress, "subject" | "elapsedMilliseconds"> {
    const groups = [...this.#groups.values()];
    const parts = [this.copied, this.adopted, ...groups];
    return {
      phase: "copying",
      current: groups.flatMap(({ path }) => (path === "" ? [] : [path])),
      files: parts.reduce((total, { files }) => total + files, 0),
      bytes: parts.reduce((total, { bytes }) => total + bytes, 0),
      totalFiles: pending?.files ?? null,
      totalBytes: pending?.bytes ?? null,
    };
  }
}
