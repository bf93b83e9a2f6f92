/**
 * Conditions, as in Kubernetes: `Ready` is always there; `Reconciling` and `Stalled` only while they are true; the others say what `Ready` rests on.
 * Reasons are one closed list, each with the sentence of help that goes with it.
 */
export type ConditionType =
  | "Ready"
  | "Reconciling"
  | "Stalled"
  | "Mounted"
  | "Independent"
  | "SpaceAvailable"
  | "Scanned"
  | "PatternsMatch"
  | "Guarded"
  | "WatchHealthy"
  | "Verified"
  | "ConfigurationValid";

export type ConditionStatus = "True" | "False" | "Unknown";

/** A path belongs to the volume that was seen there first: nothing else is written to it before an operator says so. */
const NEW_VOLUME =
  'if that one is gone for good, mount an empty one in its place and run "xtelemdb add_replica REPLICA new_volume=true"; until then nothing is copied to it';

/** Every reason, and what an operator does about it ("" where nothing is to be done). */
export const REASONS = {
  Converged: "",
  Scanned: "",
  MarkerFound: "",
  MarkerWritten: "",
  OwnFileSystem: "",
  EnoughSpace: "",
  PatternsMatch: "",
  Copying: "",
  Scanning: "",
  NotLookedAtYet:
    'the agent looks at it after its start; where none runs start it (systemctl start xtelemdb), or run "xtelemdb sync"',
  FilesPending:
    'an agent that runs goes on by itself; else run "xtelemdb sync"; "xtelemdb explain PATH" tells why a file is pending',
  FilesGrowing:
    'they are copied once they are closed and quiet for "settle"; an agent that runs sees to that; else run "xtelemdb sync" later',
  FilesFailed: '"xtelemdb explain PATH" tells what failed and what to do',
  RootMissing: "mount the volume, or make the folder if it is really new; xtelemdb never makes a replica's root",
  RootUnreadable: "check the mount and the permissions of the replica's root",
  MarkerMissing: `the volume that belongs here is not mounted, or its marker was removed: mount the right one; ${NEW_VOLUME}; where it is the right one, and only its marker is gone, add import_origins=true: what is on it stays known`,
  MarkerUnreadable: "look at the marker file; restore it, or move it aside if the volume is to be a new replica",
  MarkerOfAnotherReplica: `another volume is mounted here: mount the right one; ${NEW_VOLUME}`,
  WrittenByAnotherInventory:
    "two agents would take each other's copies for somebody else's: end one of them, or declare both's directories in one configuration; if the other is gone for good, remove the file that is named",
  ReplicaWentBack:
    'this is a clone, or a snapshot that was rolled back, or a server has lost what it had not flushed: mount the volume that was written last. If that is gone for good, stop the agent and run "xtelemdb verify prefix=REPLICA accept_loss=true": it takes this one for the replica and reads every copy; what only the other had is lost then, and the next sync copies again what the origins still have; copies of files that changed since are suspect: move them aside',
  TakingUnfinished:
    'stop the agent and run "xtelemdb verify prefix=REPLICA accept_loss=true" again: it goes on where it was; nothing is copied before every copy was read; make a copy that cannot be read readable, or move it aside',
  StillInUse: "what was under way when its former declaration was taken away is finished first; then the agent goes on by itself",
  ReadOnly: "mount the volume for writing",
  NoSpace: "free space on the replica, or declare a larger one",
  NoInodes: "the replica's file system has no inodes left: free some, or make it anew with more",
  NotPermitted: "give the agent's user the right to write there",
  SameFileSystem: "the copies share the disk of their origins: declare a replica on another disk as well",
  OtherHost: "",
  AllGuards: "",
  WeakerGuards:
    "over ssh, let the far end run OpenSSH's sftp server; on a disk of this machine, mount it without the option that is named; a replica in memory is no backup: declare one on a disk; or accept what it cannot promise",
  HostUnreachable: 'check the network, the host\'s name and its sshd: try "ssh HOST"; xtelemdb tries again',
  HostKeyUnknown: "log in once by hand as the agent's user (ssh HOST), or add the host's key to known_hosts",
  HostKeyChanged: "find out why the host's key changed before you trust it; then correct known_hosts (ssh-keygen -R HOST)",
  LoginRefused:
    "give the agent's user a key that this login accepts (ssh_options, ~/.ssh/config, authorized_keys at the far end)",
  SftpMissing: 'let the far end\'s sshd offer sftp ("Subsystem sftp internal-sftp"), and its login print nothing',
  ConnectionLost: "check the network and the far end; xtelemdb tries again, and goes on where large files were cut",
  NoProgress: 'the far end owed an answer for longer than "timeout": check its disks and the network; xtelemdb tries again',
  ProtocolBroken: "the far end does not speak SFTP as it should: check what runs there",
  WorkerStalled:
    "the volume does not answer (a hung mount or disk): check it (dmesg, mount); xtelemdb looks again as soon as it lets go",
  VolumeFailed: "check the disk (dmesg) and its cables; xtelemdb tries again",
  DataDirectoryMissing: "check that the volume is mounted and that the path is right; nothing was taken as deleted",
  DataDirectoryUnreadable: "give the agent's user the right to read it; nothing below it was taken as deleted",
  TooManyEntries:
    "look for a loop in it (a mount or a far end that shows a directory in itself); if it really is that large, raise [scan] max_entries",
  PartlyUnreadable:
    "do what is said of each of them; where the right to read is missing, give it to the agent's user; nothing below was taken as deleted",
  LossBrake: 'look whether the files are really gone; if so, run "xtelemdb scan accept_loss=PATH"',
  PatternMatchesNothing: "check the spelling of the pattern in [scan] exclude",
  HostNotDeclared: "declare this host with its data_dirs in [hosts], or set hostname",
  ReplicaNotDeclared: '"xtelemdb add_replica prefix=/mnt/backup" declares one',
  HostIsElsewhere: "",
  Watching: "",
  TooManyWatches:
    "raise the limit: sysctl fs.inotify.max_user_watches=1048576 (and in /etc/sysctl.d/ for the next boot); until then changes are seen by scanning",
  NetworkFileSystem: 'what other machines write there is seen by scanning only: shorten "interval" if that is too late',
  WatchFailed: "check the log; until it works again changes are seen by scanning",
  PromiseKept: "",
  RoundComplete: "",
  Verifying: "",
  NeverVerified: "it begins as soon as nothing is left to copy",
  PromiseTooShort: 'give it more "bandwidth", or promise less: a longer "every" in [verify]',
  PromiseBroken: "let the agent run, and the replica be there: what is late is made up for as fast as it may go",
  FindingsFound:
    '"xtelemdb verify level=listed" lists them; the next sync replaces corrupt and lost ones; a suspect one that somebody changed is left alone: move it aside, or put it back as it was, and "xtelemdb verify" takes the verdict back; one that stays wrong has nothing left to be made of: "xtelemdb explain PATH" tells what was looked at',
  TooMuchLost:
    'look whether the replica is whole (a mount below it, a restore under way); if the copies are really gone, run "xtelemdb verify prefix=REPLICA accept_loss=true"',
  ConfigurationLoaded: "",
  ConfigurationRejected: "mend the configuration; until then the last good one holds",
} as const satisfies Record<string, string>;

export type Reason = keyof typeof REASONS;

export interface Condition {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: Reason;
  readonly message: string;
}

export const isReason = (word: string): word is Reason => word in REASONS;
