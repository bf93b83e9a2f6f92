/**
 * What a file that was found at a replica is to the inventory. Nothing of what is known already is changed by it, on either side: where the two differ, that is
 * told, and stays.
 */
import { differenceBetween } from "./found-copies.ts";
import { agreeingEvidence, type Evidence, type OriginState, sameEvidence } from "./model.ts";

/** What the inventory knows under the name. */
export interface KnownFile {
  readonly state: OriginState;
  readonly evidence: Evidence;
  /** The copy at the replica in question, if there is a row of one. `place`: the folder it lies in, "" where a new copy would. */
  readonly copy?: { readonly looks: Evidence; readonly place: string };
  /** Where a copy would lie there is a file of other contents: a sync has compared them. */
  readonly inTheWay?: true;
}

export interface FoundFile {
  readonly evidence: Evidence;
  /** As in `KnownFile`. */
  readonly place: string;
}

export const CONFLICTS = ["origin-differs", "copy-differs", "second-copy"] as const;

export type ImportVerdict =
  /** Nobody has heard of it: file origin and file replica are made. */
  | { readonly kind: "imported" }
  /** The origin is known, and agrees: the file replica is made. */
  | { readonly kind: "linked"; readonly kept?: Evidence }
  /** Nobody has seen the origin, and what is recorded of it is an earlier and shorter version: the file replica is made, and the origin is what this one says. */
  | { readonly kind: "later" }
  /** There are rows of both already. */
  | { readonly kind: "known" }
  /** The rows that there are stay as they are. */
  | { readonly kind: (typeof CONFLICTS)[number]; readonly message: string };

/** A later time alone may be that of a copy without its times, and a copy that was broken off is shorter. */
const isLaterVersion = (a: Evidence, b: Evidence): boolean => a.mtimeSeconds > b.mtimeSeconds && a.size > b.size;

/** `nearly`: the replica's times come over ssh. */
export function importVerdict(known: KnownFile | undefined, found: FoundFile, nearly: boolean): ImportVerdict {
  if (known === undefined) return { kind: "imported" };
  const { copy, evidence, state } = known;
  if (copy !== undefined && copy.place !== found.place) {
    return { kind: "second-copy", message: "another copy of the same file is recorded at this replica" };
  }
  if (copy !== undefined) {
    if (sameEvidence(copy.looks, found.evidence)) return { kind: "known" };
    return { kind: "copy-differs", message: `recorded was another: ${differenceBetween(found.evidence, copy.looks)} (recorded)` };
  }
  if (!agreeingEvidence(found.evidence, evidence, nearly)) {
    if (state === "imported" && isLaterVersion(found.evidence, evidence)) return { kind: "later" };
    return { kind: "origin-differs", message: `${differenceBetween(found.evidence, evidence)} (${state})` };
  }
  if (known.inTheWay === true && found.place === "") {
    return {
      kind: "origin-differs",
      message: "it has the size and time of its origin, and a sync has found that its contents are others",
    };
  }
  return sameEvidence(found.evidence, evidence) ? { kind: "linked" } : { kind: "linked", kept: found.evidence };
}
