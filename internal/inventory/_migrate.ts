/**
 * Brings the schema up to date. Kysely makes no transaction for SQLite's migrations and its lock does nothing there, so the caller holds our lock, the transaction
 * is made here, and a database that has rows is first saved beside itself.
 */
import type { Database as SqliteDatabase } from "bun:sqlite";
import { existsSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { Kysely, type Migration, Migrator } from "kysely";
import { BunSqliteDialect } from "kysely-bun-sqlite";
import { err, ok, type Result } from "neverthrow";
import { flushPath } from "./_flush-path.ts";
import { inventoryErrorOf } from "./_sqlite-error.ts";
import type { InventoryError } from "./inventory-error.ts";
import { MIGRATIONS } from "./migrations/mod.ts";

/** Names of the migrations that this database has had, in order. @throws SQLiteError */
export function executedMigrations(sqlite: SqliteDatabase): string[] {
  const table = sqlite.query("select name from sqlite_master where type = 'table' and name = 'kysely_migration'").get();
  if (table === null) return [];
  return sqlite
    .query<{ name: string }, []>("select name from kysely_migration order by name")
    .all()
    .map((row) => row.name);
}

/** The newest migration in the database that this program does not know. @throws SQLiteError */
export const newerMigration = (sqlite: SqliteDatabase): string | undefined =>
  executedMigrations(sqlite).findLast((name) => !(name in MIGRATIONS));

/** A database that was begun and not made: whoever began it was killed, or lost its power, before the first migration was committed. It holds nothing. @throws SQLiteError */
export const isUnmade = (sqlite: SqliteDatabase): boolean =>
  sqlite.query("select name from sqlite_master where type = 'table' limit 1").get() === null;

/** What went wrong, if anything. Kysely's driver prepares statements and leaves them, and one that is left keeps SQLite's connection, and its files, open after `close`. */
async function migrateToLatest(sqlite: SqliteDatabase, migrations: Readonly<Record<string, Migration>>): Promise<unknown> {
  const prepared: { finalize(): void }[] = [];
  const prepare = (text: string): unknown => {
    const statement = sqlite.prepare(text);
    prepared.push(statement);
    return statement;
  };
  const database = new Proxy(sqlite, { get: (target, key) => (key === "prepare" ? prepare : Reflect.get(target, key)) });
  const kysely = new Kysely<unknown>({ dialect: new BunSqliteDialect({ database }) });
  const migrator = new Migrator({ db: kysely, provider: { getMigrations: async () => ({ ...migrations }) } });
  try {
    return (await migrator.migrateToLatest()).error;
  } finally {
    for (const statement of prepared) statement.finalize();
  }
}

/** Runs the migrations that are missing, in order. The saved copy is `<path>.before-<first missing migration>`. */
export async function migrate(
  path: string,
  sqlite: SqliteDatabase,
  migrations: Readonly<Record<string, Migration>> = MIGRATIONS,
): Promise<Result<void, InventoryError>> {
  try {
    const executed = executedMigrations(sqlite);
    const missing = Object.keys(migrations)
      .toSorted()
      .filter((name) => !executed.includes(name));
    if (missing.length === 0) return ok(undefined);
    if (executed.length > 0) {
      const saved = `${path}.before-${missing[0]}`;
      // A copy that an interrupted migration left is from the same state, or older: this one replaces it.
      if (existsSync(saved)) rmSync(saved);
      sqlite.query("vacuum into ?").run(saved);
      flushPath(saved);
      flushPath(dirname(saved));
    }
    // All of them or none: a run that is killed on the way leaves the schema that there was.
    sqlite.run("begin immediate");
    const error = await migrateToLatest(sqlite, migrations);
    sqlite.run(error === undefined ? "commit" : "rollback");
    return error === undefined ? ok(undefined) : err(inventoryErrorOf(path, error));
  } catch (exception) {
    if (sqlite.inTransaction) sqlite.run("rollback");
    return err(inventoryErrorOf(path, exception));
  }
}
