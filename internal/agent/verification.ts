/** What a replica's copies are known by: how far the round of reading has come, whether the promise of [verify] can be kept, what was found. From a few rows. */
import type { DesiredState } from "../config/mod.ts";
import {
  copiesAt,
  type FindingCounts,
  findingCounts,
  nextEvidenceAt,
  type ReplicaId,
  readRound,
  type Session,
  type Tallies,
} from "../inventory/mod.ts";
import type { Condition } from "./condition.ts";
import type { VerificationStatus } from "./status-document.ts";

const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString();
const isoTimeOr = (milliseconds: number | null | undefined): string | null =>
  milliseconds === null || milliseconds === undefined ? null : isoTime(milliseconds);

/** @throws SQLiteError (the caller is inside `Session.read`) */
export function verificationOf(
  session: Session,
  { verify }: DesiredState,
  replica: ReplicaId,
  tallies: Tallies,
  now: number,
): VerificationStatus {
  const round = readRound(session, replica);
  const total = copiesAt(tallies, replica);
  const { begunAt, files, bytes } = round;
  const elapsed = begunAt === null ? 0 : Math.max(1, now - begunAt);
  const share = total.files === 0 ? 1 : Math.min(1, total.bytes === 0 ? files / total.files : bytes / total.bytes);
  const { everyMilliseconds, bandwidthBytes } = verify;
  // A round that keeps its pace says nothing of how fast it could be; one that is late does.
  const late = begunAt !== null && everyMilliseconds > 0 && elapsed > everyMilliseconds && share > 0;
  const needed = bandwidthBytes > 0 ? (total.bytes / bandwidthBytes) * 1000 : late ? elapsed / share : null;
  return {
    promisedSeconds: everyMilliseconds === 0 ? null : everyMilliseconds / 1000,
    neededSeconds: needed === null ? null : Math.ceil(needed / 1000),
    total,
    round:
      begunAt === null
        ? null
        : { begunAt: isoTime(begunAt), files, bytes, share, bytesPerSecond: Math.round((bytes / elapsed) * 1000) },
    wholeSince: isoTimeOr(round.wholeSince),
    oldestEvidence: isoTimeOr(nextEvidenceAt(session, replica, round)),
    findings: findingCounts(session, replica),
  };
}

const DAY = 86_400;
/** "63 d", "5 h", "12 min". */
const rough = (seconds: number): string =>
  seconds >= 2 * DAY
    ? `${Math.round(seconds / DAY)} d`
    : seconds >= 7_200
      ? `${Math.round(seconds / 3_600)} h`
      : `${Math.ceil(seconds / 60)} min`;

const findingsText = (findings: FindingCounts): string =>
  Object.entries(findings)
    .filter(([, files]) => files > 0)
    .map(([state, files]) => `${files} ${state}`)
    .join(", ");

/** Left out where nothing was promised, read or found. `frozen`: why too much is gone at once. */
export function verifiedCondition(status: VerificationStatus, now: number, frozen?: string): Condition | undefined {
  const { promisedSeconds: promised, neededSeconds: needed, findings, round, wholeSince, oldestEvidence } = status;
  const not = { type: "Verified", status: "False" } as const;
  if (frozen !== undefined) return { ...not, reason: "TooMuchLost", message: frozen };
  const found = findingsText(findings);
  if (found !== "") return { ...not, reason: "FindingsFound", message: `copies that are not what they should be: ${found}` };
  if (promised === null) {
    if (wholeSince === null) return undefined;
    return { type: "Verified", status: "True", reason: "RoundComplete", message: `every copy was read back since ${wholeSince}` };
  }
  if (needed !== null && needed > promised) {
    return { ...not, reason: "PromiseTooShort", message: `${rough(needed)} needed, ${rough(promised)} promised` };
  }
  const unknown = { type: "Verified", status: "Unknown" } as const;
  if (wholeSince === null) {
    if (round === null) return { ...unknown, reason: "NeverVerified", message: "no copy was read back yet" };
    return { ...unknown, reason: "Verifying", message: `${Math.floor(round.share * 100)} % were read back in the first round` };
  }
  const age = oldestEvidence === null ? 0 : (now - Date.parse(oldestEvidence)) / 1000;
  if (age > promised) {
    return { ...not, reason: "PromiseBroken", message: `evidence is ${rough(age)} old, ${rough(promised)} promised` };
  }
  return {
    type: "Verified",
    status: "True",
    reason: "PromiseKept",
    message: `every copy was read back within ${rough(promised)}`,
  };
}
