/** Why a file could not be copied: one closed list, with what it takes to mend it, and how soon to look again. */
import {
  isTransportReason,
  type TransportReason,
  type VolumeError,
  type VolumeErrorReason,
  volumeErrorMessage,
} from "../volume/mod.ts";

export type FailureDomain = "source" | "replica" | "transport";

/**
 * `retry`: it may work next time; `wait`: it works when something named has happened by itself; `stall`: only a person can mend it. `help` says what
 * a person does.
 */
interface Disposition {
  readonly action: "retry" | "wait" | "stall";
  readonly help: string;
}

export const COPY_FAILURES = {
  SourceVanished: { action: "retry", help: "the next scan decides whether it is gone" },
  SourceChanged: { action: "wait", help: 'it is copied once it has been quiet for "settle"' },
  SourceOpenForWriting: {
    action: "wait",
    help: 'it is copied once it is closed; until then what there is of it every "max_wait"',
  },
  SourceUnreadable: { action: "retry", help: "give the agent's user the right to read it, and check the disk (dmesg)" },
  SourceNotRegular: { action: "retry", help: "something else has its name now; the next scan decides" },
  SourceDiffersFromDigest: {
    action: "stall",
    help: "find out what changed the origin without a sign (its disk?), and which is right; nothing was replaced, and no other replica that is there has the contents of before",
  },
  SourceWentBack: {
    action: "stall",
    help: 'if the copy is right, bring it back: "xtelemdb restore path=FILE to=DIR" outside of the data directories, or overwrite=all in its place (what was written there since is gone then); if the origin is right, move the copy aside, and it is copied',
  },
  SourceCopyCorrupt: {
    action: "retry",
    help: 'the copy at another replica that it was to be made of has other bytes than were copied: the next attempt takes the origin; "xtelemdb verify" finds what else is wrong there',
  },
  SourceCopyChanged: {
    action: "retry",
    help: 'somebody edited or touched the copy at another replica that it was to be made of: the next attempt takes the origin; "xtelemdb verify" judges that copy, and takes it for good where its contents are what was recorded',
  },
  UnknownFileInTheWay: {
    action: "stall",
    help: 'xtelemdb did not put this there and does not touch it: move it aside; an agent that runs then copies by itself, else run "xtelemdb sync"',
  },
  KeptCopiesInTheWay: {
    action: "stall",
    help: 'they may be all that is left of those: bring them out of the replica first: "xtelemdb restore path=PATH to=DIR" (and host=HOST, of another host); then move what stands there aside, and the new one is copied ("xtelemdb verify" tells then that the old ones are not there any more); or leave them, and give the new one another name at its origin, or declare another replica for it',
  },
  EditedAtReplica: {
    action: "stall",
    help: 'somebody changed the copy; xtelemdb does not touch it: move it aside; an agent that runs then copies by itself, else run "xtelemdb sync"',
  },
  NoSpace: { action: "wait", help: "free space on the replica, or declare a larger one" },
  NoInodes: { action: "wait", help: "the replica's file system has no inodes left: free some, or make it anew with more" },
  ReadOnly: { action: "wait", help: "mount the replica for writing" },
  NotPermitted: { action: "stall", help: "give the agent's user the right to write there" },
  NameNotPossible: { action: "stall", help: "the replica's file system cannot hold this name: declare a replica on another one" },
  FileTooLarge: {
    action: "stall",
    help: "the replica's file system holds no file of this size (FAT: 4 GiB), or a limit forbids it (LimitFSIZE= in the unit, ulimit -f): declare a replica on another one, or raise the limit",
  },
  NameTaken: {
    action: "stall",
    help: "rename one of the two at the origin, or declare a replica on a file system that tells them apart; the copy that is there was not touched",
  },
  MountedBelow: {
    action: "stall",
    help: "unmount what is mounted below the replica's root, or declare it as a replica of its own; nothing was written there",
  },
  ReplicaFailed: { action: "retry", help: "check the replica's disk (dmesg) and its cables" },
  ReplaceNotPossible: {
    action: "stall",
    help: "the far end's sftp server cannot replace a file at once: use OpenSSH's there, or move the old copy aside",
  },
  OriginUnreachable: { action: "wait", help: "it is copied when the origin host can be reached again" },
  TooManyOpenFiles: { action: "retry", help: "raise the limit of open files (LimitNOFILE= in the unit, ulimit -n)" },
} as const satisfies Record<string, Disposition>;

export type CopyFailureReason = keyof typeof COPY_FAILURES;

/** A directory has the name of the copy, or something that is none has the name of a directory above it: the inventory tells whether that is a copy, too. */
export type Obstacle = "directory" | "above";

export interface CopyFailure {
  readonly domain: FailureDomain;
  readonly reason: CopyFailureReason;
  readonly message: string;
  /** It is the way there that failed: every other file would fail too. */
  readonly transport?: TransportReason;
  /** It may be the whole volume that does not answer any more: its root tells. */
  readonly unavailable?: true;
  readonly obstacle?: Obstacle;
}

export const isCopyFailureReason = (word: string): word is CopyFailureReason => word in COPY_FAILURES;

const AT_SOURCE: Readonly<Partial<Record<VolumeErrorReason, CopyFailureReason>>> = {
  "not-found": "SourceVanished",
  "not-a-directory": "SourceVanished",
  "is-a-symlink": "SourceNotRegular",
  "not-a-regular-file": "SourceNotRegular",
  "is-a-directory": "SourceNotRegular",
  unavailable: "SourceUnreadable",
  "too-many-open-files": "TooManyOpenFiles",
};

const AT_REPLICA: Readonly<Partial<Record<VolumeErrorReason, CopyFailureReason>>> = {
  exists: "UnknownFileInTheWay",
  "is-a-symlink": "UnknownFileInTheWay",
  "not-a-directory": "UnknownFileInTheWay",
  "is-a-directory": "UnknownFileInTheWay",
  "not-a-regular-file": "UnknownFileInTheWay",
  denied: "NotPermitted",
  "no-space": "NoSpace",
  "read-only": "ReadOnly",
  "name-too-long": "NameNotPossible",
  "name-not-allowed": "NameNotPossible",
  "too-large": "FileTooLarge",
  "too-many-open-files": "TooManyOpenFiles",
  unsupported: "ReplaceNotPossible",
  "mounted-below": "MountedBelow",
};

/** What an error at the source means for the file. Total: whatever is not listed is read as "cannot be read". */
export const failureAtSource = (error: VolumeError): CopyFailure =>
  isTransportReason(error.reason)
    ? { domain: "transport", reason: "OriginUnreachable", message: volumeErrorMessage(error) }
    : { domain: "source", reason: AT_SOURCE[error.reason] ?? "SourceUnreadable", message: volumeErrorMessage(error) };

/** What an error at the replica means for the file. Total: whatever is not listed is read as "the replica failed". */
export const failureAtReplica = (error: VolumeError): CopyFailure =>
  isTransportReason(error.reason)
    ? { domain: "transport", reason: "ReplicaFailed", message: volumeErrorMessage(error), transport: error.reason }
    : {
        domain: "replica",
        reason: AT_REPLICA[error.reason] ?? "ReplicaFailed",
        message: volumeErrorMessage(error),
        ...(error.reason === "unavailable" ? { unavailable: true } : {}),
        ...(error.reason === "not-a-directory" ? { obstacle: "above" } : {}),
        ...(error.reason === "is-a-directory" ? { obstacle: "directory" } : {}),
      };
