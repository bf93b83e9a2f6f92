/**
 * Copies that are held back (`GONE_BACK`): their source has gone back behind them, or they are of another file that had its name, and they may be all that there is of what they hold. One
 * is replaced only by what holds all of it. That stands in the attempt of its file, and in its manifest, from which a lost inventory has it again.
 */
import type { Kysely } from "kysely";
import { boundedMessage } from "./_limits.ts";
import type { InventoryTables } from "./database-schema.ts";
import type { Transaction } from "./inventory.ts";
import { type FileOriginId, GONE_BACK, type ReplicaId } from "./model.ts";

type Tables = Kysely<InventoryTables>;

const selectHeld = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely
    .selectFrom("attempt")
    .select("attempts")
    .where("replica_id", "=", replica)
    .where("file_origin_id", "=", file)
    .where("reason", "=", GONE_BACK);

const insertHeld = (kysely: Tables, replica_id: ReplicaId, file_origin_id: FileOriginId, at: number, message: string) =>
  kysely
    .insertInto("attempt")
    .values({
      replica_id,
      file_origin_id,
      attempts: 1,
      first_at: at,
      last_at: at,
      next_at: at,
      domain: "source",
      reason: GONE_BACK,
      message,
    })
    .onConflict((conflict) =>
      conflict
        .columns(["replica_id", "file_origin_id"])
        .doUpdateSet({ next_at: at, domain: "source", reason: GONE_BACK, message }),
    );

const selectDirectory = (kysely: Tables, file: FileOriginId) =>
  kysely.selectFrom("file_origin").select("directory_id as id").where("id", "=", file);

const isHeldBack = ({ session }: Transaction, replica: ReplicaId, file: FileOriginId): boolean =>
  session.statement(selectHeld).get(replica, file) !== undefined;

/** Its manifest is to say so, if it does not yet. To be asked before the attempt is recorded. */
export function dueIfNotHeld(transaction: Transaction, replica: ReplicaId, file: FileOriginId, at: number): void {
  if (!isHeldBack(transaction, replica, file)) due(transaction, replica, file, at);
}

function due({ session, manifests }: Transaction, replica: ReplicaId, file: FileOriginId, at: number): void {
  const directory = session.statement(selectDirectory).get(file);
  if (directory !== undefined) manifests.due(replica, directory.id, at);
}

/** Holds a copy back, if it is not yet. Its file is tried at once. `at`: milliseconds since 1970. */
export function holdBack(transaction: Transaction, replica: ReplicaId, file: FileOriginId, at: number, message: string): void {
  if (isHeldBack(transaction, replica, file)) return;
  due(transaction, replica, file, at);
  transaction.session.statement(insertHeld).run(replica, file, at, boundedMessage(message));
}
