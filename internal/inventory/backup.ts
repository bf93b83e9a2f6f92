/**
 * Copies of the inventory itself: taken in one snapshot, beside whoever writes to it (https://www.sqlite.org/lang_vacuum.html#vacuuminto). And what a replica has of them.
 */
import { Database as SqliteDatabase } from "bun:sqlite";
import { chmodSync, existsSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { sql } from "kysely";
import { err, ok, type Result, type ResultAsync } from "neverthrow";
import { flushPath } from "./_flush-path.ts";
import { inventoryErrorOf } from "./_sqlite-error.ts";
import type { Inventory, Session } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import type { ReplicaId } from "./model.ts";

/** Writes a copy of the inventory to a path where nothing is, durably, readable for its owner only; its size in bytes. */
export function backUpInventory(from: string, to: string): Result<number, InventoryError> {
  if (!existsSync(from) || statSync(from).size === 0) return err({ kind: "inventory-missing", path: from });
  if (existsSync(to)) return err({ kind: "inventory-in-the-way", path: to });
  const part = `${to}.part`;
  let sqlite: SqliteDatabase | undefined;
  try {
    // A copy that was broken off: nobody else gives that name.
    rmSync(part, { force: true });
    sqlite = new SqliteDatabase(from, { readonly: true });
    sqlite.run("pragma busy_timeout = 10000");
    sqlite.query("vacuum into ?").run(part);
    chmodSync(part, 0o600);
    flushPath(part);
    renameSync(part, to);
    flushPath(dirname(to));
    return ok(statSync(to).size);
  } catch (exception) {
    rmSync(part, { force: true });
    if (exception instanceof Error && "syscall" in exception) {
      return err({ kind: "inventory-unusable", path: to, detail: exception.message });
    }
    return err(inventoryErrorOf(from, exception));
  } finally {
    sqlite?.close();
  }
}

/** Moves when anything is learnt of a file or a copy. Not every number is taken. */
export const inventoryMark = (session: Session): number => {
  const { kysely } = session;
  const revision = session.first(kysely.selectFrom("counter").select("value").where("name", "=", "revision"))?.value ?? 0;
  const changes = session.first(kysely.selectFrom("manifest").select(sql<number>`coalesce(sum(changes), 0)`.as("sum")))?.sum ?? 0;
  return revision + changes;
};

/** When a replica last got a copy of the inventory (milliseconds since 1970), and `inventoryMark` then; nulls before the first. */
export const inventoryCopyAt = (session: Session, replica: ReplicaId): { at: number | null; mark: number | null } =>
  session.first(
    session.kysely
      .selectFrom("replica")
      .select(["inventory_copied_at as at", "inventory_copied_mark as mark"])
      .where("id", "=", replica),
  ) ?? { at: null, mark: null };

/** A replica has got a copy. */
export const setInventoryCopy = (
  inventory: Inventory,
  replica: ReplicaId,
  copy: { readonly at: number; readonly mark: number },
): ResultAsync<void, InventoryError> =>
  inventory.write(({ session }) => {
    const columns = { inventory_copied_at: copy.at, inventory_copied_mark: copy.mark };
    session.run(session.kysely.updateTable("replica").set(columns).where("id", "=", replica));
  });
