/**
 * Records the copies of a whole group in one statement: the database takes what it knows of the files from its own rows, and nothing crosses into it a
 * file at a time. Only for first copies of files that are still as they were planned, which nearly all are.
 */
import { type Kysely, sql } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import type { Transaction } from "./inventory.ts";
import { DIGEST_ALGORITHMS, type FileOriginId, fileReplicaStateCode, type ReplicaId } from "./model.ts";
import type { PendingFile } from "./pending.ts";

export const DIGEST_BYTES = 32;

/** Files that were copied as they were planned, at the modification time of the source. */
export interface NewCopies {
  readonly files: readonly PendingFile[];
  /** The SHA-256 of each, one after the other. */
  readonly digests: Uint8Array;
  /** Of the inventory when they were planned. */
  readonly revision: number;
}

type Tables = Kysely<InventoryTables>;

const ALGORITHM = DIGEST_ALGORITHMS.indexOf("sha256") + 1;

/** `ids`: a JSON array, which keeps the order of the digests. */
const insertCopies = (kysely: Tables, replica: ReplicaId, ids: string, digests: Uint8Array, at: number) =>
  kysely
    .insertInto("file_replica")
    .columns([
      "replica_id",
      "file_origin_id",
      "state",
      "size",
      "mtime_seconds",
      "mtime_nanoseconds",
      "digest_algorithm",
      "digest",
      "copied_at",
    ])
    .expression((expression) =>
      expression
        .selectFrom(sql<{ key: number; value: FileOriginId }>`json_each(${ids})`.as("position"))
        .innerJoin("file_origin as f", "f.id", "position.value")
        .select([sql<ReplicaId>`${replica}`.as("replica_id"), "f.id"])
        .select(sql.lit(fileReplicaStateCode("current")).as("state"))
        .select(["f.size", "f.mtime_seconds", "f.mtime_nanoseconds"])
        .select(sql.lit(ALGORITHM).as("digest_algorithm"))
        .select(
          sql<Uint8Array>`substr(${digests}, position.key * ${sql.lit(DIGEST_BYTES)} + 1, ${sql.lit(DIGEST_BYTES)})`.as("digest"),
        )
        .select(sql<number>`${at}`.as("copied_at")),
    );

/** Only of files without a copy: nothing was ever found wrong with one. Records them all; or none, and answers false, when one of them is no first copy or the inventory has moved on since they were planned. */
export function insertNewCopies(transaction: Transaction, replica: ReplicaId, copies: NewCopies, at: number): boolean {
  const { files, digests, revision } = copies;
  if (transaction.revision !== revision) return false;
  if (!files.every(({ copy, attempt }) => copy === undefined && attempt === undefined)) return false;
  const ids = JSON.stringify(files.map(({ id }) => id));
  transaction.session.statement(insertCopies).run(replica, ids, digests, at);
  for (const { directory, evidence } of files) {
    transaction.tally.copy(directory.dataDirectoryId, replica, "settled", "current", 1, evidence.size);
  }
  return true;
}
