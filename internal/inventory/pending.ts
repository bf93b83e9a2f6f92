/**
 * The diff: which files a replica lacks, a page at a time, so that memory stays flat. What changed after the replica's reconciled revision comes oldest
 * change first; what has failed before, when its time has come: neither costs more than the files that are in it.
 */
import type { DeclaredReplica } from "./declare.ts";
import type { Session } from "./inventory.ts";
import {
  type DataDirectoryId,
  type DirectoryId,
  type Evidence,
  type FileOriginId,
  type FileReplicaState,
  fileReplicaStateOf,
  GONE_BACK,
  hasGoneBack,
  importStateOf,
  originStateOf,
  type ReplicaId,
} from "./model.ts";
import {
  changedPage,
  dueAttempts,
  dueFile,
  earliestAttempt,
  leftBehindFile,
  NOT_CURRENT,
  overduePage,
  type PendingRow,
  repairableFile,
  selectDirectory,
} from "./pending-queries.ts";

/** The directory of an origin, and the data directory that it belongs to. Paths are absolute origin paths. */
export interface OriginDirectory {
  readonly id: DirectoryId;
  readonly host: string;
  readonly path: string;
  readonly dataDirectoryId: DataDirectoryId;
  readonly dataDirectory: string;
}

/** A file that has no current copy at the replica: settled; or growing for so long that what there is of it is to be copied. */
export interface PendingFile {
  readonly id: FileOriginId;
  /** One object for all files of a directory in a page. */
  readonly directory: OriginDirectory;
  readonly name: string;
  readonly evidence: Evidence;
  readonly revision: number;
  /** When it was seen as it is: milliseconds since 1970. */
  readonly observedAt: number;
  /**
   * The copy that is there now, with its evidence as the replica's file system keeps it. It may be replaced, unless it is `untouchable`: it was found there, and either
   * its origin does not agree with it or it lies elsewhere.
   */
  readonly copy?: { readonly state: FileReplicaState; readonly kept: Evidence; readonly untouchable?: true };
  /** When its last attempt failed, how often it did, and when the next is due. */
  readonly attempt?: { readonly attempts: number; readonly nextAt: number };
  /**
   * What the contents must be: the copy that is to be replaced was found wrong, and had these while the source looked as it does now. A source that has others has
   * changed without a sign.
   */
  readonly mustBe?: Uint8Array;
  /** The source seems to have gone back behind its copy, now or when it was last tried (`hasGoneBack`): only what begins as the copy does replaces it. */
  readonly goneBack?: true;
  /** Its origin cannot give it again: it is to come from another replica. */
  readonly repair?: true;
  /** It is still growing: as much of it is copied as there is, and the copy is stale from the start. */
  readonly prefix?: true;
}

/** Which files a diff is about. */
export interface PendingScope {
  /** Sizes from here on, in bytes. */
  readonly smallest: number;
  /** Sizes below this. */
  readonly below: number;
  /** Of one origin host; left out: of all. */
  readonly host?: string;
}

export const EVERYTHING: PendingScope = { smallest: 0, below: Number.MAX_SAFE_INTEGER };

/**
 * Where a diff stands. Three sets that never overlap: `changed` after the reconciled revision and never tried since; `left-behind` before it without a
 * failed attempt; `due`: a failed attempt whose time has come. And two for themselves: `repair`, copies that were found wrong and whose origin is gone;
 * `overdue`, growing for too long.
 */
export interface PendingCursor {
  readonly phase: "changed" | "left-behind" | "due" | "repair" | "overdue" | "end";
  readonly position: number;
  /** Changes after this revision belong to the next diff. */
  readonly newest: number;
  /** The replica's reconciled revision when the diff began: where the second set ends and the first begins. */
  readonly since: number;
  /** Attempts that are due later (milliseconds since 1970) are left for later. */
  readonly dueAt: number;
  /** The due time of the attempt at `position`. */
  readonly dueFrom: number;
  /** Growing and copied before this time (milliseconds since 1970): overdue. */
  readonly overdueBefore: number;
  /** The sets that are still to come. */
  readonly then: readonly PendingCursor["phase"][];
  readonly scope: PendingScope;
}

/** The whole diff: everything that the replica lacks and that is not growing, and what is to be repaired. */
export const startOfPending = (
  replica: DeclaredReplica,
  newest: number,
  options: Partial<Pick<PendingCursor, "dueAt" | "dueFrom" | "scope" | "overdueBefore">> & {
    readonly phases?: readonly PendingCursor["phase"][];
  } = {},
): PendingCursor => {
  const [phase = "end", ...then] = options.phases ?? ["changed", "left-behind", "due", "repair"];
  return {
    phase,
    then,
    position: phase === "changed" ? replica.reconciledRevision : 0,
    newest,
    since: replica.reconciledRevision,
    dueAt: options.dueAt ?? Number.MAX_SAFE_INTEGER,
    dueFrom: options.dueFrom ?? Number.MIN_SAFE_INTEGER,
    overdueBefore: options.overdueBefore ?? 0,
    scope: options.scope ?? EVERYTHING,
  };
};

/** Ids after `after` with a copy that is not current, in order: a superset of what was left behind. */
function leftBehindIds(session: Session, replica: ReplicaId, after: number, limit: number): FileOriginId[] {
  const ids = NOT_CURRENT.flatMap((query) => session.statement(query).all(replica, after, limit)).map((row) => row.id);
  return [...new Set(ids)].toSorted((a, b) => a - b).slice(0, limit);
}

/** Reads each directory once: thousands of rows name the same few, and their paths are long. */
class Directories {
  readonly #known = new Map<DirectoryId, OriginDirectory>();

  constructor(private readonly session: Session) {}

  of(id: DirectoryId): OriginDirectory {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const row = this.session.statement(selectDirectory).get(id);
    if (row === undefined) throw new Error(`the directory ${id} of a file is not in the inventory`);
    this.#known.set(id, row);
    return row;
  }
}

function pendingFileOf(row: PendingRow, directories: Directories): PendingFile {
  const file = {
    id: row.id,
    directory: directories.of(row.directory_id),
    name: row.name,
    evidence: { size: row.size, mtimeSeconds: row.mtime_seconds, mtimeNanoseconds: row.mtime_nanoseconds },
    revision: row.revision,
    observedAt: row.observed_at,
    ...(originStateOf(row.state) === "growing" ? { prefix: true as const } : {}),
  };
  const copy =
    row.copy_state === null
      ? {}
      : {
          copy: {
            state: fileReplicaStateOf(row.copy_state),
            kept: {
              size: row.copy_size ?? 0,
              mtimeSeconds: row.kept_mtime_seconds ?? row.copy_seconds ?? 0,
              mtimeNanoseconds: row.kept_mtime_nanoseconds ?? row.copy_nanoseconds ?? 0,
            },
            ...(row.place_id !== null || importStateOf(row.imported) === "unconfirmed" ? { untouchable: true as const } : {}),
          },
        };
  const attempt =
    row.attempts === null || row.next_at === null ? {} : { attempt: { attempts: row.attempts, nextAt: row.next_at } };
  const digest = mustBe(row);
  // Where the digest is known that the contents must have, it says all.
  const goneBack = digest.mustBe === undefined && isBehindItsCopy(row) ? { goneBack: true as const } : {};
  return { ...file, ...copy, ...attempt, ...digest, ...goneBack };
}

/** Whoever has gone on writing to what a power cut had left has made it newer: that it was found older once is remembered with its attempt. */
function isBehindItsCopy(row: PendingRow): boolean {
  const { copy_size: size, copy_seconds: mtimeSeconds, copy_nanoseconds: mtimeNanoseconds } = row;
  if (size === null || mtimeSeconds === null || mtimeNanoseconds === null) return false;
  if (row.attempt_reason === GONE_BACK) return true;
  const now = { size: row.size, mtimeSeconds: row.mtime_seconds, mtimeNanoseconds: row.mtime_nanoseconds };
  return hasGoneBack(now, { size, mtimeSeconds, mtimeNanoseconds });
}

/** Only of a copy that was found wrong: what replaces a stale one is another file. */
function mustBe(row: PendingRow): { mustBe?: Uint8Array } {
  const { copy_state: code, copy_digest: digest } = row;
  if (code === null || digest === null) return {};
  const state = fileReplicaStateOf(code);
  if (state === "current" || state === "stale") return {};
  const same =
    row.size === row.copy_size && row.mtime_seconds === row.copy_seconds && row.mtime_nanoseconds === row.copy_nanoseconds;
  return same ? { mustBe: digest } : {};
}

/** The next files, at most `limit`, and where to go on; `end` in the cursor's phase when there is no more. */
export function pendingPage(
  session: Session,
  replica: ReplicaId,
  cursor: PendingCursor,
  limit: number,
): { readonly files: readonly PendingFile[]; readonly next: PendingCursor } {
  const { rows, next } = readPage(session, replica, cursor, limit);
  const directories = new Directories(session);
  const known = rows.filter((row) => row !== undefined).map((row) => pendingFileOf(row, directories));
  const files =
    cursor.phase === "repair" ? known.map(({ goneBack: _goneBack, ...file }) => ({ ...file, repair: true as const })) : known;
  return { files, next: next ?? nextPhase(cursor) };
}

const nextPhase = (cursor: PendingCursor): PendingCursor => {
  const [phase = "end", ...then] = cursor.then;
  return { ...cursor, phase, then, position: 0 };
};

/** `next` is left out when the phase is done. */
function readPage(
  session: Session,
  replica: ReplicaId,
  cursor: PendingCursor,
  limit: number,
): { readonly rows: readonly (PendingRow | undefined)[]; readonly next?: PendingCursor } {
  const { position, newest, since, dueAt, dueFrom, overdueBefore } = cursor;
  const { smallest, below, host = "" } = cursor.scope;
  const goOn = <Row>(rows: readonly Row[], to: (last: Row) => Partial<PendingCursor>): { next?: PendingCursor } => {
    const last = rows.at(-1);
    return last === undefined || rows.length < limit ? {} : { next: { ...cursor, ...to(last) } };
  };
  switch (cursor.phase) {
    case "changed": {
      const rows = session.statement(changedPage).all(replica, position, newest, limit, smallest, below, host);
      return { rows, ...goOn(rows, (last) => ({ position: last.revision })) };
    }
    case "left-behind": {
      const ids = leftBehindIds(session, replica, position, limit);
      const rows = ids.map((id) => session.statement(leftBehindFile).get(replica, id, since, smallest, below, host));
      return { rows, ...goOn(ids, (last) => ({ position: last })) };
    }
    case "repair": {
      const ids = leftBehindIds(session, replica, position, limit);
      const rows = ids.map((id) => session.statement(repairableFile).get(replica, id, dueAt, smallest, below, host));
      return { rows, ...goOn(ids, (last) => ({ position: last })) };
    }
    case "due": {
      const due = session.statement(dueAttempts).all(replica, dueFrom, position, dueAt, limit);
      const rows = due.map(({ id }) => session.statement(dueFile).get(replica, id, smallest, below, host));
      return { rows, ...goOn(due, (last) => ({ position: last.id, dueFrom: last.nextAt })) };
    }
    case "overdue": {
      const rows = session.statement(overduePage).all(replica, position, overdueBefore, dueAt, limit, smallest, below, host);
      return { rows, ...goOn(rows, (last) => ({ position: last.id })) };
    }
    case "end":
      return { rows: [], next: cursor };
  }
}

/** When the next failed attempt after `after` is due at this replica (milliseconds since 1970); undefined when none is. */
export const nextAttemptAt = (session: Session, replica: ReplicaId, after: number): number | undefined =>
  session.statement(earliestAttempt).get(replica, after)?.nextAt;
