/** What is recorded of a file that could not be copied: why, and when it is tried again. */
import type { FailedAttempt, PendingFile } from "../inventory/mod.ts";
import { backoffMilliseconds, type CopyOutcome } from "../replicate/mod.ts";
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
