/** Why nothing is to be done about a file at a replica: its copy is current, or kept, or none is wanted. */
import type { FileOrigin, FileReplica } from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";
import { isoTime } from "./agent.ts";
import type { FileReplicaExplanation } from "./reports.ts";

/** Another replica that has a current copy. */
export interface Elsewhere {
  readonly url: string;
  readonly declared: boolean;
}

interface KeptCopy {
  /** The replica is declared. */
  readonly declared: boolean;
  readonly copy: FileReplica | undefined;
  readonly wanted: boolean;
  readonly elsewhere: Elsewhere | undefined;
}

/** The origin is what is copied from; a file that is gone there goes to no further replica by itself. */
const BRING_BACK =
  'if it is to be here, too: "xtelemdb restore path=FILE" brings it back to its origin, and the next sync copies it';

const DECLARE_IT =
  'if that volume is still there, mount it at a path of its own and declare it: "xtelemdb add_replica prefix=PATH"; "xtelemdb restore path=FILE" then brings the file back to its origin';

export function keptReason(
  { state }: FileOrigin,
  { declared, copy, wanted, elsewhere }: KeptCopy,
): Pick<FileReplicaExplanation, "message" | "help" | "nextTry"> {
  const told = (message: string, help = "") => ({ message, help, nextTry: null });
  const isFewer = declared && state === "absent" && elsewhere !== undefined;
  const has = elsewhere && `${printable(elsewhere.url)}${elsewhere.declared ? "" : ", which is not declared,"} has it`;
  const help = elsewhere?.declared === false ? DECLARE_IT : BRING_BACK;
  if (copy === undefined) {
    if (!isFewer) return told("no copy, and none is wanted");
    return told(`no copy: it went at its origin before it was copied here; ${has}`, help);
  }
  if (copy.imported !== undefined) return told(importedReason(copy));
  if (wanted) return told(`current since ${isoTime(copy.copiedAt)}`);
  if (!declared) return told("kept; the replica is not declared any more");
  const kept = `kept, copied ${isoTime(copy.copiedAt)}`;
  if (copy.state !== "stale" || !isFewer) return told(kept);
  return told(`${kept}: as it was then; ${has} as it was before it went at its origin`, help);
}

/** Who says so, of a copy that we did not make. */
function importedReason({ copiedAt, imported, digest, verifiedAt }: FileReplica): string {
  const agrees = imported === "confirmed" ? "its origin has the same size and time" : "its origin has not been compared yet";
  const read =
    verifiedAt !== undefined ? "" : digest === undefined ? "; unverified: nobody has read it" : "; read once, never compared";
  return `found there and imported ${isoTime(copiedAt)}; ${agrees}${read}`;
}
