/** Why nothing can be had from a file's host now: one data directory that could not be scanned, or one file that could not be copied, tells it for all. */
import { type DataDirectoryScan, lastAttemptOfHost, type Session, type StoredCondition } from "../inventory/mod.ts";
import { TRANSPORT_PROBLEMS } from "../replicate/mod.ts";
import { isoTime } from "./agent.ts";
import { isReason, REASONS } from "./condition.ts";
import { attemptTold } from "./failed-attempt.ts";
import { dataDirectorySubject } from "./status.ts";

const WAY_REASONS: readonly string[] = Object.values(TRANSPORT_PROBLEMS);

/** Undefined where nothing was told of the host since it was last scanned. */
export function unreachableHost(
  session: Session,
  host: string,
  scans: readonly DataDirectoryScan[],
  conditions: readonly StoredCondition[],
): { readonly message: string; readonly help: string } | undefined {
  const ofHost = scans.filter((scan) => scan.host === host && scan.declared);
  const subjects = ofHost.map(({ path }) => dataDirectorySubject(host, path));
  const failed = conditions.find(
    ({ subject, type, status, reason }) =>
      subjects.includes(subject) && type === "Scanned" && status === "False" && WAY_REASONS.includes(reason),
  );
  if (failed !== undefined) {
    const message = `OriginUnreachable since ${isoTime(failed.lastTransitionAt)}: ${failed.message}`;
    return { message, help: isReason(failed.reason) ? REASONS[failed.reason] : "" };
  }
  const scannedAt = Math.max(0, ...ofHost.map((scan) => scan.scannedAt ?? 0));
  const attempt = lastAttemptOfHost(session, host, "OriginUnreachable", scannedAt);
  return attempt && attemptTold({ ...attempt, reason: "OriginUnreachable" });
}
