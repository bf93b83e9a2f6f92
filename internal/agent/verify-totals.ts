/** What reading back has come to so far, and the brake: where much is gone at once, something larger than a file is wrong. */
import type { CopyToVerify, FindingCounts, RecordedEvidence } from "../inventory/mod.ts";
import type { VerifyOutcome } from "../replicate/mod.ts";

/** So few gone or unreadable copies are judged one by one, whatever their share. */
const NEVER_TOO_MANY = 100;

export class VerifyTotals {
  readonly looked = { files: 0, bytes: 0 };
  /** The part that was read and is what it should be. */
  readonly read = { files: 0, bytes: 0 };
  readonly found = { suspect: 0, corrupt: 0, lost: 0 };
  readonly unread = { files: 0, example: "" };
  /** Read for the first time: only copies that were made from the same origin could be compared. */
  firstDigests = 0;
  /** Touched, and the same. */
  timesMoved = 0;
  /** Read wrong once, and right the second time. */
  unsteady = 0;
  /** Found wrong before, and what was recorded again. */
  takenBack = 0;
  #missing = 0;
  #wrongBefore = 0;

  add(copies: readonly CopyToVerify[], outcomes: readonly VerifyOutcome[]): void {
    const sizes = new Map(copies.map(({ id, kept }) => [id, kept.size]));
    const wrongBefore = new Set(copies.flatMap(({ id, verdict }) => (verdict === undefined ? [] : [id])));
    for (const outcome of outcomes) {
      const size = sizes.get(outcome.id) ?? 0;
      this.looked.files += 1;
      this.looked.bytes += size;
      if (outcome.kind === "good") this.#good(outcome, size);
      else if (outcome.kind === "unread") {
        this.unread.files += 1;
        this.unread.example ||= outcome.message;
      } else if (wrongBefore.has(outcome.id)) this.#wrongBefore += 1;
      else if (outcome.state === "lost" || outcome.unreadable === true) this.#missing += 1;
    }
  }

  #good({ read, digest, kept, unsteady }: Extract<VerifyOutcome, { kind: "good" }>, size: number): void {
    if (!read) return;
    this.read.files += 1;
    this.read.bytes += size;
    if (digest !== undefined) this.firstDigests += 1;
    if (kept !== undefined) this.timesMoved += 1;
    if (unsteady === true) this.unsteady += 1;
  }

  /** Counts verdicts that were written, and those that have fallen. */
  judged({ verdicts, takenBack }: RecordedEvidence): void {
    this.takenBack += takenBack.length;
    for (const { state } of verdicts) this.found[state] += 1;
  }

  get findings(): FindingCounts {
    return this.found;
  }

  /** Is more gone or unreadable than this share of what was looked at? Then why; no verdict of the kind is to be written. */
  tooMuchLost(maxLoss: number): string | undefined {
    const files = this.looked.files - this.#wrongBefore;
    if (this.#missing <= NEVER_TOO_MANY || this.#missing <= files * maxLoss) return undefined;
    return `${this.#missing} of the ${files} copies that were looked at are gone or cannot be read, more than max_loss allows: none of them was judged`;
  }
}
