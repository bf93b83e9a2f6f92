/**
 * What stands under a copy's final name (step 6). Only what the inventory knows may be replaced. A file that nobody recorded but that equals the source
 * (a run that was killed between the rename and the record) is adopted. In a directory in which a run was broken off, what is the beginning of its source and
 * not newer is that run's, too: the source has grown since, and its copy holds all that is there. Anything else is somebody's, and stays.
 */
import { err, ok, type Result } from "neverthrow";
import { sameEvidence } from "../inventory/mod.ts";
import { type FileStat, printable } from "../sys/mod.ts";
import type { SourceFile, VolumeDirectory } from "../volume/mod.ts";
import { beginsLike, type CopyBuffers, type CopyStep, sameContents } from "./copy-bytes.ts";
import { type CopyFailure, failureAtReplica, failureAtSource } from "./copy-failure.ts";
import { type CopyRequest, destinationPathOf } from "./copy-request.ts";
import { evidenceOf, type FileFailure, sourceChanged, sourceDiffers, sourceRewritten, sourceWentBack } from "./opened-source.ts";

export type FinalName =
  | { readonly kind: "free" }
  | { readonly kind: "replaceable" }
  /** What a run that was broken off wrote when the source was shorter. */
  | { readonly kind: "beginning"; readonly there: FileStat }
  | { readonly kind: "equal"; readonly there: FileStat; readonly digest: Uint8Array };

/** Looks once, without comparing contents: enough right before the rename. */
export async function mayPublish(
  request: CopyRequest,
  directory: VolumeDirectory,
  replica: string,
): Promise<Result<"free" | "replaceable" | FileStat, CopyFailure>> {
  const there = await directory.look(request.name);
  if (there.isErr()) return err(failureAtReplica(there.error));
  if (there.value === undefined) return ok("free");
  if (request.replaces !== undefined && there.value.kind === "file" && sameEvidence(there.value, request.replaces)) {
    return ok("replaceable");
  }
  if (there.value.kind !== "file") return err(inTheWay(request, there.value, replica));
  return ok(there.value);
}

/** Looks, and compares what is there with the open source where they may be equal. */
export async function inspectFinalName(
  request: CopyRequest,
  source: SourceFile,
  directory: VolumeDirectory,
  replica: string,
  buffers: CopyBuffers,
  /** What equals the source is flushed before it is told: the run that wrote it may have been killed before it was durable. */
  flush: boolean,
  /** Called while contents are compared. */
  alive: () => void,
): Promise<Result<FinalName, FileFailure>> {
  const looked = await mayPublish(request, directory, replica);
  if (looked.isErr()) return err(looked.error);
  const there = looked.value;
  if (there === "replaceable" && (request.goneBack === true || request.prefix === true))
    return await inspectLaterCopy(request, source, directory, buffers, alive);
  if (typeof there === "string") return ok({ kind: there });
  const equal = couldBeCopyOf(there, source.stat);
  if (!equal && !(request.brokenOff === true && couldBeBeginningOf(there, source.stat)))
    return err(inTheWay(request, there, replica));
  const copy = await directory.openSource(request.name);
  if (copy.isErr()) return err(failureAtReplica(copy.error));
  if (!equal) {
    const begins = await beginsLike(source, copy.value, buffers, alive);
    copy.value.close();
    if (begins.isErr()) return err(failureOfStep(request, source, begins.error));
    return begins.value ? ok({ kind: "beginning", there }) : err(inTheWay(request, there, replica));
  }
  const same = await sameContents(source, copy.value, buffers, alive);
  const flushed = flush && same.isOk() && same.value !== undefined ? await copy.value.sync() : ok(undefined);
  copy.value.close();
  if (flushed.isErr()) return err(failureAtReplica(flushed.error));
  if (same.isErr()) return err(failureOfStep(request, source, same.error));
  if (same.value === undefined) return err(inTheWay(request, there, replica));
  const { mustBe } = request;
  if (mustBe !== undefined && Buffer.compare(mustBe, same.value) !== 0) return err(sourceDiffers(request, same.value));
  return ok({ kind: "equal", there, digest: same.value });
}

/** What may be replaced once a copy is there: with a free name and a source that has gone back nothing, whatever comes back there meanwhile. */
export function afterInspection(request: CopyRequest, found: FinalName): CopyRequest {
  if (found.kind === "beginning") return { ...request, replaces: evidenceOf(found.there) };
  if (found.kind !== "free" || request.goneBack !== true) return request;
  const { replaces: _replaces, ...rest } = request;
  return rest;
}

/**
 * The copy is, or was when it was last tried, of a later time than its source; or only a beginning of the source is copied. It is given up only for what holds all that it
 * holds.
 */
async function inspectLaterCopy(
  request: CopyRequest,
  source: SourceFile,
  directory: VolumeDirectory,
  buffers: CopyBuffers,
  alive: () => void,
): Promise<Result<FinalName, FileFailure>> {
  const copy = await directory.openSource(request.name);
  if (copy.isErr()) return err(failureAtReplica(copy.error));
  const { stat } = copy.value;
  const begins = stat.size > source.stat.size ? ok(false) : await beginsLike(source, copy.value, buffers, alive);
  copy.value.close();
  if (begins.isErr()) return err(failureOfStep(request, source, begins.error));
  if (begins.value) return ok({ kind: "replaceable" });
  return err(request.goneBack === true ? sourceWentBack(request, source.stat, stat) : sourceRewritten(request, source.stat));
}

function failureOfStep(request: CopyRequest, source: SourceFile, step: CopyStep<Uint8Array>): FileFailure {
  if (step.kind === "source-failed") return failureAtSource(step.error);
  if (step.kind === "replica-failed") return failureAtReplica(step.error);
  return sourceChanged(request, source.stat);
}

/** Not larger, and not newer unless it is as large: a file system that died may have lost the time. Coarse times were rounded down when they were kept. */
const couldBeBeginningOf = (there: FileStat, source: FileStat): boolean =>
  there.size === source.size || (there.size < source.size && there.mtimeSeconds <= source.mtimeSeconds);

/** Same size, and a modification time that a coarser file system (2 s on FAT) could have made of the source's. */
const couldBeCopyOf = (there: FileStat, source: FileStat): boolean =>
  there.size === source.size && Math.abs(there.mtimeSeconds - source.mtimeSeconds) <= 2;

export function inTheWay(request: CopyRequest, there: FileStat, replica: string): CopyFailure {
  const path = printable(`${replica}/${destinationPathOf(request)}/${request.name}`);
  const what = there.kind === "file" ? `a file of ${there.size} bytes` : `a ${there.kind}`;
  const obstacle = there.kind === "directory" ? { obstacle: "directory" as const } : {};
  return request.replaces === undefined
    ? {
        domain: "replica",
        reason: "UnknownFileInTheWay",
        message: `${path} is ${what} that xtelemdb did not put there, and not a copy of the origin`,
        ...obstacle,
      }
    : {
        domain: "replica",
        reason: "EditedAtReplica",
        message: `${path} is not what was copied there (now ${what}): somebody changed it`,
        ...obstacle,
      };
}
