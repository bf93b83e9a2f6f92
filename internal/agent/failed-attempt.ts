/** What is recorded of a file that could not be copied: why, and when it is tried again. */
import type { Attempt, FailedAttempt, PendingFile } from "../inventory/mod.ts";
import { backoffMilliseconds, COPY_FAILURES, type CopyOutcome, isCopyFailureReason, withoutHelp } from "../replicate/mod.ts";
import type { Agent } from "./agent.ts";

export function failedAttemptOf(
  agent: Agent,
  file: PendingFile,
  { id, domain, reason, message, observed, isRewritten }: Extract<CopyOutcome, { kind: "failed" }>,
): FailedAttempt {
  const attempts = (file.attempt?.attempts ?? 0) + 1;
  // What moves or is open for writing grows: it is tried as soon as it has settled, and that holds it back enough; what is written to in place is read in vain until then.
  const again = isRewritten === true ? agent.state.scan.maxWaitMilliseconds : 0;
  const wait = observed === undefined ? backoffMilliseconds(attempts, agent.random()) : again;
  const nextAt = agent.now() + wait;
  return { file: id, domain, reason, message, nextAt, ...(observed === undefined ? {} : { observed }) };
}

/** What a failed attempt says, and what to do, each for itself: it is recorded in one sentence, as logs and events have it. */
export function attemptTold({ reason, message }: Pick<Attempt, "reason" | "message">): {
  readonly message: string;
  readonly help: string;
} {
  if (!isCopyFailureReason(reason)) return { message: `${reason}: ${message}`, help: "" };
  return { message: `${reason}: ${withoutHelp(reason, message)}`, help: COPY_FAILURES[reason].help };
}

/** Does an attempt that failed for this reason tell of the copy that was to be read, and not of the origin? */
export const isOfTheCopy = (reason: string): boolean => reason === "SourceCopyCorrupt" || reason === "SourceCopyChanged";
