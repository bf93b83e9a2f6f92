/** Which copies a file may come back from, the best first. */
import type { Replica } from "../config/mod.ts";
import { type RecordedCopy, type RecordedFile, sameEvidence } from "../inventory/mod.ts";
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

/** Proven contents first, of them those that were read back last; then what is nearer; then what was made last. */
function better(a: Known, b: Known): number {
  const proven = ({ copy }: Known): number => (copy.digest === undefined ? 0 : 1);
  const near = ({ from }: Known): number => (from.replica.target.kind === "local" ? 1 : 0);
  return (
    proven(b) - proven(a) ||
    (b.copy.verifiedAt ?? 0) - (a.copy.verifiedAt ?? 0) ||
    near(b) - near(a) ||
    b.copy.copiedAt - a.copy.copiedAt
  );
}

/** The copies of a file that are what it was at its origin, with no verdict against them. */
export function candidatesOf(host: string, file: RecordedFile, copies: readonly Known[]): Candidate[] {
  return copies
    .filter(({ copy }) => copy.state === "current" && sameEvidence(copy.evidence, file.evidence))
    .toSorted(better)
    .map(({ copy: { place, evidence, kept, digest }, from }) => ({
      from,
      evidence,
      kept,
      source: addressBelow(from.address, place ?? replicaPathOf(host, file.dataDirectory)),
      sourceDirectory: place === undefined ? file.dataDirectory : file.directoryPath,
      ...(digest === undefined ? {} : { digest }),
    }));
}
