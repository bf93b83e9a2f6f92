/**
 * The rows of the inventory as the rest of the program sees them: ids, states and their codes in the database. States are small
 * integers on disk, because there are tens of millions of rows, and words everywhere else.
 */

declare const brand: unique symbol;
type Id<Name extends string> = number & { readonly [brand]: Name };

export type HostId = Id<"host">;
export type DataDirectoryId = Id<"data-directory">;
export type DirectoryId = Id<"directory">;
export type FileOriginId = Id<"file-origin">;
export type ReplicaId = Id<"replica">;
export type PlaceId = Id<"place">;

/**
 * What was last seen of a file at its origin. `growing`: it may still be written. `settled`: quiet for `settle`. `absent`: proven gone; the row is
 * the tombstone. `excluded`: there, but the operator's patterns leave it out. `imported`: known from a copy alone; nobody has looked at the origin yet, so
 * it is neither there nor gone.
 */
export const ORIGIN_STATES = ["growing", "settled", "absent", "excluded", "imported"] as const;
export type OriginState = (typeof ORIGIN_STATES)[number];

/** What is known of one copy. `missing` has no row. */
export const FILE_REPLICA_STATES = ["current", "stale", "suspect", "corrupt", "lost"] as const;
export type FileReplicaState = (typeof FILE_REPLICA_STATES)[number];

export const originStateCode = (state: OriginState): number => ORIGIN_STATES.indexOf(state) + 1;
export const fileReplicaStateCode = (state: FileReplicaState): number => FILE_REPLICA_STATES.indexOf(state) + 1;

/** @throws on a code that no release has written: a bug, or a database edited by hand. */
export function originStateOf(code: number): OriginState {
  const state = ORIGIN_STATES[code - 1];
  if (state === undefined) throw new Error(`unknown origin state ${code} in the inventory`);
  return state;
}

/** @throws on a code that no release has written: a bug, or a database edited by hand. */
export function fileReplicaStateOf(code: number): FileReplicaState {
  const state = FILE_REPLICA_STATES[code - 1];
  if (state === undefined) throw new Error(`unknown file replica state ${code} in the inventory`);
  return state;
}

/** Size in bytes, modification time as signed seconds since 1970 and nanoseconds 0..999,999,999: the evidence for "unchanged". */
export interface Evidence {
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
}

export const sameEvidence = (a: Evidence, b: Evidence): boolean =>
  a.size === b.size && a.mtimeSeconds === b.mtimeSeconds && a.mtimeNanoseconds === b.mtimeNanoseconds;

/** The reason of an attempt that has found its source being written to. */
export const WRITTEN_TO = "SourceChanged";

/** The reason of an attempt that has left a copy alone because of that (`hasGoneBack`). */
export const GONE_BACK = "SourceWentBack";

/** Why an attempt failed that has met another file under the name of the copy. */
export const IN_THE_WAY = "UnknownFileInTheWay";

/** Which was modified earlier: below 0 when that is `a`. */
export const compareTimes = (a: Omit<Evidence, "size">, b: Omit<Evidence, "size">): number =>
  a.mtimeSeconds - b.mtimeSeconds || a.mtimeNanoseconds - b.mtimeNanoseconds;

/**
 * Is a source older than what was copied of it, or as old and smaller? Whoever writes to a file makes it newer: this is what a power cut leaves of a file that was not
 * flushed yet (ext4, xfs and btrfs keep a time of before; its end is gone, or zeros), or a version of before that was put back. The copy may be the last good one (law 1).
 */
export const hasGoneBack = (now: Evidence, copied: Evidence): boolean => {
  const order = compareTimes(now, copied);
  return order < 0 || (order === 0 && now.size < copied.size);
};

const WHOLE_SECOND = 1e9;

/**
 * The same, as far as those can tell who kept one of them. Whole seconds are equal to any time within that second: many file systems, SFTP, tar and older rsyncs
 * keep no more. `nearly`: it came over ssh, where a server may round either way.
 */
export function agreeingEvidence(a: Evidence, b: Evidence, nearly: boolean): boolean {
  if (sameEvidence(a, b)) return true;
  if (a.size !== b.size) return false;
  if (a.mtimeSeconds === b.mtimeSeconds && (a.mtimeNanoseconds === 0 || b.mtimeNanoseconds === 0)) return true;
  const apart = (a.mtimeSeconds - b.mtimeSeconds) * WHOLE_SECOND + (a.mtimeNanoseconds - b.mtimeNanoseconds);
  return nearly && Math.abs(apart) <= WHOLE_SECOND;
}

/** Whether the origin of a copy that was found, and not made, has been seen to be the same. */
export const IMPORT_STATES = ["unconfirmed", "confirmed"] as const;
export type ImportState = (typeof IMPORT_STATES)[number];

export const importStateCode = (state: ImportState): number => IMPORT_STATES.indexOf(state) + 1;
export const importStateOf = (code: number | null): ImportState | undefined =>
  code === null ? undefined : IMPORT_STATES[code - 1];

/** Do the times of this replica come over ssh? */
export const isFarReplica = (url: string): boolean => url.startsWith("ssh://");

export const DIGEST_ALGORITHMS = ["sha256"] as const;
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

export interface Digest {
  readonly algorithm: DigestAlgorithm;
  readonly bytes: Uint8Array;
}

/** A number of files and the bytes in them. */
export interface Amount {
  readonly files: number;
  readonly bytes: number;
}

export const NOTHING: Amount = { files: 0, bytes: 0 };
export const sum = (a: Amount, b: Amount): Amount => ({ files: a.files + b.files, bytes: a.bytes + b.bytes });
