/**
 * What stands under a copy's final name (step 6). Only what the inventory knows may be replaced. A file that nobody recorded but that equals the source
 * (a run that was killed between the rename and the record) is adopted; anything else is somebody's, and stays.
 */
import { err, ok, type Result } from "neverthrow";
import { sameEvidence } from "../inventory/mod.ts";
import { type FileStat, printable } from "../sys/mod.ts";
import type { SourceFile, VolumeDirectory } from "../volume/mod.ts";
import { type CopyBuffers, sameContents } from "./copy-bytes.ts";
import { type CopyFailure, failureAtReplica, failureAtSource } from "./copy-failure.ts";
import { type CopyRequest, destinationPathOf } from "./copy-request.ts";
import { type FileFailure, sourceChanged, sourceDiffers } from "./opened-source.ts";

export type FinalName =
  | { readonly kind: "free" }
  | { readonly kind: "replaceable" }
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
): Promise<Result<FinalName, FileFailure>> {
  const looked = await mayPublish(request, directory, replica);
  if (looked.isErr()) return err(looked.error);
  const there = looked.value;
  if (typeof there === "string") return ok({ kind: there });
  if (!couldBeCopyOf(there, source.stat)) return err(inTheWay(request, there, replica));
  const copy = await directory.openSource(request.name);
  if (copy.isErr()) return err(failureAtReplica(copy.error));
  const same = await sameContents(source, copy.value, buffers);
  const flushed = flush && same.isOk() && same.value !== undefined ? await copy.value.sync() : ok(undefined);
  copy.value.close();
  if (flushed.isErr()) return err(failureAtReplica(flushed.error));
  if (same.isErr()) {
    const { error } = same;
    if (error.kind === "source-failed") return err(failureAtSource(error.error));
    if (error.kind === "replica-failed") return err(failureAtReplica(error.error));
    return err(sourceChanged(request, source.stat));
  }
  if (same.value === undefined) return err(inTheWay(request, there, replica));
  const { mustBe } = request;
  if (mustBe !== undefined && Buffer.compare(mustBe, same.value) !== 0) return err(sourceDiffers(request, same.value));
  return ok({ kind: "equal", there, digest: same.value });
}

/** Same size, and a modification time that a coarser file system (2 s on FAT) could have made of the source's. */
const couldBeCopyOf = (there: FileStat, source: FileStat): boolean =>
  there.size === source.size && Math.abs(there.mtimeSeconds - source.mtimeSeconds) <= 2;

export function inTheWay(request: CopyRequest, there: FileStat, replica: string): CopyFailure {
  const path = printable(`${replica}/${destinationPathOf(request)}/${request.name}`);
  const what = there.kind === "file" ? `a file of ${there.size} bytes` : `a ${there.kind}`;
  return request.replaces === undefined
    ? {
        domain: "replica",
        reason: "UnknownFileInTheWay",
        message: `${path} is ${what} that xtelemdb did not put there, and not a copy of the origin`,
      }
    : {
        domain: "replica",
        reason: "EditedAtReplica",
        message: `${path} is not what was copied there (now ${what}): somebody changed it`,
      };
}
