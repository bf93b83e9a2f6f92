/**
 * The guards of a replica, before anything is written to it: its root is there, it carries the marker that belongs to it, and it takes writes. A newly
 * declared root that exists gets its marker here, once.
 */
import { err, ok, type Result } from "neverthrow";
import { printable, type Space } from "../sys/mod.ts";
import {
  isTransportReason,
  type MarkerError,
  openLocalVolume,
  openVolume,
  readMarker,
  type TransportReason,
  type Volume,
  type VolumeAddress,
  type VolumeError,
  volumeErrorMessage,
  writeMarker,
} from "../volume/mod.ts";
import { removeTemporaryFiles } from "./temporary-files.ts";

export type ReplicaProblemReason =
  | "RootMissing"
  | "RootUnreadable"
  | "MarkerMissing"
  | "MarkerUnreadable"
  | "MarkerOfAnotherReplica"
  | "ReadOnly"
  | "NoSpace"
  | "NoInodes"
  | "NotPermitted"
  | "VolumeFailed"
  | "WorkerStalled"
  | TransportProblemReason;

/** Why the way to another host fails, as a condition's reason. */
export const TRANSPORT_PROBLEMS = {
  "host-unreachable": "HostUnreachable",
  "host-key-unknown": "HostKeyUnknown",
  "host-key-changed": "HostKeyChanged",
  "login-refused": "LoginRefused",
  "sftp-missing": "SftpMissing",
  "connection-lost": "ConnectionLost",
  "no-progress": "NoProgress",
  "protocol-broken": "ProtocolBroken",
} as const satisfies Record<TransportReason, string>;

export type TransportProblemReason = (typeof TRANSPORT_PROBLEMS)[TransportReason];

export const transportProblem = (reason: TransportReason, message: string): ReplicaProblem =>
  replicaProblem(TRANSPORT_PROBLEMS[reason], message);

/** Why nothing can be written to a replica as a whole. */
export interface ReplicaProblem {
  readonly kind: "replica-problem";
  readonly reason: ReplicaProblemReason;
  readonly message: string;
}

export const replicaProblem = (reason: ReplicaProblemReason, message: string): ReplicaProblem => ({
  kind: "replica-problem",
  reason,
  message,
});

/** Opens a replica's volume and proves that it is the one: its marker has this UUID. */
export async function openReplica(address: VolumeAddress, marker: string): Promise<Result<Volume, ReplicaProblem>> {
  const root = address.name;
  const opened = await openVolume(address);
  if (opened.isErr()) return err(rootProblem(root, opened.error));
  const found = await readMarker(opened.value);
  if (found.isErr()) {
    opened.value.close();
    return err(markerProblem(root, found.error));
  }
  if (found.value?.uuid === marker) return ok(opened.value);
  opened.value.close();
  return err(wrongMarker(root, marker, found.value?.uuid));
}

function wrongMarker(root: string, expected: string, found: string | undefined): ReplicaProblem {
  const where = printable(root);
  return found === undefined
    ? replicaProblem(
        "MarkerMissing",
        `${where} has no marker file .xtelemdb-replica.json, though this replica has one (${expected}): its volume is not mounted there`,
      )
    : replicaProblem(
        "MarkerOfAnotherReplica",
        `${where} carries the marker ${found}, but this replica's is ${expected}: another volume is mounted there`,
      );
}

function rootProblem(root: string, error: VolumeError): ReplicaProblem {
  const message = volumeErrorMessage(error);
  if (isTransportReason(error.reason)) return transportProblem(error.reason, message);
  if (error.reason === "not-found") return replicaProblem("RootMissing", `the replica's root ${printable(root)} does not exist`);
  return replicaProblem(
    error.reason === "unavailable" || error.reason === "input-output" ? "VolumeFailed" : "RootUnreadable",
    message,
  );
}

function markerProblem(root: string, error: MarkerError): ReplicaProblem {
  if (error.kind === "marker-unreadable") {
    return replicaProblem(
      "MarkerUnreadable",
      `the marker ${printable(error.path)} does not say whose volume this is: ${error.detail}`,
    );
  }
  if (error.reason === "not-found" || isTransportReason(error.reason)) return rootProblem(root, error);
  return replicaProblem(
    error.reason === "input-output" || error.reason === "unavailable" ? "VolumeFailed" : "MarkerUnreadable",
    volumeErrorMessage(error),
  );
}

export interface ReplicaCheckRequest {
  readonly address: VolumeAddress;
  /** The UUID that the inventory knows; null before the first sight. */
  readonly marker: string | null;
  /** What a new marker would say, were one to be written; left out where nothing may be written. */
  readonly newMarker?: { readonly uuid: string; readonly created: string; readonly hex: string };
  /** Data directories of this host: a replica on the device of one shares its fate. */
  readonly dataDirectories: readonly string[];
  /** Bytes that are to stay free. */
  readonly reserveBytes: number;
}

export interface ReplicaState {
  /** Null only where there is none and none may be written. */
  readonly marker: string | null;
  readonly markerWritten: boolean;
  readonly space: Space;
  /** One disk with a moving head: it gets one writer. */
  readonly rotating: boolean;
  /** The first data directory that lies on the same file system; null when none does. */
  readonly sharesDeviceWith: string | null;
  readonly onThisHost: boolean;
  /** Promises that the volume cannot keep, in words. */
  readonly weaknesses: readonly string[];
}

/** Looks at a replica once, and writes its marker where that is due. */
export async function checkReplica(request: ReplicaCheckRequest): Promise<Result<ReplicaState, ReplicaProblem>> {
  const opened = await openVolume(request.address);
  if (opened.isErr()) return err(rootProblem(request.address.name, opened.error));
  const volume = opened.value;
  const result = await checkVolume(volume, request);
  volume.close();
  return result;
}

async function checkVolume(volume: Volume, request: ReplicaCheckRequest): Promise<Result<ReplicaState, ReplicaProblem>> {
  const root = request.address.name;
  const found = await readMarker(volume);
  if (found.isErr()) return err(markerProblem(root, found.error));
  const uuid = found.value?.uuid;
  if (request.marker !== null && uuid !== request.marker) return err(wrongMarker(root, request.marker, uuid));
  const space = await volume.space();
  if (space.isErr()) return err(rootProblem(root, space.error));
  const where = printable(root);
  if (space.value.readOnly) return err(replicaProblem("ReadOnly", `${where} is mounted read-only`));
  let marker = uuid ?? null;
  const markerWritten = marker === null && request.newMarker !== undefined;
  if (marker === null && request.newMarker !== undefined) {
    const { uuid: fresh, created, hex } = request.newMarker;
    // A run that was killed right here has left one, and no row tells of it.
    await removeTemporaryFiles(volume, "", Date.parse(created) / 1000);
    const written = await writeMarker(volume, { format: 1, uuid: fresh, created }, hex);
    if (written.isErr()) return err(writeProblem(root, written.error));
    marker = fresh;
  }
  const onThisHost = request.address.kind === "local";
  const sharesDeviceWith =
    (onThisHost ? request.dataDirectories.find((path) => deviceOf(path) === volume.device) : undefined) ?? null;
  const { rotating, weaknesses } = volume;
  return ok({ marker, markerWritten, space: space.value, rotating, sharesDeviceWith, onThisHost, weaknesses });
}

/** What an error while writing at the root means for the whole replica. */
function writeProblem(root: string, error: MarkerError): ReplicaProblem {
  if (error.kind === "marker-unreadable") return markerProblem(root, error);
  const message = volumeErrorMessage(error);
  if (isTransportReason(error.reason)) return transportProblem(error.reason, message);
  switch (error.reason) {
    case "read-only":
      return replicaProblem("ReadOnly", message);
    case "no-space":
      return replicaProblem("NoSpace", message);
    case "denied":
      return replicaProblem("NotPermitted", message);
    default:
      return replicaProblem("VolumeFailed", message);
  }
}

function deviceOf(path: string): string | undefined {
  const volume = openLocalVolume(path);
  if (volume.isErr()) return undefined;
  volume.value.close();
  return volume.value.device;
}
