/**
 * Brings files back from one replica, by the same safe copy that made the copies: a temporary name, the digest compared with the recorded one, flushed, renamed without
 * replacing what was not looked at.
 *
 * Promises: what does not have the recorded contents is not published; a file that is there is only replaced when the caller says so, and only as it was looked at.
 * Never: writes to the replica that it reads from.
 */
import {
  agreeingEvidence,
  compareTimes,
  type DirectoryId,
  type Evidence,
  type FileOriginId,
  sameEvidence,
} from "../inventory/mod.ts";
import type { FileStat } from "../sys/mod.ts";
import { openVolume, type Volume, type VolumeAddress, type VolumeDirectory, volumeErrorMessage } from "../volume/mod.ts";
import type { CopyBuffers } from "./copy-bytes.ts";
import { copyInto } from "./copy-group.ts";
import { withoutHelp } from "./copy-outcome.ts";
import type { CopyOutcome, CopyRequest } from "./copy-request.ts";
import { forEachInFlight } from "./in-flight.ts";
import { openReplica } from "./replica-check.ts";
import { lookAtSources } from "./restore-sources.ts";
import { removeTemporaryFiles } from "./temporary-files.ts";
import type { CopyWatch } from "./watched-source.ts";
import type { OnProgress } from "./write-copy.ts";
import type { Claims } from "./writer-claims.ts";

export const OVERWRITES = ["never", "older", "all"] as const;
export type Overwrite = (typeof OVERWRITES)[number];

/** A file that may have to come back. */
export interface FileToRestore {
  readonly id: FileOriginId;
  readonly directory: DirectoryId;
  readonly host: string;
  /** Absolute origin paths. */
  readonly dataDirectory: string;
  readonly directoryPath: string;
  readonly name: string;
  /** The folder that it goes to, below the destination's root. */
  readonly into: string;
  /** As it was at its origin. */
  readonly evidence: Evidence;
}

export interface RestoreLookRequest {
  readonly destination: VolumeAddress;
  readonly files: readonly FileToRestore[];
  readonly overwrite: Overwrite;
  /** Folders in which a run that was cut off may have left temporary files: they are removed there. */
  readonly clean: readonly string[];
  /** Seconds since 1970. */
  readonly now: number;
}

/** What stands where a file would come back to. */
export type RestoreLook =
  | { readonly kind: "free" }
  /** It is there, as it was. */
  | { readonly kind: "present" }
  | { readonly kind: "replaceable"; readonly now: Evidence }
  | { readonly kind: "in-the-way" | "unreadable"; readonly message: string };

export interface RestoreLookResult {
  /** By position in the request. */
  readonly looks: readonly RestoreLook[];
  /** The destination as a whole cannot be used. */
  readonly problem?: string;
}

/** Looks at where files would come back to. */
export async function lookAtDestination(request: RestoreLookRequest): Promise<RestoreLookResult> {
  const { destination, files, clean, now } = request;
  const opened = await openVolume(destination);
  if (opened.isErr()) return { looks: [], problem: volumeErrorMessage(opened.error) };
  const volume = opened.value;
  for (const folder of clean) await removeTemporaryFiles(volume, folder, now);
  const folders = new Folders(volume);
  const looks: RestoreLook[] = [];
  const limits = { items: volume.filesInFlight, bytes: Number.POSITIVE_INFINITY };
  await forEachInFlight(
    files.map((file, index) => ({ file, index })),
    limits,
    () => 0,
    async ({ file, index }) => {
      looks[index] = await folders.look(file, request);
      return "go on";
    },
  );
  await folders.close();
  volume.close();
  return { looks };
}

class Folders {
  readonly #open = new Map<string, ReturnType<Folders["open"]>>();

  constructor(private readonly volume: Volume) {}

  async open(path: string) {
    return await this.volume.openDirectory(path);
  }

  async look(file: FileToRestore, { overwrite, destination }: RestoreLookRequest): Promise<RestoreLook> {
    const opening = this.#open.get(file.into) ?? this.open(file.into);
    this.#open.set(file.into, opening);
    const directory = await opening;
    const there = directory.isErr() ? directory : await lookIn(directory.value, file.name);
    if (there.isErr()) {
      const { error } = there;
      return error.reason === "not-found" ? { kind: "free" } : { kind: "unreadable", message: volumeErrorMessage(error) };
    }
    return there.value === undefined ? { kind: "free" } : judge(file, there.value, overwrite, destination.kind === "ssh");
  }

  async close(): Promise<void> {
    for (const opening of this.#open.values()) (await opening).map((directory) => directory.close());
  }
}

const lookIn = async (directory: VolumeDirectory, name: string) => await directory.look(name);

/** `far`: the destination's times come over ssh. */
function judge({ evidence }: FileToRestore, there: FileStat, overwrite: Overwrite, far: boolean): RestoreLook {
  if (there.kind !== "file") return { kind: "in-the-way", message: `a ${there.kind} has its name` };
  const { size, mtimeSeconds, mtimeNanoseconds } = there;
  const now = { size, mtimeSeconds, mtimeNanoseconds };
  if (overwrite === "all") return { kind: "replaceable", now };
  const same = far ? agreeingEvidence(now, evidence, true) : sameEvidence(now, evidence);
  if (same) return { kind: "present" };
  const order = compareTimes(now, evidence);
  const older = order < 0;
  if (overwrite === "older" && older) return { kind: "replaceable", now };
  const which = older ? "an older" : order === 0 ? "another" : "a newer";
  return { kind: "in-the-way", message: `${which} file of ${size} bytes is there` };
}

/** One file that comes back from the copy at the group's replica. */
export interface RestoreItem {
  readonly file: FileToRestore;
  /** Where its copies lie: a folder of the replica, and which origin path that is. */
  readonly source: VolumeAddress;
  readonly sourceDirectory: string;
  /** The file as it was when it was copied, and as the replica keeps it. */
  readonly evidence: Evidence;
  readonly kept: Evidence;
  readonly digest?: Uint8Array;
  readonly replaces?: Evidence;
}

export interface RestoreGroup {
  readonly replica: { readonly address: VolumeAddress; readonly marker: string; readonly claimant: Claims["claimant"] };
  readonly destination: VolumeAddress;
  readonly items: readonly RestoreItem[];
  /** Only look whether each copy is what was recorded; nothing is read or written. */
  readonly dryRun?: true;
}

export type RestoreOutcome =
  | { readonly id: FileOriginId; readonly kind: "restored" }
  /** `elsewhere`: another copy may do. */
  | { readonly id: FileOriginId; readonly kind: "failed"; readonly elsewhere: boolean; readonly message: string };

export interface RestoreGroupResult {
  /** Files that were not tried have none. */
  readonly outcomes: readonly RestoreOutcome[];
  /** The replica, or the destination, failed as a whole. */
  readonly replicaProblem?: string;
  readonly destinationProblem?: string;
}

/** Copies a group back. */
export async function restoreGroup(
  { replica, destination, items, dryRun }: RestoreGroup,
  buffers: CopyBuffers,
  onProgress: OnProgress,
  watch: CopyWatch,
): Promise<RestoreGroupResult> {
  // Reading takes no claim: whoever writes there, the digests say what is right.
  const proven = await openReplica(replica.address, replica.marker, { claimant: replica.claimant, hosts: [] });
  if (proven.isErr()) return { outcomes: [], replicaProblem: proven.error.message };
  proven.value.close();
  const target = await openVolume(destination);
  if (target.isErr()) return { outcomes: [], destinationProblem: volumeErrorMessage(target.error) };
  const requests = items.map(requestOf);
  if (dryRun === true) {
    target.value.close();
    return resultOf(await lookAtSources(requests, watch), undefined);
  }
  const limits = { reserveBytes: 0, mountsBelow: "flushed" as const };
  const { outcomes, problem } = await copyInto(target.value, requests, limits, buffers, onProgress, watch);
  return resultOf(outcomes, problem?.message);
}

function resultOf(outcomes: readonly CopyOutcome[], destinationProblem: string | undefined): RestoreGroupResult {
  const told = outcomes.flatMap((outcome): RestoreOutcome[] => {
    if (outcome.kind === "stored") return [{ id: outcome.id, kind: "restored" }];
    if (outcome.domain === "transport") return [];
    const { id, domain, reason, message } = outcome;
    // What fails at the source is a copy, and neither a scan nor another attempt mends that.
    const ofCopy = domain === "source";
    return [{ id, kind: "failed", elsewhere: ofCopy, message: ofCopy ? withoutHelp(reason, message) : message }];
  });
  // The way to the replica broke: whatever else was to come from there would meet the same.
  const broken = outcomes.flatMap((outcome) =>
    outcome.kind === "failed" && outcome.domain === "transport" ? [outcome.message] : [],
  )[0];
  return {
    outcomes: told,
    ...(broken === undefined ? {} : { replicaProblem: broken }),
    ...(destinationProblem === undefined ? {} : { destinationProblem }),
  };
}

function requestOf({ file, source, sourceDirectory, evidence, kept, digest, replaces }: RestoreItem): CopyRequest {
  const { id, directory, host, directoryPath, name, into } = file;
  return {
    id,
    directory,
    host,
    dataDirectory: sourceDirectory,
    directoryPath,
    name,
    into,
    source,
    fromCopy: true,
    evidence,
    looksLike: kept,
    ...(digest === undefined ? {} : { mustBe: digest }),
    ...(replaces === undefined ? {} : { replaces }),
  };
}
