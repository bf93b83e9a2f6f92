/** What is said of a file that may still be written, and when a running agent copies what there is of it: only that copies it before it is finished. */
import { type DesiredState, formatDuration } from "../config/mod.ts";
import {
  type Attempt,
  type FileOrigin,
  type FileReplica,
  GONE_BACK,
  type StoredCondition,
  sameEvidence,
} from "../inventory/mod.ts";
import { isoTime } from "./agent.ts";
import type { FileExplanation } from "./reports.ts";
import { dataDirectorySubject } from "./status.ts";

/** Since when it has not been finished: milliseconds since 1970. */
const since = ({ growingSince, observedAt }: Pick<FileOrigin, "growingSince" | "observedAt">): number =>
  growingSince ?? observedAt;

/**
 * When what there is of it is due at a replica (milliseconds since 1970), as the diff decides: `max_wait` after it began to grow or was last copied, and not before
 * what has failed is tried again. Undefined where nothing is due: it is not growing, or the copy holds all that there is of it.
 */
export function prefixDueAt(
  origin: Pick<FileOrigin, "state" | "growingSince" | "observedAt" | "evidence">,
  copy: Pick<FileReplica, "evidence" | "copiedAt"> | undefined,
  attempt: Pick<Attempt, "nextAt"> | undefined,
  maxWaitMilliseconds: number,
): number | undefined {
  if (origin.state !== "growing" || (copy !== undefined && sameEvidence(origin.evidence, copy.evidence))) return undefined;
  return Math.max(Math.max(since(origin), copy?.copiedAt ?? 0) + maxWaitMilliseconds, attempt?.nextAt ?? 0);
}

/** `dueAt`: at each replica to which something of it can be copied. */
export function growingTimes(origin: FileOrigin, dueAt: readonly (number | undefined)[]): FileExplanation["growing"] {
  if (origin.state !== "growing") return null;
  const known = dueAt.filter((at) => at !== undefined);
  return { since: isoTime(since(origin)), copiedAtLatest: known.length === 0 ? null : isoTime(Math.min(...known)) };
}

/** Who says that it is still written, and what ends that. */
export function growingMessage(
  { dataDirectory, host }: FileOrigin,
  state: DesiredState,
  conditions: readonly StoredCondition[],
): string {
  const subject = dataDirectorySubject(host, dataDirectory);
  const watch = conditions.find((one) => one.subject === subject && one.type === "WatchHealthy");
  const settle = formatDuration(state.scan.settleMilliseconds);
  return watch?.status === "True"
    ? `somebody has it open for writing, or it was changed less than settle = "${settle}" ago; the kernel tells when it is closed`
    : `it was changed less than settle = "${settle}" before the last look; its times alone tell when it is finished`;
}

/** Why its copy is not what it is to be in the end. */
export function growingReason(copy: FileReplica | undefined, attempt: Attempt | undefined): string {
  const told = attempt?.reason === "SourceChanged" || attempt?.reason === GONE_BACK;
  const caught = told ? `; ${attempt.reason}: ${attempt.message}` : "";
  if (copy?.state !== "stale") return `growing: it is copied once it has been quiet for "settle"${caught}`;
  const { size } = copy.evidence;
  return `growing: there is what it was at ${isoTime(copy.copiedAt)} (${size} bytes), whole; it is finished once it has been quiet for "settle"${caught}`;
}
