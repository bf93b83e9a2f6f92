/** Why a file of an origin is not safe to lose: one closed list, each with what a person does about it. The order is that of the choice, where several apply. */

export const ORIGIN_REASONS = {
  OriginUnreachable:
    "mount the data directory, or bring its host on line, and ask again: what cannot be looked at now is not judged",
  OriginMissing: 'it was there at the last scan: mount its disk, or run "xtelemdb scan", which finds out whether it is gone',
  NotDeclared:
    "its data directory is not in the configuration any more, so nobody looks after it: declare it again, or leave it out with path=",
  NotScanned: 'no scan has seen it: run "xtelemdb sync"',
  Excluded:
    "a pattern of [scan] exclude leaves it out, so it is copied nowhere: copy it by hand, or take the pattern out of the configuration",
  Growing: "it is being written, or was until a moment ago: wait until it is finished and copied",
  ChangedSinceScan: 'it is not what the last scan saw: run "xtelemdb sync"',
} as const satisfies Record<string, string>;

/** Why a copy does not count, the one that tells an operator most first. */
export const COPY_REASONS = {
  CopyCorrupt: 'its bytes are not what was copied: "xtelemdb sync" makes the copy anew',
  CopiesContradict:
    "copies of one version hold different bytes, and one of them is wrong: compare both with the origin (sha256sum), before either is moved",
  CopyDiffers:
    'the copy is not what was put there: look who changed it, move it aside, run "xtelemdb sync"; or "xtelemdb verify", if it was only touched',
  CopyMissing: 'the copy is recorded and not there: "xtelemdb verify" finds out, "xtelemdb sync" copies it again',
  CopyUnreadable: "the copy cannot be looked at: check the rights there, and the disk (dmesg)",
  CopyStale: 'the copy is of another version than the origin: run "xtelemdb sync"; "xtelemdb explain PATH" says why it stays so',
  NotIndependent:
    "the copy shares a disk with the original, or with another copy, or it cannot be told that it does not (overlayfs, FUSE): declare a replica on another disk",
  InMemory: "the replica is in memory (tmpfs, or a file there that is used as a disk): declare a replica on a disk",
  NotCopied: 'it waits to be copied: run "xtelemdb sync"; "xtelemdb explain PATH" says why it waits',
  NotVerified: 'nobody has compared its bytes: run "xtelemdb verify" (for imported copies import_origins hash=true does, too)',
  EvidenceTooOld: 'its bytes were read back too long ago: run "xtelemdb verify"',
  ReplicaNotMounted: "mount the replica's disk, or bring its host on line: a copy that cannot be seen now does not count",
} as const satisfies Record<string, string>;

export const SAFETY_REASONS = {
  ...ORIGIN_REASONS,
  TooFewCopies: "there are fewer replicas than copies are asked for: declare another one, or ask for fewer copies",
  ...COPY_REASONS,
} as const satisfies Record<string, string>;

export type OriginReason = keyof typeof ORIGIN_REASONS;
export type CopyReason = keyof typeof COPY_REASONS;
export type SafetyReason = keyof typeof SAFETY_REASONS;
