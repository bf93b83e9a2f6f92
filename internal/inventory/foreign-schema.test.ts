/** A database that somebody else has prepared: what would run by itself when it is asked or written is refused, before it is; and so are other tables. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Kysely, Migrator } from "kysely";
import { BunSqliteDialect } from "kysely-bun-sqlite";
import { command, python, Scratch } from "../testing/mod.ts";
import { HOLDER, openScratchInventory } from "./_for-tests.ts";
import { schemaDigest } from "./_foreign-schema.ts";
import { checkInventory } from "./check.ts";
import { inventoryErrorMessage } from "./inventory-error.ts";
import { MIGRATIONS, SCHEMA_DIGESTS } from "./migrations/mod.ts";
import { openInventory, openInventoryForReading } from "./open.ts";

/** What is planted, and the name that the error tells. */
const PLANTED: readonly (readonly [name: string, ...statements: string[]])[] = [
  ["planted", "create trigger planted after insert on host begin delete from replica; end"],
  ["beside", "create view beside as select * from host"],
  [
    "kysely_migration",
    "drop table kysely_migration",
    // Asking it for its last row would never end.
    "create view kysely_migration as with recursive n(name) as (select '0' union all select name from n) select name, '' as timestamp from n",
  ],
];

for (const [name, ...statements] of PLANTED) {
  test(`an inventory with ${statements.at(-1)?.split(" ", 2).join(" ")} ${name} is refused: to check, to read and to write`, async () => {
    using scratch = new Scratch();
    const path = scratch.path("inventory.db");
    (await openScratchInventory(scratch)).close();
    const sqlite = new Database(path);
    for (const statement of statements) sqlite.run(statement);
    sqlite.close();
    const refused = { kind: "inventory-damaged", path, detail: expect.stringContaining(`"${name}"`) };
    expect(checkInventory(path)._unsafeUnwrapErr()).toMatchObject(refused);
    expect(openInventoryForReading(path)._unsafeUnwrapErr()).toMatchObject(refused);
    expect((await openInventory(path, HOLDER))._unsafeUnwrapErr()).toMatchObject(refused);
  });
}

/** Refused to check and to write. What is read beside its writer was opened by that. */
const OTHER: Readonly<Record<string, readonly string[]>> = {
  "a column more": ["alter table host add column more text"],
  "a column that is computed": ["alter table host add column more text generated always as (hex(zeroblob(100000000))) virtual"],
  "a table more": ["create table more (x)"],
  "a table less": ["drop table manifest"],
  "an index over what is computed": ["create index more on host (length(hex(zeroblob(100000))))"],
  "a column of another kind": [
    "pragma writable_schema = on",
    `update sqlite_schema set sql = replace(sql, '"size" bigint', '"size" text') where name = 'file_origin'`,
  ],
  "a rule of its own": [
    "pragma writable_schema = on",
    `update sqlite_schema set sql = replace(sql, '"name" text not null', '"name" text not null check (length(hex(zeroblob(100000000))) > 0)') where name = 'host'`,
  ],
  "a migration that it did not have": ["delete from kysely_migration where name like '0003%'"],
  "no migrations": ["delete from kysely_migration"],
};

// Bun's SQLite keeps its schema from being written by hand (SQLITE_DBCONFIG_DEFENSIVE); whoever prepares a file does not.
const EXECUTE = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nfor one in sys.argv[2:]: c.execute(one)\nc.commit()";

for (const [name, statements] of Object.entries(OTHER)) {
  test(`an inventory with ${name} is refused: to check and to write`, async () => {
    using scratch = new Scratch();
    const path = scratch.path("inventory.db");
    (await openScratchInventory(scratch)).close();
    command(...python(EXECUTE, path, ...statements));
    const refused = {
      kind: "inventory-damaged",
      path,
      detail: expect.stringMatching(/tables are not those|list of migrations is empty/),
    };
    expect(checkInventory(path)._unsafeUnwrapErr()).toMatchObject(refused);
    expect((await openInventory(path, HOLDER))._unsafeUnwrapErr()).toMatchObject(refused);
  });
}

test("an operator's sqlite3 may have analyzed it", async () => {
  using scratch = new Scratch();
  const path = scratch.path("inventory.db");
  (await openScratchInventory(scratch)).close();
  command(...python(EXECUTE, path, "analyze"));
  expect(checkInventory(path)._unsafeUnwrap().problems).toEqual([]);
  (await openInventory(path, HOLDER))._unsafeUnwrap().close();
});

for (const statement of [
  "create virtual table kysely_migration using fts5(name, timestamp)",
  "create table kysely_migration (timestamp text, name text generated always as (hex(zeroblob(1000000000))) virtual)",
]) {
  test(`a list of migrations that is not only kept is not asked: ${statement}`, async () => {
    using scratch = new Scratch();
    const path = scratch.path("inventory.db");
    (await openScratchInventory(scratch)).close();
    command(...python(EXECUTE, path, "drop table kysely_migration", statement));
    const refused = { kind: "inventory-damaged", detail: expect.stringContaining("somebody else has changed it") };
    expect(checkInventory(path)._unsafeUnwrapErr()).toMatchObject(refused);
    expect(openInventoryForReading(path)._unsafeUnwrapErr()).toMatchObject(refused);
  });
}

test("a database of another program is not made an inventory", async () => {
  using scratch = new Scratch();
  const path = scratch.path("theirs.db");
  command(...python(EXECUTE, path, "create table theirs (x)"));
  const theirs = readFileSync(path);
  const refused = { kind: "inventory-foreign", path } as const;
  expect((await openInventory(path, HOLDER))._unsafeUnwrapErr()).toEqual(refused);
  expect(checkInventory(path)._unsafeUnwrapErr()).toEqual(refused);
  expect(openInventoryForReading(path)._unsafeUnwrapErr()).toEqual(refused);
  expect(readFileSync(path).equals(theirs)).toBe(true);
  expect(inventoryErrorMessage(refused)).toContain('name the right file with "database"');
});

test("what another program has not yet folded into its database stays in its log", async () => {
  using scratch = new Scratch();
  const path = scratch.path("theirs.db");
  const killed =
    "import os, sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nfor one in sys.argv[2:]: c.execute(one)\nc.commit()\nos._exit(0)";
  command(...python(killed, path, "pragma journal_mode = wal", "create table theirs (x)"));
  const files = [path, `${path}-wal`];
  const theirs = files.map((file) => readFileSync(file).toHex());
  expect((await openInventory(path, HOLDER))._unsafeUnwrapErr()).toEqual({ kind: "inventory-foreign", path });
  expect(files.map((file) => readFileSync(file).toHex())).toEqual(theirs);
});

test("an inventory of a later release is told as that, whatever it is made of", async () => {
  using scratch = new Scratch();
  const path = scratch.path("inventory.db");
  (await openScratchInventory(scratch)).close();
  const later = "insert into kysely_migration values ('9999-later', '2030-01-01')";
  command(...python(EXECUTE, path, later, "create view newer as select 1"));
  const refused = { kind: "inventory-newer", path, migration: "9999-later" } as const;
  expect(checkInventory(path)._unsafeUnwrapErr()).toEqual(refused);
  expect(openInventoryForReading(path)._unsafeUnwrapErr()).toEqual(refused);
  expect((await openInventory(path, HOLDER))._unsafeUnwrapErr()).toEqual(refused);
});

test("the digest of each schema is that of the migrations up to it", async () => {
  const digests: Record<string, string> = {};
  const names = Object.keys(MIGRATIONS).toSorted();
  for (const [index, last] of names.entries()) {
    const sqlite = new Database(":memory:");
    const migrations = Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => names.indexOf(name) <= index));
    const kysely = new Kysely<unknown>({ dialect: new BunSqliteDialect({ database: sqlite }) });
    await new Migrator({ db: kysely, provider: { getMigrations: async () => migrations } }).migrateToLatest();
    // What SQLite learns for itself does not count.
    sqlite.run("analyze");
    digests[last] = schemaDigest(sqlite);
    sqlite.close();
  }
  expect(digests).toEqual({ ...SCHEMA_DIGESTS });
});
