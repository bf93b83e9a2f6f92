/** What `status` and `explain` ask: every answer here costs a few rows, whatever the size of the inventory. */
import { type Kysely, sql } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import { type DeclaredReplica, declaredReplicas } from "./declare.ts";
import type { Session } from "./inventory.ts";
import {
  type DataDirectoryId,
  DIGEST_ALGORITHMS,
  type Digest,
  type Evidence,
  type FileOriginId,
  type FileReplicaState,
  fileReplicaStateOf,
  type ImportState,
  importStateOf,
  type OriginState,
  originStateCode,
  originStateOf,
  type ReplicaId,
} from "./model.ts";
import { pendingPage, startOfPending } from "./pending.ts";
import type { ScanReport } from "./scan-commit.ts";

export interface FileOrigin {
  readonly id: FileOriginId;
  readonly host: string;
  readonly dataDirectory: string;
  readonly declared: boolean;
  readonly path: string;
  readonly evidence: Evidence;
  readonly state: OriginState;
  readonly revision: number;
  readonly observedAt: number;
  /** Since when it has not been finished: milliseconds since 1970; null while it is. */
  readonly growingSince: number | null;
}

export interface FileReplica {
  readonly replica: ReplicaId;
  readonly url: string;
  readonly state: FileReplicaState;
  readonly evidence: Evidence;
  /** The modification time that the replica's file system could keep, where that is another. */
  readonly kept?: { readonly mtimeSeconds: number; readonly mtimeNanoseconds: number };
  readonly digest?: Digest;
  readonly copiedAt: number;
  /** When it was last read back and found equal to its digest. */
  readonly verifiedAt?: number;
  /** It was found there, and not made by us. */
  readonly imported?: ImportState;
  /** When its file was made, of one that was found. */
  readonly createdAt?: number;
  /** The folder that it lies in, below the replica's root, if that is not where a new copy would lie. */
  readonly place?: string;
}

export interface Attempt {
  readonly replica: ReplicaId;
  readonly attempts: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly nextAt: number;
  readonly domain: string;
  readonly reason: string;
  readonly message: string;
}

/** The file origins at an absolute origin path, one a host. */
export function findFileOrigins(session: Session, path: string): FileOrigin[] {
  const slash = path.lastIndexOf("/");
  const rows = session.all(
    session.kysely
      .selectFrom("directory as d")
      .innerJoin("file_origin as f", "f.directory_id", "d.id")
      .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
      .innerJoin("host as h", "h.id", "d.host_id")
      .select(["f.id", "h.name as host", "g.path as data_directory", "g.declared", "h.declared as host_declared"])
      .select(["f.size", "f.mtime_seconds", "f.mtime_nanoseconds", "f.state", "f.revision", "f.observed_at", "f.growing_since"])
      .where("d.host_id", "in", session.kysely.selectFrom("host").select("id"))
      .where("d.path", "=", path.slice(0, slash) || "/")
      .where("f.name", "=", path.slice(slash + 1))
      .orderBy("h.name"),
  );
  return rows.map((row) => ({
    id: row.id,
    host: row.host,
    dataDirectory: row.data_directory,
    declared: row.declared === 1 && row.host_declared === 1,
    path,
    evidence: { size: row.size, mtimeSeconds: row.mtime_seconds, mtimeNanoseconds: row.mtime_nanoseconds },
    state: originStateOf(row.state),
    revision: row.revision,
    observedAt: row.observed_at,
    growingSince: row.growing_since,
  }));
}

/** Every copy of a file, at declared replicas and others, by replica URL. */
export function copiesOf(session: Session, file: FileOriginId): FileReplica[] {
  const rows = session.all(
    session.kysely
      .selectFrom("replica as p")
      .innerJoin("file_replica as r", "r.replica_id", "p.id")
      .leftJoin("place as q", "q.id", "r.place_id")
      .select(["q.path as place", "r.imported", "r.created_at"])
      .select(["p.id as replica", "p.url", "r.state", "r.size", "r.mtime_seconds", "r.mtime_nanoseconds"])
      .select([
        "r.digest_algorithm",
        "r.digest",
        "r.copied_at",
        "r.verified_at",
        "r.kept_mtime_seconds",
        "r.kept_mtime_nanoseconds",
      ])
      .where("r.file_origin_id", "=", file)
      .orderBy("p.url"),
  );
  return rows.map((row) => {
    const algorithm = DIGEST_ALGORITHMS[(row.digest_algorithm ?? 0) - 1];
    return {
      replica: row.replica,
      url: row.url,
      state: fileReplicaStateOf(row.state),
      evidence: { size: row.size, mtimeSeconds: row.mtime_seconds, mtimeNanoseconds: row.mtime_nanoseconds },
      copiedAt: row.copied_at,
      ...(row.verified_at === null ? {} : { verifiedAt: row.verified_at }),
      ...foundOf(row),
      ...(row.kept_mtime_seconds === null
        ? {}
        : { kept: { mtimeSeconds: row.kept_mtime_seconds, mtimeNanoseconds: row.kept_mtime_nanoseconds ?? 0 } }),
      ...(algorithm !== undefined && row.digest !== null ? { digest: { algorithm, bytes: row.digest } } : {}),
    };
  });
}

function foundOf(row: {
  readonly imported: number | null;
  readonly created_at: number | null;
  readonly place: string | null;
}): Pick<FileReplica, "imported" | "createdAt" | "place"> {
  const imported = importStateOf(row.imported);
  return {
    ...(imported === undefined ? {} : { imported }),
    ...(row.created_at === null ? {} : { createdAt: row.created_at }),
    ...(row.place === null ? {} : { place: row.place }),
  };
}

/** The failed attempts at a file, one a replica. */
export function attemptsAt(session: Session, file: FileOriginId): Attempt[] {
  return session.all(
    session.kysely
      .selectFrom("replica as p")
      .innerJoin("attempt as a", "a.replica_id", "p.id")
      .select(["a.replica_id as replica", "a.attempts", "a.first_at as firstAt", "a.last_at as lastAt"])
      .select(["a.next_at as nextAt", "a.domain", "a.reason", "a.message"])
      .where("a.file_origin_id", "=", file)
      .orderBy("p.url"),
  );
}

/** The last failed attempt at any file of a host, at any replica, that tells of the host as a whole: `reason` says so. `since`: milliseconds since 1970. */
export function lastAttemptOfHost(
  session: Session,
  host: string,
  reason: string,
  since: number,
): Pick<Attempt, "message"> | undefined {
  const told = declaredReplicas(session).flatMap(({ id }) => {
    const last = session.first(
      wantedAttempts(session.kysely, id)
        .select(["a.message", "a.last_at as lastAt"])
        .where("h.name", "=", host)
        .where("a.reason", "=", reason)
        .where("a.last_at", ">=", since)
        .orderBy("a.last_at", "desc")
        .limit(1),
    );
    return last === undefined ? [] : [last];
  });
  return told.toSorted((one, other) => other.lastAt - one.lastAt)[0];
}

export interface DataDirectoryScan {
  readonly id: DataDirectoryId;
  readonly host: string;
  readonly path: string;
  readonly declared: boolean;
  readonly scannedAt: number | null;
  readonly frozenAt: number | null;
  readonly report: ScanReport | null;
}

/** Every data directory that was ever declared, with its last scan, by host and path. */
export function dataDirectoryScans(session: Session): DataDirectoryScan[] {
  const rows = session.all(
    session.kysely
      .selectFrom("data_directory as g")
      .innerJoin("host as h", "h.id", "g.host_id")
      .select(["g.id", "h.name as host", "g.path", "g.declared", "h.declared as host_declared"])
      .select(["g.scanned_at as scannedAt", "g.frozen_at as frozenAt", "g.scan_report"])
      .orderBy("h.name")
      .orderBy("g.path"),
  );
  return rows.map(({ scan_report, declared, host_declared, ...row }) => ({
    ...row,
    declared: declared === 1 && host_declared === 1,
    // Written by `endScan` only.
    report: scan_report === null ? null : (JSON.parse(scan_report) as ScanReport),
  }));
}

export interface ReplicaRow {
  readonly id: ReplicaId;
  readonly url: string;
  readonly declared: boolean;
}

/** Every replica that was ever declared, by URL. */
export function allReplicas(session: Session): ReplicaRow[] {
  const rows = session.all(session.kysely.selectFrom("replica").select(["id", "url", "declared"]).orderBy("url"));
  return rows.map((row) => ({ ...row, declared: row.declared === 1 }));
}

export interface Failures {
  readonly files: number;
  readonly bytes: number;
  readonly last?: {
    readonly path: string;
    readonly host: string;
    readonly at: number;
    readonly reason: string;
    readonly message: string;
  };
}

const wantedAttempts = (kysely: Kysely<InventoryTables>, replica: ReplicaId) =>
  kysely
    .selectFrom("attempt as a")
    .innerJoin("file_origin as f", "f.id", "a.file_origin_id")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
    .innerJoin("host as h", "h.id", "g.host_id")
    .where("a.replica_id", "=", replica)
    .where("g.declared", "=", 1)
    .where("h.declared", "=", 1)
    .where("f.state", "=", originStateCode("settled"));

/** How many settled files a replica has failed at, and the last one. */
export function failuresOf(session: Session, replica: ReplicaId): Failures {
  const { kysely } = session;
  const totals = session.first(
    wantedAttempts(kysely, replica).select([sql<number>`count(*)`.as("files"), sql<number>`total(f.size)`.as("bytes")]),
  );
  const last = session.first(
    wantedAttempts(kysely, replica)
      .select(["d.path as directory", "f.name", "h.name as host", "a.last_at as at", "a.reason", "a.message"])
      .orderBy("a.last_at", "desc")
      .orderBy("a.file_origin_id", "desc")
      .limit(1),
  );
  const amount = { files: totals?.files ?? 0, bytes: totals?.bytes ?? 0 };
  if (last === undefined) return amount;
  const { directory, name, ...rest } = last;
  return { ...amount, last: { ...rest, path: `${directory}/${name}` } };
}

/** Failed attempts by reason: the most frequent first. */
export function failureReasons(session: Session, replica: ReplicaId): { reason: string; files: number; example: string }[] {
  return session.all(
    wantedAttempts(session.kysely, replica)
      .select(["a.reason", sql<number>`count(*)`.as("files"), sql<string>`min(d.path || '/' || f.name)`.as("example")])
      .groupBy("a.reason")
      .orderBy("files", "desc")
      .orderBy("a.reason"),
  );
}

/** When the settled file that waits longest for its copy at this replica was observed; undefined when none waits. */
export function oldestPending(session: Session, replica: DeclaredReplica, newest: number): number | undefined {
  const next = pendingPage(session, replica.id, startOfPending(replica, newest), 1).files[0];
  const oldestFailed = session.first(
    wantedAttempts(session.kysely, replica.id).select(sql<number | null>`min(f.observed_at)`.as("at")),
  )?.at;
  const changed = next && session.first(session.kysely.selectFrom("file_origin").select("observed_at").where("id", "=", next.id));
  const times = [changed?.observed_at, oldestFailed].filter((time) => typeof time === "number");
  return times.length === 0 ? undefined : Math.min(...times);
}

/** The names of these files, a few hundred at most. */
export const namesOfFiles = (session: Session, files: readonly FileOriginId[]): { id: FileOriginId; name: string }[] =>
  files.length === 0
    ? []
    : session.all(
        session.kysely
          .selectFrom("file_origin")
          .select(["id", "name"])
          .where("id", "in", [...files]),
      );
