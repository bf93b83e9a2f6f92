/**
 * What a scan worker asks of its own read-only inventory: what is known of one directory. Rows come as arrays, because this is the scan's inner loop.
 */
import type { Kysely } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import type { Session } from "./inventory.ts";
import { type DataDirectoryId, type DirectoryId, type FileOriginId, type HostId, originStateCode, WRITTEN_TO } from "./model.ts";

export interface KnownDirectory {
  readonly id: DirectoryId;
  /** False when the row has to be written anew: absent until now, or of another data directory. */
  readonly asExpected: boolean;
  /** When it was listed last, something was mounted there. */
  readonly mounted: boolean;
}

export interface KnownSubdirectory {
  readonly id: DirectoryId;
  readonly path: string;
  /** 1: when it was listed last, something was mounted there. */
  readonly mounted: number;
}

/** Positions in a row of `knownFiles`. */
export const KNOWN = { id: 0, name: 1, size: 2, mtimeSeconds: 3, mtimeNanoseconds: 4, state: 5 } as const;

type Tables = Kysely<InventoryTables>;

const selectDirectory = (kysely: Tables, host: HostId, path: string) =>
  kysely
    .selectFrom("directory")
    .select(["id", "data_directory_id", "absent", "mounted"])
    .where("host_id", "=", host)
    .where("path", "=", path);

const filesOf = (kysely: Tables, directory: DirectoryId) =>
  kysely
    .selectFrom("file_origin")
    .select(["id", "name", "size", "mtime_seconds", "mtime_nanoseconds", "state"])
    .where("directory_id", "=", directory);

const selectFiles = (kysely: Tables, directory: DirectoryId, limit: number) => filesOf(kysely, directory).limit(limit);

const selectFile = (kysely: Tables, directory: DirectoryId, name: string) => filesOf(kysely, directory).where("name", "=", name);

const selectExtent = (kysely: Tables, directory: DirectoryId) =>
  kysely
    .selectFrom("file_origin")
    .select((select) => [
      select.fn.countAll<number>().filterWhere("state", "!=", originStateCode("absent")).as("present"),
      select.fn.min("id").as("first"),
      select.fn.max("id").as("last"),
    ])
    .where("directory_id", "=", directory);

const ID_PAGE = 10_000;

const selectFileIds = (kysely: Tables, directory: DirectoryId, afterName: string, limit: number) =>
  kysely
    .selectFrom("file_origin")
    .select(["id", "state", "name"])
    .where("directory_id", "=", directory)
    .where("name", ">", afterName)
    .orderBy("name")
    .limit(limit);

const selectSubdirectories = (kysely: Tables, directory: DirectoryId) =>
  kysely.selectFrom("directory").select(["id", "path", "mounted"]).where("parent_id", "=", directory).where("absent", "=", 0);

export function knownDirectory(
  session: Session,
  host: HostId,
  dataDirectory: DataDirectoryId,
  path: string,
): KnownDirectory | undefined {
  const row = session.statement(selectDirectory).get(host, path);
  if (row === undefined) return undefined;
  return { id: row.id, asExpected: row.data_directory_id === dataDirectory && row.absent === 0, mounted: row.mounted === 1 };
}

/** All files ever seen in the directory, tombstones included, but no more than `limit`; columns as in `KNOWN`. */
export const knownFiles = (session: Session, directory: DirectoryId, limit: number): unknown[][] =>
  session.statement(selectFiles).values(directory, limit);

/** How many files of the directory are not absent, and the range of all its files' ids. */
export function knownDirectoryExtent(session: Session, directory: DirectoryId): { present: number; first: number; last: number } {
  const row = session.statement(selectExtent).get(directory);
  return { present: row?.present ?? 0, first: row?.first ?? 0, last: row?.last ?? 0 };
}

/** One file of the directory; columns as in `KNOWN`. For directories too large to hold. */
export const knownFile = (session: Session, directory: DirectoryId, name: string): unknown[] | undefined =>
  session.statement(selectFile).values(directory, name)[0];

const selectObserved = (kysely: Tables, file: FileOriginId) =>
  kysely.selectFrom("file_origin").select("observed_at as at").where("id", "=", file);

/** Since when a file has been as its row says (seconds since 1970). */
export function observedSince(session: Session, file: FileOriginId): number | undefined {
  const at = session.statement(selectObserved).get(file)?.at;
  return at === undefined ? undefined : at / 1000;
}

/** Ids and state codes of all files of the directory, by name, read a page at a time. */
export function* knownFileIds(session: Session, directory: DirectoryId): Generator<{ id: FileOriginId; state: number }> {
  for (let after = ""; ; ) {
    const page = session.statement(selectFileIds).all(directory, after, ID_PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < ID_PAGE) return;
    after = last.name;
  }
}

/** Directories directly below that are expected to be listed. */
export const knownSubdirectories = (session: Session, directory: DirectoryId): KnownSubdirectory[] =>
  session.statement(selectSubdirectories).all(directory);

const anyTry = (kysely: Tables, file: FileOriginId) =>
  kysely
    .selectFrom("replica as p")
    .leftJoin("file_replica as r", (join) => join.onRef("r.replica_id", "=", "p.id").on("r.file_origin_id", "=", file))
    .leftJoin("attempt as a", (join) =>
      join.onRef("a.replica_id", "=", "p.id").on("a.file_origin_id", "=", file).on("a.reason", "=", WRITTEN_TO),
    )
    .select("p.id")
    .where((where) => where.or([where("r.state", "is not", null), where("a.reason", "is not", null)]))
    .limit(1);

/** Is there a copy of the file at any replica, current or not; or was it caught being written to when one was made? */
export const wasTried = (session: Session, file: FileOriginId): boolean => session.statement(anyTry).get(file) !== undefined;
