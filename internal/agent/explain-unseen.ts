/** Whether the last look at a path's place could see it: what is known of a file that could not be seen is from before, and may have changed since. */
import { type DataDirectoryScan, type FileOrigin, isMissed, type Session, type StoredCondition } from "../inventory/mod.ts";
import { isReason, REASONS } from "./condition.ts";
import { dataDirectorySubject } from "./status.ts";

export interface Unseen {
  readonly message: string;
  readonly help: string;
}

/** What a scan says of more, or of less, than that its data directory could not be looked at. */
const NOT_OF_THE_WHOLE = ["PartlyUnreadable", "LossBrake"];

/** Why the last scan could not see what is at that path; undefined when it could. */
export function unseenAt(
  scan: Pick<DataDirectoryScan, "host" | "path" | "report">,
  conditions: readonly StoredCondition[],
  path: string,
): Unseen | undefined {
  const failed = failedScan(scan, conditions);
  if (failed !== undefined && !NOT_OF_THE_WHOLE.includes(failed.reason)) {
    return { message: failed.message, help: isReason(failed.reason) ? REASONS[failed.reason] : "" };
  }
  const problem = scan.report?.problems.find((one) => path === one.path || path.startsWith(`${one.path}/`));
  return problem && { message: problem.message, help: REASONS.PartlyUnreadable };
}

/** The same of a file that is known: one that a frozen data directory lacks was not seen either, and is not taken as deleted. */
export function unseenFile(
  session: Session,
  scan: DataDirectoryScan,
  conditions: readonly StoredCondition[],
  { id, path }: FileOrigin,
): Unseen | undefined {
  const unseen = unseenAt(scan, conditions, path);
  const failed = failedScan(scan, conditions);
  if (unseen !== undefined || failed?.reason !== "LossBrake" || !isMissed(session, scan.id, id)) return unseen;
  return {
    message: `the data directory is frozen (LossBrake): ${failed.message}`,
    help: REASONS.LossBrake.replace("PATH", scan.path),
  };
}

function failedScan(
  { host, path }: Pick<DataDirectoryScan, "host" | "path">,
  conditions: readonly StoredCondition[],
): StoredCondition | undefined {
  const subject = dataDirectorySubject(host, path);
  return conditions.find((one) => one.subject === subject && one.type === "Scanned" && one.status === "False");
}
