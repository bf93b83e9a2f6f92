/** Damage is what is found twice, in a file that can be read to its end. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { Scratch } from "../testing/mod.ts";
import { damageOf, isDamage } from "./_damage.ts";
import { openScratchInventory } from "./_for-tests.ts";

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
