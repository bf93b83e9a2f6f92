/** Why nothing can be written to a replica as a whole, made from what went wrong at its root. */
import type { Successor } from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";
import {
  isTransportReason,
  type RootFileError,
  type TransportReason,
  type Volume,
  type VolumeError,
  volumeErrorMessage,
} from "../volume/mod.ts";

export type ReplicaProblemReason =
  | "RootMissing"
  | "RootUnreadable"
  | "MarkerMissing"
  | "MarkerUnreadable"
  | "MarkerOfAnotherReplica"
  | "WrittenByAnotherInventory"
  | "ReplicaWentBack"
  | "TakingUnfinished"
  | "StillInUse"
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
  /** The volume that is there: its marker says that it takes the place of the one that was expected. */
  readonly successor?: Successor;
}

export const replicaProblem = (reason: ReplicaProblemReason, message: string): ReplicaProblem => ({
  kind: "replica-problem",
  reason,
  message,
});

/** The root itself cannot be opened. */
export function rootProblem(root: string, error: VolumeError): ReplicaProblem {
  const message = volumeErrorMessage(error);
  if (isTransportReason(error.reason)) return transportProblem(error.reason, message);
  if (error.reason === "not-found") return replicaProblem("RootMissing", `the replica's root ${printable(root)} does not exist`);
  return replicaProblem(
    error.reason === "unavailable" || error.reason === "input-output" ? "VolumeFailed" : "RootUnreadable",
    message,
  );
}

/** A disk that died, or a server that is gone, answers for no file any more; where the root still opens, it is the one file's own trouble (a stale handle). */
export async function goneProblem(volume: Volume): Promise<ReplicaProblem | undefined> {
  const root = await volume.openDirectory("");
  if (root.isErr()) return rootProblem(volume.name, root.error);
  root.value.close();
  return undefined;
}

/** The marker, or a writer's claim, cannot be read. */
export function rootFileProblem(root: string, error: RootFileError): ReplicaProblem {
  if (error.kind === "root-file-unreadable") {
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

/** What an error while writing at the root means for the whole replica. */
export function rootWriteProblem(root: string, error: RootFileError): ReplicaProblem {
  if (error.kind === "root-file-unreadable") return rootFileProblem(root, error);
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
