/** What an import asks: what is known of the files of one directory and of their copies at one replica; how far it has come. */
import type { Kysely } from "kysely";
import { sql } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import { looksOf } from "./found-copies.ts";
import type { KnownFile } from "./import-verdict.ts";
import type { Session } from "./inventory.ts";
import { type DirectoryId, IN_THE_WAY, originStateOf, type ReplicaId } from "./model.ts";

type Tables = Kysely<InventoryTables>;

const selectDirectory = (kysely: Tables, host: string, path: string) =>
  kysely
    .selectFrom("host as h")
    .innerJoin("directory as d", "d.host_id", "h.id")
    .select("d.id")
    .where("h.name", "=", host)
    .where("d.path", "=", path);

const filesOf = (kysely: Tables, replica: ReplicaId, directory: DirectoryId) =>
  kysely
    .selectFrom("file_origin as f")
    .leftJoin("file_replica as r", (join) => join.onRef("r.file_origin_id", "=", "f.id").on("r.replica_id", "=", replica))
    .leftJoin("place as p", "p.id", "r.place_id")
    .leftJoin("attempt as a", (join) => join.onRef("a.file_origin_id", "=", "f.id").on("a.replica_id", "=", replica))
    .select(["f.id", "f.name", "f.state", "f.size", "f.mtime_seconds as seconds", "f.mtime_nanoseconds as nanoseconds"])
    .select(["r.size as copySize", "r.mtime_seconds as copySeconds", "r.mtime_nanoseconds as copyNanoseconds"])
    .select(["r.kept_mtime_seconds as keptSeconds", "r.kept_mtime_nanoseconds as keptNanoseconds", "p.path as place"])
    .select("a.reason as attemptReason")
    .where("f.directory_id", "=", directory);

const selectFiles = (kysely: Tables, replica: ReplicaId, directory: DirectoryId, limit: number) =>
  filesOf(kysely, replica, directory).limit(limit);

const selectFile = (kysely: Tables, replica: ReplicaId, directory: DirectoryId, name: string) =>
  filesOf(kysely, replica, directory).where("f.name", "=", name);

type Row = ReturnType<typeof filesOf> extends { execute(): Promise<(infer One)[]> } ? One : never;

function knownFileOf(row: Row): KnownFile {
  const { size, seconds, nanoseconds, copySize, copySeconds, copyNanoseconds, keptSeconds, keptNanoseconds, place } = row;
  const known = { state: originStateOf(row.state), evidence: { size, mtimeSeconds: seconds, mtimeNanoseconds: nanoseconds } };
  if (copySize === null) return row.attemptReason === IN_THE_WAY ? { ...known, inTheWay: true } : known;
  const copy = { size: copySize, mtimeSeconds: copySeconds ?? 0, mtimeNanoseconds: copyNanoseconds ?? 0 };
  return { ...known, copy: { looks: looksOf({ ...copy, keptSeconds, keptNanoseconds }), place: place ?? "" } };
}

/** What is known under one name of a directory. */
export function knownAt(session: Session, replica: ReplicaId, directory: DirectoryId, name: string): KnownFile | undefined {
  const row = session.statement(selectFile).get(replica, directory, name);
  return row && knownFileOf(row);
}

const nothing = (): undefined => undefined;

/** Answers what is known under each name of an origin directory; at most `inMemory` files are held. @throws SQLiteError */
export function knownInDirectory(
  session: Session,
  replica: ReplicaId,
  { host, path }: { readonly host: string; readonly path: string },
  inMemory: number,
): (name: string) => KnownFile | undefined {
  const directory = session.statement(selectDirectory).get(host, path)?.id;
  if (directory === undefined) return nothing;
  const rows = session.statement(selectFiles).all(replica, directory, inMemory + 1);
  if (rows.length > inMemory) return (name) => knownAt(session, replica, directory, name);
  const byName = new Map(rows.map((row) => [row.name, row]));
  return (name) => {
    const row = byName.get(name);
    return row && knownFileOf(row);
  };
}

/** How far an import has come in a top-level folder of its replica. */
export interface ImportProgress {
  readonly folder: string;
  /** The last directory whose files are all recorded, below the folder; null before the first. */
  readonly position: string | null;
  readonly ended: boolean;
}

/** Of an import that was broken off; empty when none is under way. */
export const importProgress = (session: Session, replica: ReplicaId): ImportProgress[] =>
  session
    .all(
      session.kysely
        .selectFrom("import_progress")
        .select(["folder", "position", "ended"])
        .where("replica_id", "=", replica)
        .orderBy("folder"),
    )
    .map((row) => ({ ...row, ended: row.ended === 1 }));

/** When the replica's import came to its end (milliseconds since 1970); null while it has not. */
export const importedAt = (session: Session, replica: ReplicaId): number | null =>
  session.first(session.kysely.selectFrom("replica").select("imported_at as at").where("id", "=", replica))?.at ?? null;

/** How many copies of a replica have no digest. */
export const undigestedCopies = (session: Session, replica: ReplicaId): { files: number; bytes: number } =>
  session.first(
    session.kysely
      .selectFrom("file_replica")
      .select([sql<number>`count(*)`.as("files"), sql<number>`total(size)`.as("bytes")])
      .where("replica_id", "=", replica)
      .where("digest", "is", null),
  ) ?? { files: 0, bytes: 0 };
