/** Damage is what is found twice, in a file that can be read to its end. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { Scratch } from "../testing/mod.ts";
import { damageOf, isDamage } from "./_damage.ts";
import { openScratchInventory } from "./_for-tests.ts";
import { openInventory } from "./open.ts";

test.each([
  ["*** in database main ***\nTree 30 page 30: unable to get the page. error code=266", false],
  ["*** in database main ***\nTree 4 page 4: unable to get the page. error code=7", false],
  ["*** in database main ***\nTree 4 page 4: unable to get the page. error code=11", true],
  ["*** in database main ***\nTree 4 page 4: btreeInitPage() returns error code 11", true],
  ["*** in database main ***\nTree 4 page 4 cell 0: Rowid 5 out of order", true],
])("%j is damage: %p", (found, damage) => expect(isDamage(found)).toBe(damage));

test("what was seen once is looked at again: a whole file, one that is none, one that cannot be read", async () => {
  using scratch = new Scratch();
  const inventory = await openScratchInventory(scratch);
  expect(damageOf(inventory.path, "malformed")).toMatchObject({ kind: "inventory-unusable" });
  inventory.close();
  writeFileSync(scratch.path("none"), "no database, however long one looks at it\n".repeat(100));
  expect(damageOf(scratch.path("none"), "malformed")).toMatchObject({ kind: "inventory-damaged", detail: "malformed" });
  expect(damageOf(scratch.folder, "malformed")).toMatchObject({ kind: "inventory-unusable" });
});

test("a page that the first look needs is damaged after a clean end: that is told, and the lock is given up", async () => {
  using scratch = new Scratch();
  const path = scratch.path("inventory.db");
  (await openScratchInventory(scratch)).close();
  const sqlite = new Database(path, { readonly: true });
  const pages = sqlite
    .query<{ page: number }, []>("select rootpage as page from sqlite_master where tbl_name = 'identity'")
    .all();
  const { page_size } = sqlite.query<{ page_size: number }, []>("pragma page_size").get() ?? { page_size: 0 };
  sqlite.close();
  // Another disk's doing: by its time nobody has touched the file since the clean end.
  execFileSync("touch", ["-r", path, scratch.path("reference")]);
  const file = openSync(path, "r+");
  for (const { page } of pages) writeSync(file, Buffer.alloc(page_size, 0xff), 0, page_size, (page - 1) * page_size);
  closeSync(file);
  execFileSync("touch", ["-r", scratch.path("reference"), path]);
  for (const _ of [1, 2]) {
    const opened = await openInventory(path, { command: "test", pid: process.pid, hostname: "h", since: "" });
    expect(opened._unsafeUnwrapErr()).toMatchObject({ kind: "inventory-damaged", path });
  }
});
