/** Views and triggers run by themselves, whoever asks or writes. An inventory has none: a file that does was prepared by somebody else, and is not used. */
import type { Database as SqliteDatabase } from "bun:sqlite";
import { err, ok, type Result } from "neverthrow";
import type { InventoryError } from "./inventory-error.ts";

/** Is to be asked before anything else: a view may never come to its end. @throws SQLiteError where the file is damaged. */
export function refuseForeign(path: string, sqlite: SqliteDatabase): Result<void, InventoryError> {
  const found = sqlite
    .query<{ type: string; name: string }, []>("select type, name from sqlite_schema where type in ('view', 'trigger') limit 1")
    .get();
  if (found === null) return ok(undefined);
  const detail = `it has a ${found.type} ${JSON.stringify(found.name)}, and no inventory has one: somebody else has changed it`;
  return err({ kind: "inventory-damaged", path, detail });
}
