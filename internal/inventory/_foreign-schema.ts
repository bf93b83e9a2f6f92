/**
 * What a database is made of is compared before it is used: a file that somebody else has prepared (a copy of the inventory at a replica) may hold views and triggers, which run by
 * themselves, or tables that are not what the queries take them for.
 */
import type { Database as SqliteDatabase } from "bun:sqlite";
import { err, ok, type Result } from "neverthrow";
import { executedMigrations, newerMigration } from "./_migrate.ts";
import type { InventoryError } from "./inventory-error.ts";
import { MIGRATIONS, SCHEMA_DIGESTS } from "./migrations/mod.ts";

const damaged = (path: string, detail: string): Result<void, InventoryError> => err({ kind: "inventory-damaged", path, detail });

const prepared = (path: string, { type, name }: { readonly type: string; readonly name: string }): Result<void, InventoryError> =>
  damaged(path, `it has a ${type} ${JSON.stringify(name)}, and no inventory has one: somebody else has changed it`);

/** A list of migrations that is more than kept: nothing may be asked of it. @throws SQLiteError */
function refuseServedMigrations(path: string, sqlite: SqliteDatabase): Result<void, InventoryError> {
  const served = sqlite
    .query<{ type: string; name: string }, []>(
      "select iif(type = 'table', 'virtual table', type) as type, name from sqlite_schema where name = 'kysely_migration' and coalesce(rootpage, 0) = 0",
    )
    .get();
  if (served !== null) return prepared(path, served);
  const computed = sqlite
    .query<{ name: string }, []>("select name from pragma_table_xinfo('kysely_migration') where hidden > 0")
    .get();
  return computed === null ? ok(undefined) : prepared(path, { type: "computed column", name: computed.name });
}

/**
 * What must be known before anything else is asked of a file: that it is of no newer program, and has no views, no triggers, and no tables that a module serves (rootpage 0). What a newer
 * program needs of them is its own affair. @throws SQLiteError where the file is damaged.
 */
export function refuseForeign(path: string, sqlite: SqliteDatabase): Result<void, InventoryError> {
  const served = refuseServedMigrations(path, sqlite);
  if (served.isErr()) return served;
  const migration = newerMigration(sqlite);
  if (migration !== undefined) return err({ kind: "inventory-newer", path, migration });
  const found = sqlite
    .query<{ type: string; name: string }, []>(
      `select iif(type = 'table', 'virtual table', type) as type, name from sqlite_schema
        where type in ('view', 'trigger') or (type = 'table' and coalesce(rootpage, 0) = 0) limit 1`,
    )
    .get();
  return found === null ? ok(undefined) : prepared(path, found);
}

interface SchemaRow {
  readonly type: string;
  readonly name: string;
  readonly tbl_name: string;
  readonly sql: string | null;
}

/** What "analyze" learns, also that of another SQLite: an operator may have run it (https://www.sqlite.org/fileformat2.html#stat1tab). */
const LEARNT: Readonly<Record<string, string>> = {
  sqlite_stat1: "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
  sqlite_stat4: "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
};

/** What SQLite makes by itself: the indexes of unique columns, and what the planner has learnt. */
const isSqlites = ({ type, name, sql }: SchemaRow): boolean =>
  (type === "index" && sql === null) || (sql !== null && LEARNT[name] === sql);

/** One number for all tables and indexes, as their statements say them. @throws SQLiteError */
export function schemaDigest(sqlite: SqliteDatabase): string {
  const rows = sqlite.query<SchemaRow, []>("select type, name, tbl_name, sql from sqlite_schema order by type, name").all();
  const lines = rows
    .filter((row) => !isSqlites(row))
    .map(({ type, name, tbl_name, sql }) => JSON.stringify([type, name, tbl_name, sql]));
  return new Bun.CryptoHasher("sha256").update(lines.join("\n")).digest("hex");
}

/** A database that has had no migration is another program's, or its list of them was lost. To be asked of one that has tables. @throws SQLiteError */
export function refuseUnknown(path: string, sqlite: SqliteDatabase): Result<void, InventoryError> {
  if (executedMigrations(sqlite).length > 0) return ok(undefined);
  const isOurs = sqlite.query("select name from sqlite_schema where name = 'file_origin'").get() !== null;
  return isOurs ? damaged(path, "its list of migrations is empty") : err({ kind: "inventory-foreign", path });
}

/** The tables are those of the last migration that it says it had, to the letter. To be asked after `refuseForeign`. @throws SQLiteError */
export function refuseOtherSchema(path: string, sqlite: SqliteDatabase): Result<void, InventoryError> {
  const executed = executedMigrations(sqlite);
  const last = executed.at(-1);
  if (last === undefined) return refuseUnknown(path, sqlite);
  const isInOrder = executed.join() === Object.keys(MIGRATIONS).toSorted().slice(0, executed.length).join();
  if (isInOrder && SCHEMA_DIGESTS[last] === schemaDigest(sqlite)) return ok(undefined);
  return damaged(
    path,
    `its tables are not those of an inventory after ${JSON.stringify(last)}: somebody else has made or changed it`,
  );
}
