/** What is recorded of the files of one host and of their copies, page by page: for `safe` and `restore`, which read beside a running agent. */
import { type Kysely, sql } from "kysely";
import { nameOfPrinted } from "../sys/mod.ts";
import { isAtOrBelow } from "./_below.ts";
import type { InventoryTables } from "./database-schema.ts";
import type { Session } from "./inventory.ts";
import {
  type DirectoryId,
  type Evidence,
  type FileOriginId,
  type FileReplicaState,
  fileReplicaStateOf,
  GONE_BACK,
  type ImportState,
  importStateOf,
  type OriginState,
  originStateCode,
  originStateOf,
  type ReplicaId,
} from "./model.ts";
import { findFileOrigins } from "./queries.ts";

type Tables = Kysely<InventoryTables>;

const ABSENT = originStateCode("absent");

/** A file as it was last seen at its origin. */
export interface RecordedOrigin {
  readonly id: FileOriginId;
  readonly name: string;
  readonly evidence: Evidence;
  readonly state: OriginState;
}

interface OriginRow {
  readonly id: FileOriginId;
  readonly name: string;
  readonly size: number;
  readonly mtime_seconds: number;
  readonly mtime_nanoseconds: number;
  readonly state: number;
}

const originOf = ({ id, name, state, ...row }: OriginRow): RecordedOrigin => ({
  id,
  name,
  evidence: { size: row.size, mtimeSeconds: row.mtime_seconds, mtimeNanoseconds: row.mtime_nanoseconds },
  state: originStateOf(state),
});

const selectDirectory = (kysely: Tables, host: string, path: string) =>
  kysely
    .selectFrom("directory as d")
    .innerJoin("host as h", "h.id", "d.host_id")
    .select("d.id")
    .where("h.name", "=", host)
    .where("d.path", "=", path);

/** The row of a directory of a host; undefined when no scan and no import has ever seen it. */
export const recordedDirectory = (session: Session, host: string, path: string): DirectoryId | undefined =>
  session.statement(selectDirectory).get(host, path)?.id;

const selectPresent = (kysely: Tables, directory: DirectoryId, after: string, limit: number) =>
  kysely
    .selectFrom("file_origin")
    .select(["id", "name", "size", "mtime_seconds", "mtime_nanoseconds", "state"])
    .where("directory_id", "=", directory)
    .where("name", ">", after)
    .where("state", "!=", ABSENT)
    .orderBy("name")
    .limit(limit);

/** The next files of a directory that are not known to be gone, by name. */
export const presentFiles = (session: Session, directory: DirectoryId, after: string, limit: number): RecordedOrigin[] =>
  session.statement(selectPresent).all(directory, after, limit).map(originOf);

const selectIsPresent = (kysely: Tables, directory: DirectoryId, name: string) =>
  kysely
    .selectFrom("file_origin")
    .select("id")
    .where("directory_id", "=", directory)
    .where("name", "=", name)
    .where("state", "!=", ABSENT);

/** Is there a row of this file that does not say that it is gone? */
export const isPresentFile = (session: Session, directory: DirectoryId, name: string): boolean =>
  session.statement(selectIsPresent).get(directory, name) !== undefined;

/** A recorded file with all that leads to it. */
export interface RecordedFile extends RecordedOrigin {
  readonly directory: DirectoryId;
  /** Absolute origin paths. */
  readonly dataDirectory: string;
  readonly directoryPath: string;
}

const selectFilesAfter = (kysely: Tables, host: string, path: string, after: number, limit: number) =>
  kysely
    .selectFrom("file_origin as f")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
    .innerJoin("host as h", "h.id", "d.host_id")
    .select(["f.id", "f.name", "f.size", "f.mtime_seconds", "f.mtime_nanoseconds", "f.state"])
    .select(["d.id as directory", "d.path as directoryPath", "g.path as dataDirectory"])
    .where("h.name", "=", host)
    .where(sql<number>`f.id`, ">", after)
    .where(
      sql<boolean>`(${path} = '' or d.path = ${path} or substr(d.path, 1, length(${path}) + 1) = ${path} || '/' or d.path || '/' || f.name = ${path})`,
    )
    .orderBy("f.id")
    .limit(limit);

/** The next files of a host by id, tombstones included; `path`: a file, or a directory with all below it; "" is everything. */
export const recordedFiles = (session: Session, host: string, path: string, after: number, limit: number): RecordedFile[] =>
  session
    .statement(selectFilesAfter)
    .all(host, path === "/" ? "" : path, after, limit)
    .map(({ directory, directoryPath, dataDirectory, ...row }) => ({
      ...originOf(row),
      directory,
      directoryPath,
      dataDirectory,
    }));

const selectAnyBelow = (kysely: Tables, host: string, path: string) =>
  kysely
    .selectFrom("host as h")
    .innerJoin("directory as d", "d.host_id", "h.id")
    .innerJoin("file_origin as f", "f.directory_id", "d.id")
    .select("f.id")
    .where("h.name", "=", host)
    .where(isAtOrBelow(path))
    .limit(1);

/** Is a file recorded at an absolute origin path of this host, or below it? Tombstones count. */
export const isRecorded = (session: Session, host: string, path: string): boolean =>
  findFileOrigins(session, path).some((origin) => origin.host === host) ||
  session.statement(selectAnyBelow).get(host, path) !== undefined;

/** The path itself; or, where nothing is recorded there and something is at the one that it stands for as names are printed, that. */
export function asRecorded(session: Session, hosts: readonly string[], path: string): string {
  const meant = nameOfPrinted(path);
  const isKnown = (one: string): boolean => hosts.some((host) => isRecorded(session, host, one));
  return meant !== undefined && !isKnown(path) && isKnown(meant) ? meant : path;
}

/** One copy, as it is recorded. */
export interface RecordedCopy {
  readonly file: FileOriginId;
  readonly replica: ReplicaId;
  readonly state: FileReplicaState;
  /** Of the source when it was copied. */
  readonly evidence: Evidence;
  /** As the replica's file system keeps it. */
  readonly kept: Evidence;
  /** The SHA-256 of its contents. */
  readonly digest?: Uint8Array;
  readonly copiedAt: number;
  readonly verifiedAt?: number;
  readonly imported?: ImportState;
  /** It was left alone when it was to be replaced: its source had gone back behind it. */
  readonly heldBack?: true;
  /** The folder that it lies in, below the replica's root, if that is not where a new copy would lie. */
  readonly place?: string;
}

/** Every copy of these files, a few hundred at most, at these replicas. */
export function recordedCopies(session: Session, files: readonly FileOriginId[], replicas: readonly ReplicaId[]): RecordedCopy[] {
  if (files.length === 0 || replicas.length === 0) return [];
  const rows = session.all(
    session.kysely
      .selectFrom("file_replica as r")
      .leftJoin("place as p", "p.id", "r.place_id")
      .leftJoin("attempt as a", (join) =>
        join.onRef("a.file_origin_id", "=", "r.file_origin_id").onRef("a.replica_id", "=", "r.replica_id"),
      )
      .select("a.reason")
      .select(["r.file_origin_id as file", "r.replica_id as replica", "r.state", "r.digest", "r.imported", "p.path as place"])
      .select(["r.size", "r.mtime_seconds", "r.mtime_nanoseconds", "r.kept_mtime_seconds", "r.kept_mtime_nanoseconds"])
      .select(["r.copied_at as copiedAt", "r.verified_at as verifiedAt"])
      .where("r.replica_id", "in", [...replicas])
      .where("r.file_origin_id", "in", [...files]),
  );
  return rows.map(({ file, replica, state, digest, imported, place, copiedAt, verifiedAt, reason, ...row }) => {
    const evidence = { size: row.size, mtimeSeconds: row.mtime_seconds, mtimeNanoseconds: row.mtime_nanoseconds };
    const mtimeSeconds = row.kept_mtime_seconds;
    const known = importStateOf(imported);
    return {
      file,
      replica,
      state: fileReplicaStateOf(state),
      evidence,
      kept:
        mtimeSeconds === null ? evidence : { size: row.size, mtimeSeconds, mtimeNanoseconds: row.kept_mtime_nanoseconds ?? 0 },
      copiedAt,
      ...(digest === null ? {} : { digest }),
      ...(verifiedAt === null ? {} : { verifiedAt }),
      ...(known === undefined ? {} : { imported: known }),
      ...(reason === GONE_BACK ? { heldBack: true as const } : {}),
      ...(place === null ? {} : { place }),
    };
  });
}

/** The inventory's own UUID, as the claims at replicas name it. */
export const inventoryUuid = (session: Session): string =>
  session.first(session.kysely.selectFrom("identity").select("uuid"))?.uuid ?? "";
