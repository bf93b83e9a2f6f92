/**
 * May a file be lost at its origin? A pure judgement over what is recorded of it and what was seen of it just now. Whatever is not known speaks against it.
 *
 * A copy counts when its row is current, of this very version, with the digest of its bytes and no verdict against it; when it was seen a moment ago, at a replica that
 * is declared and proven to be the one, with the size and time that are recorded; when it is on a disk; and when it shares nothing with the origin. Of copies that share a fate one counts.
 */
import { type Evidence, type OriginState, type RecordedCopy, sameEvidence } from "../inventory/mod.ts";
import type { FileStat, Writers } from "../sys/mod.ts";
import { independentCount, type Marks, shareFate } from "./independence.ts";
import { COPY_REASONS, type CopyReason, type OriginReason, type SafetyReason } from "./safety-reasons.ts";

export interface SafetyQuestion {
  /** How many independent copies there must be. */
  readonly copies: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How old the reading back of a copy may be; left out: the copy's making is evidence enough. */
  readonly verifiedWithinMilliseconds?: number;
}

export type Looked = Pick<FileStat, "kind" | keyof Evidence>;

/** The original, as recorded and as it is now. */
export interface OriginFacts {
  readonly row: { readonly evidence: Evidence; readonly state: OriginState };
  /** Undefined: it is proven not to be there. */
  readonly now: Looked | { readonly unreadable: string } | undefined;
  readonly writers: Writers;
  /** A pattern of the configuration leaves it out. */
  readonly excluded: boolean;
  readonly marks: Marks;
}

/** What is known of one declared replica's copy. */
export interface CopyFacts {
  readonly replica: string;
  readonly row?: Pick<RecordedCopy, "state" | "evidence" | "kept" | "digest" | "verifiedAt" | "imported">;
  /** What was seen of it, between two proofs that the replica is the one; or why nothing can be. `gone`: its name is proven not to be there. */
  readonly seen:
    | { readonly kind: "there"; readonly now: Looked; readonly marks: Marks; readonly inMemory: boolean }
    | { readonly kind: "gone" }
    | { readonly kind: "unreadable"; readonly message: string }
    | { readonly kind: "not-ready"; readonly message: string };
}

export interface CopyVerdict {
  readonly replica: string;
  /** Null: it counts. */
  readonly reason: CopyReason | null;
  readonly message: string;
}

export type SafetyVerdict =
  | { readonly kind: "safe"; readonly copies: readonly CopyVerdict[] }
  | {
      readonly kind: "blocked";
      readonly reason: SafetyReason;
      readonly message: string;
      /** How many independent copies counted. */
      readonly counted: number;
      readonly copies: readonly CopyVerdict[];
    };

type Problem<Reason> = { readonly reason: Reason; readonly message: string };

/** Why the original itself is not to be lost now, whatever its copies are. */
export function originProblem({ row, now, writers, excluded }: OriginFacts): Problem<OriginReason> | undefined {
  if (now === undefined) return { reason: "OriginMissing", message: "it is not there" };
  if ("unreadable" in now) return { reason: "OriginUnreachable", message: now.unreadable };
  if (excluded || row.state === "excluded") return { reason: "Excluded", message: "a pattern leaves it out" };
  if (row.state === "imported" || row.state === "absent")
    return { reason: "NotScanned", message: "it is known from a copy alone, and no scan has seen it" };
  if (writers === "some") return { reason: "Growing", message: "somebody has it open for writing" };
  if (row.state === "growing") return { reason: "Growing", message: "it was being written at the last look" };
  if (now.kind !== "file") return { reason: "ChangedSinceScan", message: `it is a ${now.kind} now` };
  if (!sameEvidence(now, row.evidence)) return { reason: "ChangedSinceScan", message: "its size or time is another now" };
  return undefined;
}

/** Why one copy does not count; undefined when it does. */
export function copyProblem(
  { row, seen }: CopyFacts,
  origin: Pick<OriginFacts, "row" | "marks">,
  question: SafetyQuestion,
): Problem<CopyReason> | undefined {
  const recorded = row === undefined ? undefined : recordProblem(row, origin.row.evidence);
  if (row === undefined) return { reason: "NotCopied", message: "there is no copy" };
  if (recorded !== undefined) return recorded;
  switch (seen.kind) {
    case "not-ready":
      return { reason: "ReplicaNotMounted", message: seen.message };
    case "unreadable":
      return { reason: "CopyUnreadable", message: seen.message };
    case "gone":
      return { reason: "CopyMissing", message: "the copy is not there" };
    case "there":
      break;
  }
  if (seen.now.kind !== "file") return { reason: "CopyDiffers", message: `a ${seen.now.kind} is in its place` };
  if (!sameEvidence(seen.now, row.kept)) return { reason: "CopyDiffers", message: "its size or time is not what was put there" };
  if (shareFate(seen.marks, origin.marks))
    return { reason: "NotIndependent", message: "it is on the origin's own disk, or may be" };
  if (seen.inMemory) return { reason: "InMemory", message: "it is in memory, and gone with the next boot" };
  return evidenceProblem(row, question);
}

type Row = NonNullable<CopyFacts["row"]>;

function recordProblem(row: Row, evidence: Evidence): Problem<CopyReason> | undefined {
  switch (row.state) {
    case "corrupt":
      return { reason: "CopyCorrupt", message: "its bytes were found to be others" };
    case "suspect":
      return { reason: "CopyDiffers", message: "it was found changed, or unreadable" };
    case "lost":
      return { reason: "CopyMissing", message: "it was found gone" };
    case "stale":
      return { reason: "CopyStale", message: "it is of another version" };
    case "current":
      break;
  }
  return sameEvidence(row.evidence, evidence) ? undefined : { reason: "CopyStale", message: "it is of another version" };
}

function evidenceProblem(row: Row, { now, verifiedWithinMilliseconds: within }: SafetyQuestion): Problem<CopyReason> | undefined {
  const { digest, imported, verifiedAt } = row;
  if (digest === undefined) return { reason: "NotVerified", message: "nobody has read it, and no digest is known" };
  if (imported === "unconfirmed") return { reason: "NotVerified", message: "it was found, and never compared with its origin" };
  if (imported !== undefined && verifiedAt === undefined)
    return { reason: "NotVerified", message: "it was found, and never read back" };
  if (within === undefined) return undefined;
  if (verifiedAt === undefined) return { reason: "NotVerified", message: "it was never read back" };
  // A time that is still to come was told by a clock that was wrong.
  if (verifiedAt > now || now - verifiedAt > within)
    return { reason: "EvidenceTooOld", message: `it was read back ${new Date(verifiedAt).toISOString()}` };
  return undefined;
}

/** What the copies of this very version hold, as far as it is known: those that were made from the origin; of imported ones only where there is no other. */
function contentsOf(copies: readonly CopyFacts[], evidence: Evidence): readonly CopyFacts[] {
  const known = copies.filter(({ row }) => row?.digest !== undefined && recordProblem(row, evidence) === undefined);
  const own = known.filter(({ row }) => row?.imported === undefined);
  return own.length > 0 ? own : known;
}

/** Copies of one version hold the same, or one of them is wrong; which, nobody can say. */
function contentsProblem(
  { row }: CopyFacts,
  contents: readonly CopyFacts[],
  evidence: Evidence,
): Problem<CopyReason> | undefined {
  const digest = row?.digest;
  if (row === undefined || digest === undefined || recordProblem(row, evidence) !== undefined) return undefined;
  const other = contents.find(({ row: one }) => one?.digest !== undefined && Buffer.compare(one.digest, digest) !== 0);
  return other && { reason: "CopiesContradict", message: `its bytes are others than those of the copy at ${other.replica}` };
}

const ORDER = Object.keys(COPY_REASONS);

/** Judges one file. `copies`: one for each declared replica. */
export function judgeSafety(origin: OriginFacts, copies: readonly CopyFacts[], question: SafetyQuestion): SafetyVerdict {
  const atOrigin = originProblem(origin);
  if (atOrigin !== undefined) return { kind: "blocked", ...atOrigin, counted: 0, copies: [] };
  const contents = contentsOf(copies, origin.row.evidence);
  const judged = copies.map((copy) => ({
    copy,
    problem: contentsProblem(copy, contents, origin.row.evidence) ?? copyProblem(copy, origin, question),
  }));
  const good = judged.flatMap(({ copy, problem }) =>
    problem === undefined && copy.seen.kind === "there" ? [copy.seen.marks] : [],
  );
  const counted = independentCount(good, question.copies);
  const verdicts = judged.map(
    ({ copy, problem }): CopyVerdict => ({
      replica: copy.replica,
      reason: problem?.reason ?? null,
      message: problem?.message ?? "a good copy",
    }),
  );
  if (counted >= question.copies) return { kind: "safe", copies: verdicts };
  return { kind: "blocked", ...whyTooFew(verdicts, good.length > counted, question), counted, copies: verdicts };
}

const declaredText = (count: number): string =>
  count === 0 ? "no replica is declared" : count === 1 ? "one replica is declared" : `${count} replicas are declared`;

/** What tells the operator most of copies that are too few. `shared`: some of the good ones share a disk. */
function whyTooFew(copies: readonly CopyVerdict[], shared: boolean, question: SafetyQuestion): Problem<SafetyReason> {
  if (copies.length < question.copies) return { reason: "TooFewCopies", message: declaredText(copies.length) };
  const problems = copies.flatMap(({ replica, reason, message }) =>
    reason === null ? [] : [{ reason, message: `${replica}: ${message}` }],
  );
  const all: Problem<CopyReason>[] = shared
    ? [...problems, { reason: "NotIndependent", message: "good copies share a disk" }]
    : problems;
  const first = all.toSorted((a, b) => ORDER.indexOf(a.reason) - ORDER.indexOf(b.reason))[0];
  return first ?? { reason: "TooFewCopies", message: "there are too few copies" };
}
