/** Whole files in the place of an inventory, with something wrong in their bytes: a check comes to an end and says so, or the inventory can be used. */
import { expect } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { fuzzTest, mutate, mutations, Scratch } from "../testing/mod.ts";
import { declareData, differenceOf, evidence, foundIn, HOLDER, imported, openScratchInventory, scanned } from "./_for-tests.ts";
import { checkInventory } from "./check.ts";
import { openInventory } from "./open.ts";
import { readTallies, recount } from "./tally.ts";

/** Each case writes a file and reads all of it. */
const SHARE = 0.005;
const SIDES = ["", "-wal", "-shm", ".lock"];

/** An inventory with rows in most tables. */
async function filledInventory(): Promise<Uint8Array> {
  using scratch = new Scratch();
  const inventory = await openScratchInventory(scratch);
  const declared = await declareData(inventory, ["/r", "/s"]);
  const files = Array.from({ length: 40 }, (_, index) => ({ name: `file-${index}`, evidence: evidence(index) }));
  await scanned(inventory, declared, [differenceOf("/data/x", files), differenceOf("/data/y", files)]);
  await imported(inventory, "/r", foundIn("/data/x", files, "exao1/data/x"));
  const { path } = inventory;
  inventory.close();
  return readFileSync(path);
}

const whole = await filledInventory();

fuzzTest(
  "an inventory is damaged, or can be used",
  fc.asyncProperty(mutations(6), async (what) => {
    using scratch = new Scratch();
    const path = scratch.path("inventory.db");
    writeFileSync(path, mutate(whole, what, []));
    const checked = checkInventory(path);
    if (checked.isErr() || checked.value.problems.length > 0) return;
    for (const side of SIDES.slice(1)) rmSync(path + side, { force: true });
    const inventory = (await openInventory(path, HOLDER))._unsafeUnwrap();
    expect(recount(inventory)).toEqual(readTallies(inventory));
    inventory.close();
  }),
  SHARE,
);
