/**
 * Why nothing can be had from a file's origin now. Of a host that is away one data directory that could not be scanned, or one file that could not be copied, tells it for all; a data
 * directory in which a worker hangs stands for itself.
 */
import {
  type DataDirectoryScan,
  type FileOrigin,
  lastAttemptOfHost,
  type Session,
  type StoredCondition,
} from "../inventory/mod.ts";
import { TRANSPORT_PROBLEMS } from "../replicate/mod.ts";
import { isoTime } from "./agent.ts";
import { isReason, REASONS } from "./condition.ts";
import { attemptTold } from "./failed-attempt.ts";
import { dataDirectorySubject } from "./status.ts";

const WAY_REASONS: readonly string[] = Object.values(TRANSPORT_PROBLEMS);

/** Undefined where nothing was told of it since it was last scanned. */
export function unreachableOrigin(
  session: Session,
  { host, dataDirectory }: Pick<FileOrigin, "host" | "dataDirectory">,
  scans: readonly DataDirectoryScan[],
  conditions: readonly StoredCondition[],
): { readonly message: string; readonly help: string } | undefined {
  const hung = conditions.find(
    ({ subject, status, reason }) =>
      subject === dataDirectorySubject(host, dataDirectory) && status === "False" && reason === "WorkerStalled",
  );
  if (hung !== undefined) {
    const message = `WorkerStalled since ${isoTime(hung.lastTransitionAt)}: ${hung.message}`;
    return { message, help: REASONS.WorkerStalled };
  }
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
