/** Opening: one writer, checked, migrated; and what the file costs. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { Compilable, Kysely, Migration } from "kysely";
import { Scratch } from "../testing/mod.ts";
import { declareData, differenceOf, evidence, HOLDER, must, openScratchInventory, scanned, withInventory } from "./_for-tests.ts";
import { migrate } from "./_migrate.ts";
import { growingPage } from "./growing.ts";
import { MIGRATIONS } from "./migrations/mod.ts";
import type { DataDirectoryId, ReplicaId } from "./model.ts";
import { openInventory, openInventoryForReading, readHolder } from "./open.ts";
import { changedPage, dueAttempts, NOT_CURRENT, overduePage } from "./pending-queries.ts";

test("one at a time; the second is told who; readers are welcome", async () => {
  using scratch = new Scratch();
  const path = scratch.path("inventory.db");
  expect(openInventoryForReading(path)._unsafeUnwrapErr()).toEqual({ kind: "inventory-missing", path });
  const inventory = await openScratchInventory(scratch);
  const second = (await openInventory(path, HOLDER))._unsafeUnwrapErr();
  expect(second).toMatchObject({ kind: "inventory-locked", path, holder: expect.stringContaining(`process ${process.pid}`) });
  expect(readHolder(path)).toEqual(HOLDER);
  openInventoryForReading(path)._unsafeUnwrap().close();
  inventory.close();
  inventory.close();
  expect(readHolder(path)).toBeUndefined();
  const log = `${path}-wal`;
  expect(existsSync(log) ? statSync(log).size : 0).toBe(0);
  (await openScratchInventory(scratch)).close();
});

test("a new inventory lies in one file once it is closed, whether garbage was collected or not", async () => {
  using scratch = new Scratch();
  const path = scratch.path("inventory.db");
  (await openScratchInventory(scratch)).close();
  expect(existsSync(`${path}-wal`)).toBe(false);
  expect(existsSync(`${path}-shm`)).toBe(false);
});

test("a transaction that throws leaves nothing: no row, no tally, no revision", async () => {
  await withInventory([], async (inventory, declared) => {
    await scanned(inventory, declared, [differenceOf("/data", [{ name: "x", evidence: evidence(1) }])]);
    const before = [inventory.revision, inventory.all(inventory.kysely.selectFrom("tally").selectAll())];
    // A broken rule of the schema is a bug, and thrown as one.
    const breaking = () =>
      inventory.write((transaction) => {
        transaction.nextRevision();
        inventory.run(inventory.kysely.deleteFrom("file_origin"));
        inventory.run(inventory.kysely.insertInto("host").values({ name: "exao1", declared: 1 }));
      });
    expect(breaking).toThrow("UNIQUE");
    expect([inventory.revision, inventory.all(inventory.kysely.selectFrom("tally").selectAll())]).toEqual(before);
    expect(inventory.all(inventory.kysely.selectFrom("file_origin").select("name"))).toEqual([{ name: "x" }]);
  });
});

test("a migration saves the database beside itself first, and one that fails is told", async () => {
  using scratch = new Scratch();
  const path = scratch.path("inventory.db");
  const inventory = await openScratchInventory(scratch);
  await declareData(inventory, ["/r"]);
  inventory.close();
  const next: Migration = {
    up: async (kysely: Kysely<unknown>) => kysely.schema.createTable("extra").addColumn("x", "text").execute(),
  };
  const broken: Migration = {
    up: async (kysely: Kysely<unknown>) => kysely.schema.createTable("extra").addColumn("y", "text").execute(),
  };
  const sqlite = new Database(path);
  expect((await migrate(path, sqlite, { ...MIGRATIONS, "0098-next": next })).isOk()).toBe(true);
  const saved = new Database(`${path}.before-0098-next`, { readonly: true });
  expect(saved.query("select url from replica").all()).toEqual([{ url: "/r" }]);
  saved.close();
  // Wrong SQL is a bug, and thrown as one.
  await expect(migrate(path, sqlite, { ...MIGRATIONS, "0098-next": next, "0099-broken": broken })).rejects.toThrow("extra");
  expect(existsSync(`${path}.before-0099-broken`)).toBe(true);
  sqlite.close();
  // This program does not know 0002: it keeps its hands off.
  expect((await openInventory(path, HOLDER))._unsafeUnwrapErr()).toEqual({
    kind: "inventory-newer",
    path,
    migration: "0098-next",
  });
});

test("a file that is no database is damaged, and an empty one is new", async () => {
  using scratch = new Scratch();
  const path = scratch.path("inventory.db");
  writeFileSync(path, "this is a text, and long enough to be looked at as one".repeat(200));
  const before = readFileSync(path);
  expect((await openInventory(path, HOLDER))._unsafeUnwrapErr()).toMatchObject({ kind: "inventory-damaged", path });
  expect(readFileSync(path).equals(before)).toBe(true);
  writeFileSync(path, "");
  (await must(openInventory(path, HOLDER))).close();
});

test("sizes and times beyond 2^53 nanoseconds, before 1970 and far ahead come back as they were", async () => {
  await withInventory([], async (inventory, declared) => {
    const far = [evidence(2 ** 53 - 1, -(2 ** 40), 999_999_999), evidence(0, 2 ** 45, 0), evidence(8 * 2 ** 40, -1, 1)];
    await scanned(inventory, declared, [
      differenceOf(
        "/data",
        far.map((one, index) => ({ name: String(index), evidence: one })),
      ),
    ]);
    const { findFileOrigins } = await import("./queries.ts");
    for (const [index, one] of far.entries()) expect(findFileOrigins(inventory, `/data/${index}`)[0]?.evidence).toEqual(one);
  });
});

test("a file costs few bytes: its directory's path is stored once", async () => {
  using scratch = new Scratch();
  const inventory = await openScratchInventory(scratch);
  const declared = await declareData(inventory, []);
  const files = 20_000;
  const directory = `/data/${"a long name of a directory/".repeat(8)}`.slice(0, -1);
  const names = Array.from({ length: files }, (_, index) => ({
    name: `camwfs_2026110108201512${index}.xrif`,
    evidence: evidence(index, 1_793_000_000),
  }));
  await scanned(inventory, declared, [differenceOf(directory, names)]);
  inventory.close();
  expect(statSync(scratch.path("inventory.db")).size / files).toBeLessThan(200);
});

test("the queries of the hot paths use their indexes", async () => {
  using scratch = new Scratch();
  const inventory = await openScratchInventory(scratch);
  const sqlOf = (query: Compilable): string => query.compile().sql.replaceAll("?", "1");
  const replica = 1 as ReplicaId;
  const changed = sqlOf(changedPage(inventory.kysely, replica, 5, 10, 100, 0, 1 << 20, ""));
  const due = sqlOf(dueAttempts(inventory.kysely, replica, 5, 1, 9, 100));
  const growing = sqlOf(growingPage(inventory.kysely, 1 as DataDirectoryId, 5, 100));
  const overdue = sqlOf(overduePage(inventory.kysely, replica, 5, 6, 7, 100, 0, 1 << 20, ""));
  const notCurrent = NOT_CURRENT.map((query) => sqlOf(query(inventory.kysely, replica, 5, 100)));
  inventory.close();
  const sqlite = new Database(scratch.path("inventory.db"), { readonly: true });
  // A text for people, in which only the words SCAN and SEARCH matter.
  const planOf = (text: string): string => JSON.stringify(sqlite.query(`explain query plan ${text}`).all());
  expect(planOf(changed)).toContain("file_origin_revision (revision>? AND revision<?)");
  expect(planOf(changed)).not.toContain("SCAN");
  // The mark of an unfinished scan, for each file that has a copy.
  expect(planOf(changed)).toContain("SEARCH c USING COVERING INDEX sqlite_autoindex_counter_1 (name=?)");
  expect(planOf(due)).toContain("attempt_due (replica_id=? AND next_at>? AND next_at<?)");
  for (const query of [growing, overdue]) expect(planOf(query)).toContain("file_origin_growing");
  expect(planOf("select * from file_origin where directory_id = 1 limit 5")).not.toContain("SCAN");
  for (const query of notCurrent)
    expect(planOf(query)).toContain("file_replica_not_current (state=? AND replica_id=? AND file_origin_id>?)");
  sqlite.close();
});
