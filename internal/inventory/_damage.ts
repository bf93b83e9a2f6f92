/**
 * Is a file damaged that SQLite calls so? Where a read fails, it may take half of what it needs for all that there is, and call that malformed; and a person would rebuild an
 * inventory that is whole. Damage is what is there when every byte can be read, and what is found twice.
 */
import { SQLiteError, Database as SqliteDatabase } from "bun:sqlite";
import { closeSync, openSync, readSync } from "node:fs";
import type { InventoryError } from "./inventory-error.ts";

const PIECE_BYTES = 1 << 20;

/** "unable to get the page. error code=266", "btreeInitPage() returns error code 11". */
const ERROR_CODE = /error code[= ](\d+)/;
/** SQLITE_CORRUPT and SQLITE_NOTADB; the low byte of an extended code is what it extends (https://www.sqlite.org/rescode.html). */
const DAMAGED_CODES = [11, 26];

/** Does a check of the pages say that they are wrong, and not that one could not be read? */
export function isDamage(found: string): boolean {
  const code = ERROR_CODE.exec(found)?.[1];
  return code === undefined || DAMAGED_CODES.includes(Number(code) & 0xff);
}

/** What is to be told of a file in which damage was seen. Reads all of it, twice. */
export function damageOf(path: string, seen: string): InventoryError {
  const unread = whyUnreadable(path);
  if (unread !== undefined)
    return { kind: "inventory-unusable", path, detail: `${unread}; what could be read seemed damaged (${seen})` };
  const again = lookAgain(path);
  if (again === "whole")
    return { kind: "inventory-unusable", path, detail: `it seemed damaged (${seen}), and was whole a moment later` };
  return again === "unusable"
    ? { kind: "inventory-unusable", path, detail: seen }
    : { kind: "inventory-damaged", path, detail: seen };
}

function whyUnreadable(path: string): string | undefined {
  const piece = Buffer.alloc(PIECE_BYTES);
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    for (let at = 0, read = -1; read !== 0; at += read) read = readSync(file, piece, 0, PIECE_BYTES, at);
    return undefined;
  } catch (exception) {
    return exception instanceof Error ? exception.message : String(exception);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

const NOT_THE_FILE = /^SQLITE_(?:IOERR|NOMEM|CANTOPEN|BUSY|LOCKED|PERM|AUTH|PROTOCOL)/;

function lookAgain(path: string): "whole" | "damaged" | "unusable" {
  let sqlite: SqliteDatabase | undefined;
  try {
    sqlite = new SqliteDatabase(path, { readonly: true });
    sqlite.run("pragma busy_timeout = 10000");
    const found = sqlite.query<{ integrity_check: string }, []>("pragma integrity_check(1)").get()?.integrity_check;
    if (found === undefined || found === "ok") return "whole";
    return isDamage(found) ? "damaged" : "unusable";
  } catch (exception) {
    return exception instanceof SQLiteError && NOT_THE_FILE.test(exception.code ?? "") ? "unusable" : "damaged";
  } finally {
    sqlite?.close();
  }
}
