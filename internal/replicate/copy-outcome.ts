/** A file on its way through a group, and what is told of it in the end. */
import { sameEvidence } from "../inventory/mod.ts";
import type { FileStat } from "../sys/mod.ts";
import { COPY_FAILURES, type CopyFailureReason } from "./copy-failure.ts";
import type { CopyOutcome, CopyRequest } from "./copy-request.ts";
import type { Destination } from "./destination.ts";
import type { FileFailure } from "./opened-source.ts";

/** A file that is written, and not yet under its final name. */
export interface Staged {
  readonly request: CopyRequest;
  readonly destination: Destination;
  readonly temporary: string;
  readonly digest: Uint8Array;
}

/** A file whose copy stands under its final name. */
export interface Published {
  readonly request: CopyRequest;
  readonly destination: Destination;
  readonly how: "copied" | "adopted";
  readonly there: FileStat;
  readonly digest: Uint8Array;
}

/** Of a copy that is durable, name and all. */
export function storedOutcome({ request, how, there, digest }: Published): CopyOutcome {
  const { id, evidence, prefix } = request;
  const { mtimeSeconds, mtimeNanoseconds } = there;
  const kept = sameEvidence(there, evidence) ? {} : { kept: { mtimeSeconds, mtimeNanoseconds } };
  return {
    kind: "stored",
    id,
    how,
    evidence,
    ...kept,
    digest: { algorithm: "sha256", bytes: digest },
    ...(prefix && { prefix }),
  };
}

/** What a failure says, without what to do about it: whoever reads a copy back to its origin has to do something else. */
export function withoutHelp(reason: CopyFailureReason, message: string): string {
  const end = `; ${COPY_FAILURES[reason].help}`;
  return message.endsWith(end) ? message.slice(0, -end.length) : message;
}

export function failedOutcome(request: CopyRequest, failure: FileFailure): CopyOutcome {
  const { domain, reason, obstacle } = failure;
  // A copy that is not what it should be says nothing of the origin.
  const observed = request.fromCopy === true ? undefined : failure.observed;
  const message = `${failure.message}; ${COPY_FAILURES[reason].help}`;
  const rewritten = failure.isRewritten === true ? { isRewritten: true as const } : {};
  return {
    kind: "failed",
    id: request.id,
    domain,
    reason,
    message,
    ...(observed === undefined ? {} : { observed }),
    ...rewritten,
    ...(obstacle === undefined ? {} : { obstacle }),
  };
}
