/**
 * Counts of files and bytes by data directory, replica and state, kept up to date in the same transaction as the rows they count, so that
 * `status` reads a dozen rows and not ten million. `recount` says the same from the rows themselves; a test holds the two together.
 */
import { type Kysely, sql } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import type { Session } from "./inventory.ts";
import {
  type DataDirectoryId,
  FILE_REPLICA_STATES,
  type FileReplicaState,
  fileReplicaStateCode,
  ORIGIN_STATES,
  type OriginState,
  originStateCode,
  type ReplicaId,
} from "./model.ts";

/** In `tally`, the replica id under which the origins themselves are counted. */
const ORIGINS = 0;

/** A copy of a file that is absent or excluded at its origin: kept for ever, counted apart, never pending. */
const KEPT = FILE_REPLICA_STATES.length + 1;

/** Is a file in this state wanted on every replica? */
export const isWanted = (state: OriginState): boolean => state === "growing" || state === "settled";

type Key = `${number}/${number}/${number}`;

/** The changes that one transaction makes to the tallies. */
export class TallyChanges {
  readonly #changes = new Map<Key, { files: number; bytes: number }>();

  #add(dataDirectory: DataDirectoryId, replica: number, category: number, files: number, bytes: number): void {
    const key: Key = `${dataDirectory}/${replica}/${category}`;
    const change = this.#changes.get(key);
    if (change === undefined) this.#changes.set(key, { files, bytes });
    else {
      change.files += files;
      change.bytes += bytes;
    }
  }

  /** `files` is 1 for a row that appears in this state and -1 for one that leaves it. */
  origin(dataDirectory: DataDirectoryId, state: OriginState, files: number, bytes: number): void {
    this.#add(dataDirectory, ORIGINS, originStateCode(state), files, bytes);
  }

  copy(
    dataDirectory: DataDirectoryId,
    replica: ReplicaId,
    origin: OriginState,
    state: FileReplicaState,
    files: number,
    bytes: number,
  ): void {
    this.#add(dataDirectory, replica, isWanted(origin) ? fileReplicaStateCode(state) : KEPT, files, bytes);
  }

  save(session: Session): void {
    const add = session.statement(addToTally);
    for (const [key, { files, bytes }] of this.#changes) {
      if (files === 0 && bytes === 0) continue;
      const [dataDirectory = 0, replica = 0, category = 0] = key.split("/").map(Number);
      // The key was made from a data directory's id.
      add.run(dataDirectory as DataDirectoryId, replica, category, files, bytes);
    }
    this.#changes.clear();
  }
}

const addToTally = (
  kysely: Kysely<InventoryTables>,
  data_directory_id: DataDirectoryId,
  replica_id: number,
  category: number,
  files: number,
  bytes: number,
) =>
  kysely
    .insertInto("tally")
    .values({ data_directory_id, replica_id, category, files, bytes })
    .onConflict((conflict) =>
      conflict.columns(["data_directory_id", "replica_id", "category"]).doUpdateSet({
        files: sql`tally.files + excluded.files`,
        bytes: sql`tally.bytes + excluded.bytes`,
      }),
    );

export interface Tally {
  readonly dataDirectory: DataDirectoryId;
  readonly files: number;
  readonly bytes: number;
}

export interface OriginTally extends Tally {
  readonly state: OriginState;
}

export interface CopyTally extends Tally {
  readonly replica: ReplicaId;
  /** `kept`: a copy of a file that is absent or excluded at its origin. */
  readonly state: FileReplicaState | "kept";
}

export interface Tallies {
  readonly origins: readonly OriginTally[];
  readonly copies: readonly CopyTally[];
}

interface TallyRow {
  data_directory_id: DataDirectoryId;
  replica_id: number;
  category: number;
  files: number;
  bytes: number;
}

function talliesOf(rows: readonly TallyRow[]): Tallies {
  const origins: OriginTally[] = [];
  const copies: CopyTally[] = [];
  for (const row of rows) {
    if (row.files === 0 && row.bytes === 0) continue;
    const common = { dataDirectory: row.data_directory_id, files: row.files, bytes: row.bytes };
    if (row.replica_id === ORIGINS) {
      const state = ORIGIN_STATES[row.category - 1];
      if (state !== undefined) origins.push({ ...common, state });
    } else {
      const state = row.category === KEPT ? "kept" : FILE_REPLICA_STATES[row.category - 1];
      // Any id but 0 is a replica's.
      if (state !== undefined) copies.push({ ...common, replica: row.replica_id as ReplicaId, state });
    }
  }
  return { origins, copies };
}

/** The tallies as kept; order: data directory, replica, state. */
export function readTallies(session: Session): Tallies {
  return talliesOf(
    session.all(
      session.kysely.selectFrom("tally").selectAll().orderBy("data_directory_id").orderBy("replica_id").orderBy("category"),
    ),
  );
}

/** The same from the rows themselves: costs a read of every row. For tests and for `inventory check`. */
export function recount(session: Session): Tallies {
  const { kysely } = session;
  const origins = session.all(
    kysely
      .selectFrom("file_origin as f")
      .innerJoin("directory as d", "d.id", "f.directory_id")
      .select(["d.data_directory_id", sql<number>`0`.as("replica_id"), "f.state as category"])
      .select([sql<number>`count(*)`.as("files"), sql<number>`total(f.size)`.as("bytes")])
      .groupBy(["d.data_directory_id", "f.state"])
      .orderBy("d.data_directory_id")
      .orderBy("f.state"),
  );
  const kept = sql<number>`case when f.state in (${sql.lit(originStateCode("growing"))}, ${sql.lit(originStateCode("settled"))}) then r.state else ${sql.lit(KEPT)} end`;
  const copies = session.all(
    kysely
      .selectFrom("file_replica as r")
      .innerJoin("file_origin as f", "f.id", "r.file_origin_id")
      .innerJoin("directory as d", "d.id", "f.directory_id")
      .select(["d.data_directory_id", "r.replica_id", kept.as("category")])
      .select([sql<number>`count(*)`.as("files"), sql<number>`total(r.size)`.as("bytes")])
      .groupBy(["d.data_directory_id", "r.replica_id", kept])
      .orderBy("d.data_directory_id")
      .orderBy("r.replica_id")
      .orderBy(kept),
  );
  return talliesOf([...origins, ...copies]);
}
