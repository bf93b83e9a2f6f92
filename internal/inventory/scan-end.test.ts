/** Absence needs proof, and a large loss needs an operator. */
import { expect, test } from "bun:test";
import { declareData, differenceOf, directoryId, evidence, idsIn, must, REPORT, scanned, withInventory } from "./_for-tests.ts";
import type { Declared } from "./declare.ts";
import type { WritableInventory } from "./inventory.ts";
import { findFileOrigins } from "./queries.ts";
import { beginScan, commitDifferences } from "./scan-commit.ts";
import { knownDirectory, knownFiles, knownSubdirectories } from "./snapshot.ts";
import { readTallies, recount } from "./tally.ts";

const TEN = Array.from({ length: 10 }, (_, index) => ({ name: `f${index}`, evidence: evidence(index) }));

const stateOf = (inventory: WritableInventory, path: string) => findFileOrigins(inventory, path)[0]?.state;

test("files that vanish become absent with their last evidence, once the scan is complete", async () => {
  await withInventory([], async (inventory, declared) => {
    await scanned(inventory, declared, [differenceOf("/data", TEN)]);
    const gone = idsIn(inventory, "/data").get("f3");
    if (gone === undefined) throw new Error("f3 is not there");
    expect(await scanned(inventory, declared, [differenceOf("/data", [], { vanished: [gone] })], { maxLoss: 0.2 })).toEqual({
      kind: "complete",
      absent: 1,
    });
    expect(findFileOrigins(inventory, "/data/f3")[0]).toMatchObject({ state: "absent", evidence: evidence(3) });
    expect(stateOf(inventory, "/data/f4")).toBe("settled");
  });
});

test("more than the share freezes everything, keeps saying since when, and thaws when it is accepted", async () => {
  await withInventory([], async (inventory, declared) => {
    await scanned(inventory, declared, [differenceOf("/data", TEN)]);
    const gone = [...idsIn(inventory, "/data").values()].slice(0, 3);
    const difference = differenceOf("/data", [{ name: "new", evidence: evidence(1) }], { vanished: gone });
    expect(await scanned(inventory, declared, [difference], { maxLoss: 0.2, at: 5_000 })).toMatchObject({
      kind: "frozen",
      lost: 3,
      known: 10,
      since: 5_000,
    });
    expect(readTallies(inventory).origins).toMatchObject([{ state: "settled", files: 11 }]);
    expect(stateOf(inventory, "/data/new")).toBe("settled");
    expect(await scanned(inventory, declared, [difference], { maxLoss: 0.2, at: 9_000 })).toMatchObject({ since: 5_000 });
    expect(await scanned(inventory, declared, [difference], { maxLoss: 0.2, acceptLoss: true })).toEqual({
      kind: "complete",
      absent: 3,
    });
    expect(stateOf(inventory, "/data/f0")).toBe("absent");
  });
});

test("what comes in, with the scan or after it, makes no loss smaller", async () => {
  await withInventory([], async (inventory, declared) => {
    const many = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => ({ name: `new${from + index}`, evidence: evidence(1) }));
    await scanned(inventory, declared, [differenceOf("/data", TEN)]);
    const gone = [...idsIn(inventory, "/data").values()].slice(0, 3);
    const settings = { maxLoss: 0.2, at: 5_000 };
    // Another disk is mounted there, with many more files.
    expect(await scanned(inventory, declared, [differenceOf("/data", many(0, 100), { vanished: gone })], settings)).toMatchObject(
      {
        kind: "frozen",
        lost: 3,
        known: 10,
      },
    );
    // Somebody goes on writing there.
    expect(
      await scanned(inventory, declared, [differenceOf("/data", many(100, 50), { vanished: gone })], settings),
    ).toMatchObject({
      kind: "frozen",
      lost: 3,
      known: 10,
    });
    // The right disk is back.
    expect(await scanned(inventory, declared, [], settings)).toMatchObject({ kind: "complete", absent: 0 });
    expect(await scanned(inventory, declared, [differenceOf("/data", [], { vanished: gone })], settings)).toMatchObject({
      kind: "complete",
      absent: 3,
    });
  });
});

test("a brake that was measured by nothing is measured anew", async () => {
  await withInventory([], async (inventory, declared) => {
    await scanned(inventory, declared, [differenceOf("/data", TEN)]);
    const report = JSON.stringify({ ...REPORT, brakeBase: 0 });
    inventory.run(inventory.kysely.updateTable("data_directory").set({ frozen_at: 5_000, scan_report: report }));
    const gone = [...idsIn(inventory, "/data").values()];
    const losing = (count: number) =>
      scanned(inventory, declared, [differenceOf("/data", [], { vanished: gone.slice(0, count) })], { maxLoss: 0.2 });
    expect(await losing(3)).toMatchObject({ kind: "frozen", lost: 3, known: 10, since: 5_000 });
    expect(await losing(1)).toEqual({ kind: "complete", absent: 1 });
  });
});

test("a loss is measured by what other declarations have left below the path, broken-off scans or not", async () => {
  await withInventory([], async (inventory) => {
    await scanned(inventory, await declareData(inventory, [], ["/data"]), [
      differenceOf("/data", TEN),
      differenceOf("/data/a", TEN),
      differenceOf("/data/a/b", TEN),
      differenceOf("/data/a-b", TEN),
    ]);
    const known = async ({ dataDirectories: [one] }: Declared): Promise<number> => {
      if (one === undefined) throw new Error("no data directory");
      return must(beginScan(inventory, one));
    };
    const narrow = await declareData(inventory, [], ["/data/a"]);
    expect(await known(narrow)).toBe(20);
    // Broken off after the first directory.
    const [inner] = narrow.dataDirectories;
    if (inner === undefined) throw new Error("no data directory");
    await must(commitDifferences(inventory, inner, [differenceOf("/data/a", [])], 1_000));
    expect(await known(narrow)).toBe(20);
    await scanned(inventory, narrow, [differenceOf("/data/a", []), differenceOf("/data/a/b", [])]);
    expect(await known(narrow)).toBe(20);
    // Back: what is the wider one's now has to miss the whole of the other where it is gone.
    const again = await declareData(inventory, [], ["/data"]);
    expect(await known(again)).toBe(40);
    expect(knownSubdirectories(inventory, directoryId(inventory, "/data")).map(({ path }) => path)).toEqual([
      "/data/a",
      "/data/a-b",
    ]);
    const missing = differenceOf("/data", [], { vanishedDirectories: [directoryId(inventory, "/data/a")] });
    expect(await scanned(inventory, again, [missing], { maxLoss: 0.4 })).toMatchObject({ kind: "frozen", lost: 20, known: 40 });
    // Not more than half of all, but the whole of one that was declared.
    const former = { kind: "frozen", former: "/data/a", lost: 20, known: 20 };
    expect(await scanned(inventory, again, [missing], { maxLoss: 0.5 })).toMatchObject(former);
    const accepted = { maxLoss: 0.5, acceptLoss: true };
    expect(await scanned(inventory, again, [missing], accepted)).toEqual({ kind: "complete", absent: 20 });
    expect(await known(again)).toBe(20);
    expect(readTallies(inventory)).toEqual(recount(inventory));
  });
});

test("a directory that vanishes takes everything below it along, and each file counts for the brake", async () => {
  await withInventory([], async (inventory, declared) => {
    await scanned(inventory, declared, [
      differenceOf("/data", TEN),
      differenceOf("/data/a", TEN),
      differenceOf("/data/a/b", TEN),
    ]);
    const gone = differenceOf("/data", [], { vanishedDirectories: [directoryId(inventory, "/data/a")] });
    expect(await scanned(inventory, declared, [gone], { maxLoss: 0.5 })).toMatchObject({ kind: "frozen", lost: 20, known: 30 });
    expect(await scanned(inventory, declared, [gone], { maxLoss: 0.7 })).toEqual({ kind: "complete", absent: 20 });
    expect(stateOf(inventory, "/data/a/b/f9")).toBe("absent");
    // It comes back: the directory and what is in it.
    await scanned(inventory, declared, [differenceOf("/data/a/b", TEN.slice(0, 2))]);
    expect(stateOf(inventory, "/data/a/b/f1")).toBe("settled");
    expect(stateOf(inventory, "/data/a/b/f2")).toBe("absent");
  });
});

test("what an unfinished scan noted as vanished is forgotten by the next one", async () => {
  await withInventory([], async (inventory, declared) => {
    await scanned(inventory, declared, [differenceOf("/data", TEN)]);
    const [dataDirectory] = declared.dataDirectories;
    if (dataDirectory === undefined) throw new Error("no data directory");
    const vanished = [...idsIn(inventory, "/data").values()];
    await commitDifferences(inventory, dataDirectory, [differenceOf("/data", [], { vanished })], 1);
    await beginScan(inventory, dataDirectory);
    expect(await scanned(inventory, declared, [])).toEqual({ kind: "complete", absent: 0 });
    expect(readTallies(inventory).origins).toMatchObject([{ state: "settled", files: 10 }]);
  });
});

test("a known directory gives its files to the scan, tombstones too; one of another data directory is to be written anew", async () => {
  await withInventory([], async (inventory, declared) => {
    await scanned(inventory, declared, [differenceOf("/data/a", TEN)]);
    const [dataDirectory] = declared.dataDirectories;
    if (dataDirectory === undefined) throw new Error("no data directory");
    const known = knownDirectory(inventory, dataDirectory.host, dataDirectory.id, "/data/a");
    expect(known).toMatchObject({ asExpected: true });
    expect(knownFiles(inventory, directoryId(inventory, "/data/a"), 100)).toHaveLength(10);
    expect(knownFiles(inventory, directoryId(inventory, "/data/a"), 3)).toHaveLength(3);
    expect(knownDirectory(inventory, dataDirectory.host, dataDirectory.id, "/data/none")).toBeUndefined();
    const wider = await declareData(inventory, [], ["/data/a"]);
    const [inner] = wider.dataDirectories;
    if (inner === undefined) throw new Error("no data directory");
    expect(knownDirectory(inventory, inner.host, inner.id, "/data/a")).toMatchObject({ asExpected: false });
    await scanned(inventory, wider, [differenceOf("/data/a", [])]);
    expect(readTallies(inventory).origins).toMatchObject([{ dataDirectory: inner.id, state: "settled", files: 10 }]);
  });
});

test("a new directory right below the data directory / has that for its parent", async () => {
  await withInventory([], async (inventory) => {
    const declared = await declareData(inventory, [], ["/"]);
    await scanned(inventory, declared, [differenceOf("/new/deep", TEN)]);
    expect(stateOf(inventory, "/new/deep/f1")).toBe("settled");
    expect(directoryId(inventory, "/new")).toBeGreaterThan(0);
  });
});
