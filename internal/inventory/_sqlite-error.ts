/** Tells apart what SQLite's result codes mean for an operator (https://www.sqlite.org/rescode.html). */
import { SQLiteError } from "bun:sqlite";
import { damageOf, isDamage } from "./_damage.ts";
import type { InventoryError } from "./inventory-error.ts";

const DAMAGED = ["SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT"];
/** SQLite has no code of its own for a file whose header asks for a later SQLite. */
const DAMAGED_MESSAGE = "unsupported file format";
const UNUSABLE = [
  "SQLITE_FULL",
  "SQLITE_IOERR",
  "SQLITE_READONLY",
  "SQLITE_CANTOPEN",
  "SQLITE_BUSY",
  "SQLITE_LOCKED",
  "SQLITE_PERM",
  "SQLITE_AUTH",
  "SQLITE_NOMEM",
  "SQLITE_PROTOCOL",
];

/** What a check of the pages has found: damage; or a page that could not be read this time, which says nothing of what is in it. */
export const pageProblem = (path: string, found: string): InventoryError =>
  isDamage(found) ? damageOf(path, found) : { kind: "inventory-unusable", path, detail: `not all of it can be read: ${found}` };

/** @throws the exception itself when it is neither damage nor the world's fault: a bug of ours, such as wrong SQL. */
export function inventoryErrorOf(path: string, exception: unknown): InventoryError {
  if (exception instanceof SQLiteError) {
    const code = exception.code ?? "";
    const detail = `${exception.message}${code ? ` [${code}]` : ""}`;
    if (DAMAGED.some((prefix) => code.startsWith(prefix)) || exception.message === DAMAGED_MESSAGE) return damageOf(path, detail);
    if (UNUSABLE.some((prefix) => code.startsWith(prefix))) return { kind: "inventory-unusable", path, detail };
  }
  // What lies beside the database: its folder, its log, the copy of before a migration.
  if (exception instanceof Error && "syscall" in exception) {
    return { kind: "inventory-unusable", path, detail: exception.message };
  }
  throw exception;
}
