/** Whether the last look at a path's place could see it: what is known of a file that could not be seen is from before, and may have changed since. */
import type { DataDirectoryScan, StoredCondition } from "../inventory/mod.ts";
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
  const subject = dataDirectorySubject(scan.host, scan.path);
  const failed = conditions.find((one) => one.subject === subject && one.type === "Scanned" && one.status === "False");
  if (failed !== undefined && !NOT_OF_THE_WHOLE.includes(failed.reason)) {
    return { message: failed.message, help: isReason(failed.reason) ? REASONS[failed.reason] : "" };
  }
  const problem = scan.report?.problems.find((one) => path === one.path || path.startsWith(`${one.path}/`));
  return problem && { message: problem.message, help: REASONS.PartlyUnreadable };
}
