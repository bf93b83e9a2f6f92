/** What stands against a copy: one row, from the verdict until a new copy is made, or until the copy proves to be what was recorded. */
import type { Kysely } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import type { Transaction } from "./inventory.ts";
import type { FileOriginId, ReplicaId } from "./model.ts";

type Tables = Kysely<InventoryTables>;

/** Adds a finding to a copy that has none. */
export const insertFinding = (
  kysely: Tables,
  replica_id: ReplicaId,
  file_origin_id: FileOriginId,
  state: number,
  found_at: number,
  expected_digest: Uint8Array | null,
  found_digest: Uint8Array | null,
  message: string,
) => kysely.insertInto("finding").values({ replica_id, file_origin_id, state, found_at, expected_digest, found_digest, message });

const deleteFinding = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely.deleteFrom("finding").where("replica_id", "=", replica).where("file_origin_id", "=", file);

/** Nothing stands against it any more. */
export const clearFinding = ({ session }: Transaction, replica: ReplicaId, file: FileOriginId): void => {
  session.statement(deleteFinding).run(replica, file);
};
