/**
 * Opens an inventory: one writer at a time, checked, migrated. A lock file beside the database says who has it open, and after a clean end what the
 * database looked like then: if it still does, the check of every page is not repeated.
 */
import { Database as SqliteDatabase } from "bun:sqlite";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { err, errAsync, ok, okAsync, type Result, ResultAsync } from "neverthrow";
import { errnoText, type Lock, tryLockExclusive } from "../sys/mod.ts";
import { refuseForeign, refuseOtherSchema, refuseUnknown } from "./_foreign-schema.ts";
import { isUnmade, migrate } from "./_migrate.ts";
import { inventoryErrorOf, pageProblem } from "./_sqlite-error.ts";
import { Session, WritableInventory } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";

/** Who opens the inventory: shown to the one who finds it locked. */
export interface Holder {
  readonly command: string;
  readonly pid: number;
  readonly hostname: string;
  /** ISO 8601, UTC. */
  readonly since: string;
}

const lockPathOf = (path: string): string => `${path}.lock`;

/** What a clean end leaves in the lock file. */
const fingerprintOf = (path: string): string => {
  const { size, mtimeNs, ino } = statSync(path, { bigint: true });
  return JSON.stringify({ closed: { size: String(size), mtime: String(mtimeNs), inode: String(ino) } });
};

/** A clean end leaves no rows in the log: what is there is somebody else's. */
const hasLog = (path: string): boolean => existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0;

/** A clean end that cannot be noted down only costs a check at the next start. */
function noteCleanEnd(path: string, lock: Lock): void {
  try {
    lock.write(fingerprintOf(path)).unwrapOr(undefined);
  } catch {
    // Somebody has taken the database away.
  }
}

const readLockFile = (path: string): string => {
  try {
    return readFileSync(lockPathOf(path), "utf8");
  } catch {
    // An unreadable lock file names nobody and proves no clean end: both are the careful answer.
    return "";
  }
};

/** The holder that the text of a lock file names; undefined when it names none. */
export function parseHolder(text: string): Holder | undefined {
  try {
    const { command, pid, hostname, since }: Readonly<Record<keyof Holder, unknown>> = Object(JSON.parse(text));
    if (typeof command !== "string" || typeof hostname !== "string" || typeof since !== "string") return undefined;
    return typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 ? { command, pid, hostname, since } : undefined;
  } catch {
    return undefined;
  }
}

function holderText(path: string): string {
  const holder = parseHolder(readLockFile(path));
  if (holder === undefined) return "another xtelemdb";
  return `"${holder.command}" (process ${holder.pid} on ${holder.hostname}, since ${holder.since})`;
}

/** The process that has the inventory open for writing now; undefined when none has. A holder that was killed does not count. */
export function readHolder(path: string): Holder | undefined {
  const holder = parseHolder(readLockFile(path));
  return holder !== undefined && existsSync(`/proc/${holder.pid}`) ? holder : undefined;
}

/** Keeps everybody else from writing to the inventory at that path, whether there is one or not. */
export function lockInventory(path: string): Result<Lock, InventoryError> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  } catch (exception) {
    const detail = exception instanceof Error ? exception.message : String(exception);
    return err({ kind: "inventory-unusable", path, detail: `its folder cannot be made: ${detail}` });
  }
  return tryLockExclusive(lockPathOf(path)).mapErr((error): InventoryError => {
    if (error.code === "EAGAIN" || error.code === "EWOULDBLOCK") {
      return { kind: "inventory-locked", path, holder: holderText(path) };
    }
    return { kind: "inventory-unusable", path, detail: `its lock file ${lockPathOf(path)}: ${errnoText(error.code)}` };
  });
}

/** Opens for writing, and makes the file readable for owner and group only. */
function connect(path: string): SqliteDatabase {
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o640));
  const sqlite = new SqliteDatabase(path, { readwrite: true, create: true });
  sqlite.run("pragma busy_timeout = 10000");
  return sqlite;
}

/** Once it is known to be an inventory: the first of these writes to the file. */
function prepare(sqlite: SqliteDatabase): void {
  sqlite.run("pragma journal_mode = wal");
  // Every commit is flushed: in-flight directories must be known after a power cut.
  sqlite.run("pragma synchronous = full");
  sqlite.run("pragma temp_store = memory");
  sqlite.run("pragma cache_size = -32768");
}

/** Looks at a file before anything is written to it. `untouched`: this program left it as it is now, and made its tables. @throws SQLiteError where SQLite itself stumbles over damage. */
function refuse(path: string, untouched: boolean): Result<void, InventoryError> {
  // Whoever was killed while the file was still without its log left a journal, and only a writer can take that back.
  const sqlite = new SqliteDatabase(path, existsSync(`${path}-journal`) ? { readwrite: true } : { readonly: true });
  try {
    sqlite.run("pragma busy_timeout = 10000");
    const foreign = refuseForeign(path, sqlite);
    if (foreign.isErr() || untouched) return foreign;
    const problem = sqlite.query<{ quick_check: string }, []>("pragma quick_check(1)").get()?.quick_check;
    if (problem !== undefined && problem !== "ok") return err(pageProblem(path, problem));
    return isUnmade(sqlite) ? ok(undefined) : refuseOtherSchema(path, sqlite);
  } finally {
    sqlite.close();
  }
}

/**
 * Opens the inventory for writing; makes it if there is none. Errors: held by another process, damaged, newer than this program, or not usable at all.
 * Migrating an older schema first saves the database beside itself.
 */
export function openInventory(path: string, holder: Holder): ResultAsync<WritableInventory, InventoryError> {
  const previous = readLockFile(path);
  const locked = lockInventory(path);
  if (locked.isErr()) return errAsync(locked.error);
  let sqlite: SqliteDatabase | undefined;
  const giveUp = (error: InventoryError): ResultAsync<WritableInventory, InventoryError> => {
    sqlite?.close();
    locked.value.release();
    return errAsync(error);
  };
  try {
    const known = existsSync(path) && statSync(path).size > 0;
    const untouched = known && previous === fingerprintOf(path) && !hasLog(path);
    const written = locked.value.write(JSON.stringify(holder));
    if (written.isErr()) {
      return giveUp({ kind: "inventory-unusable", path, detail: `its lock file: ${errnoText(written.error.code)}` });
    }
    if (known) {
      const refused = refuse(path, untouched);
      if (refused.isErr()) return giveUp(refused.error);
    }
    sqlite = connect(path);
    prepare(sqlite);
  } catch (exception) {
    return giveUp(inventoryErrorOf(path, exception));
  }
  const opened = sqlite;
  return ResultAsync.fromSafePromise(migrate(path, opened)).andThen((migrated) => {
    if (migrated.isErr()) return giveUp(migrated.error);
    const onClose = (isFolded: boolean): void => {
      if (isFolded) noteCleanEnd(path, locked.value);
      locked.value.release();
    };
    try {
      return okAsync(new WritableInventory(path, opened, onClose));
    } catch (exception) {
      return giveUp(inventoryErrorOf(path, exception));
    }
  });
}

/** Opens the inventory for reading beside whoever writes it. Used by commands that only show things, and by every worker. */
export function openInventoryForReading(path: string): Result<Session, InventoryError> {
  let sqlite: SqliteDatabase | undefined;
  try {
    if (!existsSync(path) || statSync(path).size === 0) return err({ kind: "inventory-missing", path });
    sqlite = new SqliteDatabase(path, { readonly: true });
    sqlite.run("pragma busy_timeout = 10000");
    // No memory map: it is no faster here, and each worker's would count the whole database as memory in use.
    const foreign = refuseForeign(path, sqlite);
    if (foreign.isErr()) {
      sqlite.close();
      return err(foreign.error);
    }
    if (isUnmade(sqlite)) {
      sqlite.close();
      return err({ kind: "inventory-missing", path });
    }
    const unknown = refuseUnknown(path, sqlite);
    if (unknown.isErr()) {
      sqlite.close();
      return err(unknown.error);
    }
    return ok(new Session(path, sqlite));
  } catch (exception) {
    sqlite?.close();
    return err(inventoryErrorOf(path, exception));
  }
}
