/** A database that somebody else has prepared: what would run by itself when it is asked or written is refused, before it is. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { Scratch } from "../testing/mod.ts";
import { HOLDER, openScratchInventory } from "./_for-tests.ts";
import { checkInventory } from "./check.ts";
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
