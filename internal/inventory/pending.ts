/**
 * The diff: which files a replica lacks. Two ordered streams, a page at a time, so that memory stays flat: what changed after the replica's reconciled
 * revision, oldest change first; then what an earlier run left behind (failed attempts, copies that are not current).
 */
import { type Kysely, sql } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import type { DeclaredReplica } from "./declare.ts";
import type { Session } from "./inventory.ts";
import {
  type DataDirectoryId,
  type DirectoryId,
  type Evidence,
  FILE_REPLICA_STATES,
  type FileOriginId,
  type FileReplicaState,
  fileReplicaStateCode,
  fileReplicaStateOf,
  originStateCode,
  type ReplicaId,
} from "./model.ts";

/** The directory of an origin, and the data directory that it belongs to. Paths are absolute origin paths. */
export interface OriginDirectory {
  readonly id: DirectoryId;
  readonly host: string;
  readonly path: string;
  readonly dataDirectoryId: DataDirectoryId;
  readonly dataDirectory: string;
}

/** A settled file that has no current copy at the replica. */
export interface PendingFile {
  readonly id: FileOriginId;
  /** One object for all files of a directory in a page. */
  readonly directory: OriginDirectory;
  readonly name: string;
  readonly evidence: Evidence;
  readonly revision: number;
  /** The copy that is there now and may be replaced, with its evidence as the replica's file system keeps it. */
  readonly copy?: { readonly state: FileReplicaState; readonly kept: Evidence };
  /** When its last attempt failed, how often it did, and when the next is due. */
  readonly attempt?: { readonly attempts: number; readonly nextAt: number };
}

/** Where a replica's diff stands. `newest`: changes after this revision belong to the next diff. */
export interface PendingCursor {
  readonly phase: "changed" | "left-behind" | "end";
  readonly position: number;
  readonly newest: number;
  /** The replica's reconciled revision when the diff began: where the second stream ends and the first begins. */
  readonly since: number;
}

export const startOfPending = (replica: DeclaredReplica, newest: number): PendingCursor => ({
  phase: "changed",
  position: replica.reconciledRevision,
  newest,
  since: replica.reconciledRevision,
});

type Tables = Kysely<InventoryTables>;

const SETTLED = originStateCode("settled");
const CURRENT = fileReplicaStateCode("current");

const pendingColumns = (kysely: Tables, replica: ReplicaId) =>
  kysely
    .selectFrom("file_origin as f")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
    .innerJoin("host as h", "h.id", "g.host_id")
    .leftJoin("file_replica as r", (join) => join.onRef("r.file_origin_id", "=", "f.id").on("r.replica_id", "=", replica))
    .leftJoin("attempt as a", (join) => join.onRef("a.file_origin_id", "=", "f.id").on("a.replica_id", "=", replica))
    .where("f.state", "=", SETTLED)
    .where("g.declared", "=", 1)
    .where("h.declared", "=", 1)
    .where((where) => where.or([where("r.state", "is", null), where("r.state", "!=", CURRENT)]))
    .select(["f.id", "f.directory_id", "f.name"])
    .select(["f.size", "f.mtime_seconds", "f.mtime_nanoseconds", "f.revision"])
    .select(["r.state as copy_state", "r.size as copy_size", "r.mtime_seconds as copy_seconds"])
    .select(["r.mtime_nanoseconds as copy_nanoseconds", "r.kept_mtime_seconds", "r.kept_mtime_nanoseconds"])
    .select(["a.attempts", "a.next_at"]);

/** Exported for the test of its query plan. */
export const changedPage = (kysely: Tables, replica: ReplicaId, after: number, newest: number, limit: number) =>
  pendingColumns(kysely, replica)
    .where("f.revision", ">", after)
    .where("f.revision", "<=", newest)
    .orderBy("f.revision")
    .limit(limit);

const pendingFile = (kysely: Tables, replica: ReplicaId, id: FileOriginId, since: number) =>
  pendingColumns(kysely, replica).where("f.id", "=", id).where("f.revision", "<=", since);

const attempted = (kysely: Tables, replica: ReplicaId, after: number, limit: number) =>
  kysely
    .selectFrom("attempt")
    .select("file_origin_id as id")
    .where("replica_id", "=", replica)
    .where(sql<number>`file_origin_id`, ">", after)
    .orderBy("file_origin_id")
    .limit(limit);

/** One statement a state, with literals: only so is the partial index taken, and not the millions of rows of copies that are current. */
export const NOT_CURRENT = FILE_REPLICA_STATES.filter((state) => state !== "current").map(
  (state) => (kysely: Tables, replica: ReplicaId, after: number, limit: number) =>
    kysely
      .selectFrom("file_replica")
      .select("file_origin_id as id")
      .where("replica_id", "=", replica)
      .where("state", "!=", sql.lit(CURRENT))
      .where("state", "=", sql.lit(fileReplicaStateCode(state)))
      .where(sql<number>`file_origin_id`, ">", after)
      .orderBy("file_origin_id")
      .limit(limit),
);

/** Ids after `after` with an attempt or a copy that is not current, in order: a superset of what was left behind. */
function leftBehindIds(session: Session, replica: ReplicaId, after: number, limit: number): FileOriginId[] {
  const rows = [
    ...session.statement(attempted).all(replica, after, limit),
    ...NOT_CURRENT.flatMap((query) => session.statement(query).all(replica, after, limit)),
  ];
  const ids = rows.map((row) => row.id);
  return [...new Set(ids)].toSorted((a, b) => a - b).slice(0, limit);
}

const selectDirectory = (kysely: Tables, id: DirectoryId) =>
  kysely
    .selectFrom("directory as d")
    .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
    .innerJoin("host as h", "h.id", "g.host_id")
    .select(["d.id", "h.name as host", "d.path", "g.id as dataDirectoryId", "g.path as dataDirectory"])
    .where("d.id", "=", id);

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

type PendingRow = ReturnType<typeof pendingColumns> extends { execute(): Promise<(infer Row)[]> } ? Row : never;

function pendingFileOf(row: PendingRow, directories: Directories): PendingFile {
  const file = {
    id: row.id,
    directory: directories.of(row.directory_id),
    name: row.name,
    evidence: { size: row.size, mtimeSeconds: row.mtime_seconds, mtimeNanoseconds: row.mtime_nanoseconds },
    revision: row.revision,
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
          },
        };
  const attempt =
    row.attempts === null || row.next_at === null ? {} : { attempt: { attempts: row.attempts, nextAt: row.next_at } };
  return { ...file, ...copy, ...attempt };
}

/** The next files, at most `limit`, and where to go on; `end` in the cursor's phase when there is no more. */
export function pendingPage(
  session: Session,
  replica: ReplicaId,
  cursor: PendingCursor,
  limit: number,
): { readonly files: readonly PendingFile[]; readonly next: PendingCursor } {
  const directories = new Directories(session);
  const fileOf = (row: PendingRow): PendingFile => pendingFileOf(row, directories);
  if (cursor.phase === "changed") {
    const rows = session.statement(changedPage).all(replica, cursor.position, cursor.newest, limit);
    const last = rows.at(-1);
    const next: PendingCursor =
      last === undefined || rows.length < limit
        ? { ...cursor, phase: "left-behind", position: 0 }
        : { ...cursor, position: last.revision };
    return { files: rows.map(fileOf), next };
  }
  if (cursor.phase === "end") return { files: [], next: cursor };
  const ids = leftBehindIds(session, replica, cursor.position, limit);
  const rows = ids.map((id) => session.statement(pendingFile).get(replica, id, cursor.since));
  const last = ids.at(-1);
  return {
    files: rows.filter((row) => row !== undefined).map(fileOf),
    next: last === undefined || ids.length < limit ? { ...cursor, phase: "end" } : { ...cursor, position: last },
  };
}
