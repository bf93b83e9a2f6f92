/** Which copies a file may come back from, the best first. */
import type { Replica } from "../config/mod.ts";
import { compareTimes, hasGoneBack, type RecordedCopy, type RecordedFile, sameEvidence } from "../inventory/mod.ts";
import { type RestoreItem, replicaPathOf } from "../replicate/mod.ts";
import type { VolumeAddress } from "../volume/mod.ts";
import { addressBelow } from "./volume-address.ts";

/** A declared replica that may be read from. */
export interface RestoreReplica {
  readonly replica: Replica;
  readonly address: VolumeAddress;
  readonly marker: string;
}

export interface Candidate extends Pick<RestoreItem, "source" | "sourceDirectory" | "evidence" | "kept"> {
  readonly from: RestoreReplica;
  readonly digest?: Uint8Array;
}

interface Known {
  readonly copy: RecordedCopy;
  readonly from: RestoreReplica;
}

/** Where an origin has gone back, first what was held back from it, then the latest version; all others are of one. Then proven contents, of them those that were read back last; then what is nearer; then what was made last. */
function better(a: Known, b: Known): number {
  const proven = ({ copy }: Known): number => (copy.digest === undefined ? 0 : 1);
  const near = ({ from }: Known): number => (from.replica.target.kind === "local" ? 1 : 0);
  const held = ({ copy }: Known): number => (copy.heldBack === true ? 1 : 0);
  return (
    held(b) - held(a) ||
    compareTimes(b.copy.evidence, a.copy.evidence) ||
    b.copy.evidence.size - a.copy.evidence.size ||
    proven(b) - proven(a) ||
    (b.copy.verifiedAt ?? 0) - (a.copy.verifiedAt ?? 0) ||
    near(b) - near(a) ||
    b.copy.copiedAt - a.copy.copiedAt
  );
}

/** Is it what the file was at its origin; or, where that has gone back since, what it was before? */
const isLastVersion = ({ evidence: now }: RecordedFile, { state, evidence, heldBack }: RecordedCopy): boolean =>
  (state === "current" && sameEvidence(evidence, now)) ||
  (state === "stale" && (heldBack === true || hasGoneBack(now, evidence)));

/** The copies of a file that are the last version of it, with no verdict against them; all are of that one version. */
export function candidatesOf(host: string, file: RecordedFile, copies: readonly Known[]): Candidate[] {
  const sorted = copies.filter(({ copy }) => isLastVersion(file, copy)).toSorted(better);
  const [best] = sorted;
  if (best === undefined) return [];
  return sorted
    .filter(({ copy }) => sameEvidence(copy.evidence, best.copy.evidence))
    .map(({ copy: { place, evidence, kept, digest }, from }) => ({
      from,
      evidence,
      kept,
      source: addressBelow(from.address, place ?? replicaPathOf(host, file.dataDirectory)),
      sourceDirectory: place === undefined ? file.dataDirectory : file.directoryPath,
      ...(digest === undefined ? {} : { digest }),
    }));
}
