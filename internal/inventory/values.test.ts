/** Values that this program never writes: a copy of the inventory that has one is not whole, and no query stumbles over it. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { Scratch } from "../testing/mod.ts";
import { declareData, differenceOf, evidence, foundIn, imported, must, openScratchInventory, scanned } from "./_for-tests.ts";
import { checkInventory } from "./check.ts";
import { recordEvent } from "./conditions.ts";

/** A statement, and what `inventory check` has to say of it. */
const VALUES: readonly (readonly [statement: string, problem: RegExp])[] = [
  ["update file_origin set size = 'much'", / a size that xtelemdb never writes/],
  ["update file_origin set size = 9223372036854775807", / a size that xtelemdb never writes/],
  ["update file_origin set size = 1.5", / a size that xtelemdb never writes/],
  ["update file_origin set size = -1", /impossible size/],
  ["update file_origin set mtime_seconds = x'00'", / a mtime_seconds that xtelemdb never writes/],
  ["update file_origin set mtime_nanoseconds = 1000000000", /impossible size or time/],
  ["update file_origin set observed_at = 8640000000000001", / a observed_at that xtelemdb never writes/],
  ["update file_replica set verified_at = -8640000000000001", / a verified_at that xtelemdb never writes/],
  ["update file_origin set state = 77", /unknown state/],
  ["update file_replica set state = 77", /unknown state/],
  ["update file_replica set imported = 77", /unknown import state/],
  ["update file_replica set digest = 'x'", / a digest that xtelemdb never writes/],
  ["update file_replica set digest = x'00', digest_algorithm = 7", /digest of an unknown kind/],
  ["update file_origin set name = '..' where id = 1", /a name that is none/],
  ["update file_origin set name = 'a/b' where id = 1", /a name that is none/],
  ["update file_origin set name = '' where id = 1", /a name that is none/],
  ["update file_origin set name = 'a' || char(0) where id = 1", / a name that xtelemdb never writes/],
  ["update file_origin set name = x'2e2e' where id = 1", / a name that xtelemdb never writes/],
  ["update file_origin set name = cast(zeroblob(10000000) as text) where id = 1", / a name that xtelemdb never writes/],
  ["update host set name = '../etc'", /hosts have a name/],
  ["update directory set path = '/data/../../etc' where parent_id is not null", /path that is none/],
  ["update directory set path = 'data' where parent_id is null", /path that is none/],
  ["update directory set path = '/data//x' where parent_id is not null", /path that is none/],
  ["update directory set parent_id = id", /not below the one/],
  ["update directory set path = '/elsewhere' where parent_id is not null", /not below the one/],
  ["update data_directory set path = '/..'", /path that is none/],
  ["insert into place (path) values ('../canary')", /places have a path/],
  ["insert into place (path) values ('/etc')", /places have a path/],
  ["update data_directory set scan_report = 'null'", /report that is none/],
  ["update data_directory set scan_report = '{'", /report that is none/],
  ["update data_directory set scan_report = json_set(scan_report, '$.problems', json('[1]'))", /report that is none/],
  ["delete from identity", /identities/],
  ["insert into identity values ('another')", /identities/],
  [
    "insert into event values (9, 's', 'info', 'r', printf('%.*c', 10000000, 'x'), 1, 0, 0)",
    / a message that xtelemdb never writes/,
  ],
];

async function filledInventory(): Promise<Uint8Array> {
  using scratch = new Scratch();
  const inventory = await openScratchInventory(scratch);
  const declared = await declareData(inventory, ["/r"]);
  await scanned(inventory, declared, [differenceOf("/data/x", [{ name: "x", evidence: evidence(1) }])]);
  await imported(inventory, "/r", foundIn("/data/x", [{ name: "x", evidence: evidence(1) }], "place"));
  inventory.close();
  expect(checkInventory(inventory.path)._unsafeUnwrap().problems).toEqual([]);
  return readFileSync(inventory.path);
}

const whole = await filledInventory();

for (const [statement, problem] of VALUES) {
  test(`a copy of the inventory is not whole after: ${statement}`, () => {
    using scratch = new Scratch();
    const path = scratch.path("inventory.db");
    writeFileSync(path, whole);
    const sqlite = new Database(path);
    sqlite.run(statement);
    sqlite.close();
    expect(checkInventory(path)._unsafeUnwrap().problems.join("\n")).toMatch(problem);
  });
}

test("an inventory of many petabytes, of deep trees and of long stories is whole", async () => {
  using scratch = new Scratch();
  const inventory = await openScratchInventory(scratch);
  const declared = await declareData(inventory, ["/r"]);
  const deep = `/data${`/${"\u{10ff80}".repeat(255)}`.repeat(200)}`;
  const files = Array.from({ length: 1_100 }, (_, index) => ({ name: `f${index}`, evidence: evidence(2 ** 53 - 3) }));
  await scanned(inventory, declared, [differenceOf("/data", files), differenceOf(deep, files.slice(0, 1))]);
  const found = foundIn("/data/x", [{ name: "x", evidence: evidence(1) }], "place");
  await imported(inventory, "/r", { ...found, numbers: found.numbers.map((number, index) => (index === 3 ? 9.2e21 : number)) });
  const story = { subject: "s", severity: "info", reason: "R", message: "\u{1f52d}".repeat(4_000_000) } as const;
  await must(recordEvent(inventory, story, 1));
  inventory.close();
  expect(checkInventory(inventory.path)._unsafeUnwrap().problems).toEqual([]);
});
