/** The queries behind the diff. Each is bounded by an index: none reads more rows than it hands on, but for those that a scope leaves out. */
import { type Kysely, sql } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import {
  type DirectoryId,
  FILE_REPLICA_STATES,
  type FileOriginId,
  fileReplicaStateCode,
  originStateCode,
  type ReplicaId,
} from "./model.ts";
import { MARK_OF_ROW } from "./unproven-changes.ts";

type Tables = Kysely<InventoryTables>;

const CURRENT = fileReplicaStateCode("current");

const columns = (kysely: Tables, replica: ReplicaId, smallest: number, below: number, host: string) =>
  kysely
    .selectFrom("file_origin as f")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
    .innerJoin("host as h", "h.id", "g.host_id")
    .leftJoin("file_replica as r", (join) => join.onRef("r.file_origin_id", "=", "f.id").on("r.replica_id", "=", replica))
    .leftJoin("attempt as a", (join) => join.onRef("a.file_origin_id", "=", "f.id").on("a.replica_id", "=", replica))
    .where("f.size", ">=", smallest)
    .where("f.size", "<", below)
    .where((where) => where.or([sql<boolean>`${host} = ''`, where("h.name", "=", host)]))
    .where("g.declared", "=", 1)
    .where("h.declared", "=", 1)
    // What is in the place of a data directory may be another disk when it is frozen, while files are missed in it and the scan has not ended, and where a full scan has found the
    // change and none has ended well since: it gives new copies, and replaces none.
    .where((where) =>
      where.or([
        where("r.state", "is", null),
        where.and([
          where("g.frozen_at", "is", null),
          where.not(
            where.exists(
              where.selectFrom("vanished_file as v").select("v.data_directory_id").whereRef("v.data_directory_id", "=", "g.id"),
            ),
          ),
          where.not(
            where.exists(
              where
                .selectFrom("vanished_directory as w")
                .select("w.data_directory_id")
                .whereRef("w.data_directory_id", "=", "g.id"),
            ),
          ),
          where.not(where.exists(where.selectFrom("counter as c").select("c.name").where("c.name", "=", MARK_OF_ROW))),
        ]),
      ]),
    )
    .select(["f.id", "f.directory_id", "f.name", "f.state"])
    .select(["f.size", "f.mtime_seconds", "f.mtime_nanoseconds", "f.revision", "f.observed_at"])
    .select(["r.state as copy_state", "r.size as copy_size", "r.mtime_seconds as copy_seconds"])
    .select(["r.mtime_nanoseconds as copy_nanoseconds", "r.kept_mtime_seconds", "r.kept_mtime_nanoseconds"])
    .select(["r.digest as copy_digest", "r.imported", "r.place_id", "a.attempts", "a.next_at", "a.reason as attempt_reason"]);

const settledColumns = (kysely: Tables, replica: ReplicaId, smallest: number, below: number, host: string) =>
  columns(kysely, replica, smallest, below, host)
    .where("f.state", "=", originStateCode("settled"))
    .where((where) => where.or([where("r.state", "is", null), where("r.state", "!=", CURRENT)]));

export const changedPage = (
  kysely: Tables,
  replica: ReplicaId,
  after: number,
  newest: number,
  limit: number,
  smallest: number,
  below: number,
  host: string,
) =>
  settledColumns(kysely, replica, smallest, below, host)
    .where("a.attempts", "is", null)
    .where("f.revision", ">", after)
    .where("f.revision", "<=", newest)
    .orderBy("f.revision")
    .limit(limit);

export const leftBehindFile = (
  kysely: Tables,
  replica: ReplicaId,
  id: FileOriginId,
  since: number,
  smallest: number,
  below: number,
  host: string,
) =>
  settledColumns(kysely, replica, smallest, below, host)
    .where("a.attempts", "is", null)
    .where("f.id", "=", id)
    .where("f.revision", "<=", since);

export const dueFile = (kysely: Tables, replica: ReplicaId, id: FileOriginId, smallest: number, below: number, host: string) =>
  settledColumns(kysely, replica, smallest, below, host).where("a.attempts", "is not", null).where("f.id", "=", id);

export const dueAttempts = (kysely: Tables, replica: ReplicaId, from: number, after: number, until: number, limit: number) =>
  kysely
    .selectFrom("attempt")
    .select(["file_origin_id as id", "next_at as nextAt"])
    .where("replica_id", "=", replica)
    .where("next_at", ">=", from)
    .where("next_at", "<=", until)
    .where((where) => where.or([where("next_at", ">", from), where(sql<number>`file_origin_id`, ">", after)]))
    .orderBy("next_at")
    .orderBy("file_origin_id")
    .limit(limit);

export const overduePage = (
  kysely: Tables,
  replica: ReplicaId,
  after: number,
  before: number,
  dueAt: number,
  limit: number,
  smallest: number,
  below: number,
  host: string,
) =>
  columns(kysely, replica, smallest, below, host)
    .where("f.state", "=", sql.lit(originStateCode("growing")))
    .where(sql<number>`f.id`, ">", after)
    .where((where) => where.or([where("f.growing_since", "is", null), where("f.growing_since", "<=", before)]))
    .where((where) => where.or([where("r.copied_at", "is", null), where("r.copied_at", "<=", before)]))
    .where((where) => where.or([where("a.next_at", "is", null), where("a.next_at", "<=", dueAt)]))
    // Nothing new: what there is of it has been copied.
    .where((where) =>
      where.or([
        where("r.state", "is", null),
        where("r.size", "!=", where.ref("f.size")),
        where("r.mtime_seconds", "!=", where.ref("f.mtime_seconds")),
        where("r.mtime_nanoseconds", "!=", where.ref("f.mtime_nanoseconds")),
      ]),
    )
    .orderBy("f.id")
    .limit(limit);

/**
 * A copy that is not what it should be, of a file that its origin cannot give again, while another replica has the same contents. It is to look as the copy did:
 * the origin may be anything by now.
 */
export const repairableFile = (
  kysely: Tables,
  replica: ReplicaId,
  id: FileOriginId,
  dueAt: number,
  smallest: number,
  below: number,
  host: string,
) =>
  kysely
    .selectFrom("file_replica as r")
    .innerJoin("file_origin as f", "f.id", "r.file_origin_id")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
    .innerJoin("host as h", "h.id", "g.host_id")
    .leftJoin("attempt as a", (join) => join.onRef("a.file_origin_id", "=", "f.id").on("a.replica_id", "=", replica))
    .where("r.replica_id", "=", replica)
    .where("r.file_origin_id", "=", id)
    .where("r.state", "not in", [CURRENT, fileReplicaStateCode("stale")])
    .where("r.size", ">=", smallest)
    .where("r.size", "<", below)
    .where((where) => where.or([sql<boolean>`${host} = ''`, where("h.name", "=", host)]))
    .where((where) =>
      where.or([
        where("f.state", "not in", [originStateCode("settled"), originStateCode("growing")]),
        where("g.declared", "=", 0),
        where("h.declared", "=", 0),
      ]),
    )
    .where((where) => where.or([where("a.next_at", "is", null), where("a.next_at", "<=", dueAt)]))
    .where((where) =>
      where.exists(
        where
          .selectFrom("replica as p")
          .innerJoin("file_replica as o", (join) => join.onRef("o.replica_id", "=", "p.id").on("o.file_origin_id", "=", id))
          .select("o.state")
          .where("p.id", "!=", replica)
          .where("p.declared", "=", 1)
          .where("o.state", "in", [CURRENT, fileReplicaStateCode("stale")])
          .whereRef("o.digest", "=", "r.digest"),
      ),
    )
    .select(["f.id", "f.directory_id", "f.name", sql.lit(originStateCode("settled")).as("state")])
    .select(["r.size", "r.mtime_seconds", "r.mtime_nanoseconds", "f.revision", "f.observed_at"])
    .select(["r.state as copy_state", "r.size as copy_size", "r.mtime_seconds as copy_seconds"])
    .select(["r.mtime_nanoseconds as copy_nanoseconds", "r.kept_mtime_seconds", "r.kept_mtime_nanoseconds"])
    .select(["r.digest as copy_digest", "r.imported", "r.place_id", "a.attempts", "a.next_at", "a.reason as attempt_reason"]);

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

export const earliestAttempt = (kysely: Tables, replica: ReplicaId, after: number) =>
  kysely
    .selectFrom("attempt")
    .select("next_at as nextAt")
    .where("replica_id", "=", replica)
    .where("next_at", ">", after)
    .orderBy("next_at")
    .limit(1);

export const selectDirectory = (kysely: Tables, id: DirectoryId) =>
  kysely
    .selectFrom("directory as d")
    .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
    .innerJoin("host as h", "h.id", "g.host_id")
    .select(["d.id", "h.name as host", "d.path", "g.id as dataDirectoryId", "g.path as dataDirectory"])
    .where("d.id", "=", id);

/** A row of any of the pages. */
export type PendingRow = ReturnType<typeof columns> extends { execute(): Promise<(infer Row)[]> } ? Row : never;
