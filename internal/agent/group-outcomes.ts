/** What came of each file of a group, sorted by what is to be done about it. */
import type { PendingFile, StoredCopy } from "../inventory/mod.ts";
import type { CopyOutcome } from "../replicate/mod.ts";
import type { PackedResult } from "./copy-messages.ts";

type Failed = Extract<CopyOutcome, { kind: "failed" }>;
type Stored = Extract<CopyOutcome, { kind: "stored" }>;

export interface GroupOutcomes {
  /** Copied, with their modification time. */
  readonly copied: readonly PendingFile[];
  readonly stored: readonly (readonly [file: PendingFile, outcome: Stored])[];
  readonly failed: readonly (readonly [file: PendingFile, outcome: Failed])[];
  /** They have no outcome. */
  readonly untried: readonly PendingFile[];
}

export function sortOutcomes(group: readonly PendingFile[], result: PackedResult): GroupOutcomes {
  const tried = new Uint8Array(group.length);
  const fileAt = (position: number): PendingFile => {
    const file = group[position];
    if (file === undefined) throw new Error(`an outcome for file ${position} of a group of ${group.length}`);
    tried[position] = 1;
    return file;
  };
  const copied = Array.from(result.copied, fileAt);
  const stored: (readonly [PendingFile, Stored])[] = [];
  const failed: (readonly [PendingFile, Failed])[] = [];
  for (const [position, outcome] of result.others) {
    if (outcome.kind === "stored") stored.push([fileAt(position), outcome]);
    else failed.push([fileAt(position), outcome]);
  }
  return { copied, stored, failed, untried: group.filter((_, position) => tried[position] !== 1) };
}

export const storedCopyOf = ({ id, evidence, digest, kept, prefix }: Stored): StoredCopy => ({
  file: id,
  evidence,
  digest,
  ...(kept && { kept }),
  ...(prefix && { prefix }),
});
