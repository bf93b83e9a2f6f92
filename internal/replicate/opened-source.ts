/** Is an open source still what the plan took it for, and does nobody write it now (step 2 of the safe copy)? */
import { err, ok, type Result } from "neverthrow";
import { type Evidence, GONE_BACK, sameEvidence, WRITTEN_TO } from "../inventory/mod.ts";
import { type FileStat, printable } from "../sys/mod.ts";
import type { SourceFile } from "../volume/mod.ts";
import type { CopyFailure } from "./copy-failure.ts";
import type { CopyRequest } from "./copy-request.ts";

/** A failure for one file, and what the source turned out to be where the inventory says otherwise. */
export type FileFailure = CopyFailure & {
  readonly observed?: Evidence;
  /** It is written to, and not only at its end: the beginning of it is of no use. */
  readonly isRewritten?: true;
};

/** What is to be copied of an open source; or why it is not to be copied now. */
export function asOpened(request: CopyRequest, source: SourceFile): Result<CopyRequest, FileFailure> {
  if (request.prefix === true) {
    if (source.stat.size < request.evidence.size) return err(sourceChanged(request, source.stat));
    return ok({ ...request, evidence: evidenceOf(source.stat) });
  }
  if (!sameEvidence(source.stat, request.looksLike ?? request.evidence)) return err(sourceChanged(request, source.stat));
  return source.writers?.() === "some" ? err(sourceOpenForWriting(request)) : ok(request);
}

/** The source has changed without a sign, or its disk has: whatever it is, it is not what the copy was. */
export const sourceDiffers = (request: CopyRequest, digest: Uint8Array): FileFailure => ({
  domain: "source",
  reason: request.fromCopy === true ? "SourceCopyCorrupt" : "SourceDiffersFromDigest",
  message: `the contents of ${placeOf(request)} are not what was copied before (sha256 ${hex(request.mustBe)}), though its size and time are: now sha256 ${hex(digest)}`,
});

/** What the copy that is there has would be gone with it. */
export const sourceWentBack = (request: CopyRequest, now: FileStat, copy: FileStat): FileFailure => ({
  domain: "source",
  reason: GONE_BACK,
  message: `${printable(`${request.directoryPath}/${request.name}`)} (${described(now)}) lacks what its copy holds (${described(copy)}): it is older, or was before it was written to again, as after a power cut; or the file was gone for an hour or more, and another has its name now; the copy was not touched`,
});

function described({ size, mtimeSeconds }: Evidence): string {
  const modified = new Date(mtimeSeconds * 1000);
  return `${size} bytes, of ${Number.isNaN(modified.getTime()) ? `${mtimeSeconds} s after 1970` : modified.toISOString().replace(".000Z", "Z")}`;
}

/** The file that was read, which may be a copy at another replica. */
function placeOf({ fromCopy, source, dataDirectory, directoryPath, name }: CopyRequest): string {
  const folder =
    fromCopy === true && source !== undefined ? `${source.name}${directoryPath.slice(dataDirectory.length)}` : directoryPath;
  return printable(`${folder}/${name}`);
}

const hex = (digest: Uint8Array = new Uint8Array()): string => Buffer.from(digest).toString("hex");

export const evidenceOf = ({ size, mtimeSeconds, mtimeNanoseconds }: FileStat): Evidence => ({
  size,
  mtimeSeconds,
  mtimeNanoseconds,
});

export const sourceChanged = (request: CopyRequest, now: FileStat): FileFailure =>
  request.fromCopy === true ? copyChanged(request, now) : originChanged(request, now);

const originChanged = (request: CopyRequest, now: FileStat): FileFailure => ({
  domain: "source",
  reason: WRITTEN_TO,
  message: `${placeOf(request)} changed after it was scanned`,
  observed: evidenceOf(now),
});

/** What was to be read is a copy: it says nothing of the origin. */
const copyChanged = (request: CopyRequest, now: FileStat): FileFailure => ({
  domain: "source",
  reason: "SourceCopyChanged",
  message: `${placeOf(request)} is not what was recorded there: it is ${described(now)}, and was ${described(request.looksLike ?? request.evidence)}`,
});

/** It does not only grow: a part of it that was copied is another by now. */
export const sourceRewritten = (request: CopyRequest, now: FileStat): FileFailure => ({
  ...sourceChanged(request, now),
  isRewritten: true,
  message: `${printable(`${request.directoryPath}/${request.name}`)} is written to, and not only at its end: it is copied when it is finished; an earlier copy stays until then, unless it is moved aside`,
});

/** The evidence may be as it was: what is told is that the file grows. */
const sourceOpenForWriting = (request: CopyRequest): FileFailure => ({
  domain: "source",
  reason: "SourceOpenForWriting",
  message: `somebody has ${placeOf(request)} open for writing`,
  observed: request.evidence,
});
