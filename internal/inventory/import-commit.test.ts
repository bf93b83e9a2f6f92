/** What a backup tells is added to what is known, and never set against it. */
import { describe, expect, test } from "bun:test";
import {
  declareData,
  differenceOf,
  directoryId,
  evidence,
  foundIn,
  idsIn,
  imported,
  must,
  type Seen,
  scanned,
  withInventory,
} from "./_for-tests.ts";
import { declaredReplicas } from "./declare.ts";
import { findingsAt, nextCopies } from "./evidence-queries.ts";
import { commitFound, endImport, endImportOf } from "./import-commit.ts";
import { importedAt, importProgress, knownInDirectory } from "./import-queries.ts";
import type { WritableInventory } from "./inventory.ts";
import { pendingPage, startOfPending } from "./pending.ts";
import { copiesOf, findFileOrigins } from "./queries.ts";
import { knownSubdirectories } from "./snapshot.ts";
import { readTallies, recount } from "./tally.ts";

const FILES: readonly Seen[] = [
  { name: "x", evidence: evidence(10) },
  { name: "y", evidence: evidence(20) },
];
const ONE = FILES.slice(0, 1);

const replicaOf = (inventory: WritableInventory, url = "/r1") => {
  const found = declaredReplicas(inventory).find((one) => one.url === url);
  if (found === undefined) throw new Error(`no replica ${url}`);
  return found;
};
const originOf = (inventory: WritableInventory, path: string) => findFileOrigins(inventory, path)[0];
const copyOf = (inventory: WritableInventory, path: string, url = "/r1") => {
  const origin = originOf(inventory, path);
  return origin && copiesOf(inventory, origin.id).find((copy) => copy.url === url);
};
const pendingNames = (inventory: WritableInventory, url = "/r1"): string[] => {
  const replica = replicaOf(inventory, url);
  return pendingPage(inventory, replica.id, startOfPending(replica, inventory.revision), 100).files.map(({ name }) => name);
};
const expectTallies = (inventory: WritableInventory): void => expect(readTallies(inventory)).toEqual(recount(inventory));

describe("a copy of a file that nobody has heard of", () => {
  test("makes an imported origin and a current copy without a digest; nothing is pending anywhere", async () => {
    await withInventory(["/r1", "/r2"], async (inventory) => {
      const changes = await imported(inventory, "/r1", foundIn("/data/deep/er", FILES));
      expect(changes).toEqual({ imported: { files: 2, bytes: 30 }, linked: { files: 0, bytes: 0 }, proven: 0, conflicts: [] });
      expect(originOf(inventory, "/data/deep/er/x")).toMatchObject({
        state: "imported",
        evidence: evidence(10),
        dataDirectory: "/data",
      });
      expect(copyOf(inventory, "/data/deep/er/x")).toMatchObject({ state: "current", imported: "unconfirmed", createdAt: 7_000 });
      expect(copyOf(inventory, "/data/deep/er/x")?.digest).toBeUndefined();
      expect([pendingNames(inventory, "/r1"), pendingNames(inventory, "/r2")]).toEqual([[], []]);
      expect(await imported(inventory, "/r1", foundIn("/data/deep/er", FILES))).toMatchObject({ imported: { files: 0 } });
      expectTallies(inventory);
    });
  });

  test("outside every data directory belongs to the host's /, and survives another declaration", async () => {
    await withInventory(["/r1"], async (inventory) => {
      await imported(inventory, "/r1", foundIn("/", ONE), foundIn("/etc/deep", ONE));
      expect(originOf(inventory, "/x")).toMatchObject({ dataDirectory: "/", declared: false });
      expect(originOf(inventory, "/etc/deep/x")).toMatchObject({ state: "imported", dataDirectory: "/", declared: false });
      await declareData(inventory, ["/r1"], ["/elsewhere"]);
      expect(originOf(inventory, "/etc/deep/x")).toMatchObject({ state: "imported" });
      expect(copyOf(inventory, "/etc/deep/x")).toMatchObject({ state: "current" });
      expectTallies(inventory);
    });
  });

  test("outside every data directory is taken over by the scan of one that is declared later", async () => {
    await withInventory(["/r1"], async (inventory) => {
      await imported(
        inventory,
        "/r1",
        foundIn("/etc", ONE),
        foundIn("/etc/deep", FILES),
        foundIn("/etc/gone", FILES),
        foundIn("/var", ONE),
      );
      const declared = await declareData(inventory, ["/r1"], ["/etc"]);
      const gone = directoryId(inventory, "/etc/gone");
      await scanned(inventory, declared, [
        differenceOf("/etc", ONE, { vanishedDirectories: [gone] }),
        differenceOf("/etc/deep", FILES),
      ]);
      expectTallies(inventory);
      expect(originOf(inventory, "/etc/deep/y")).toMatchObject({ state: "settled", dataDirectory: "/etc", declared: true });
      expect(copyOf(inventory, "/etc/deep/y")).toMatchObject({ state: "current", imported: "confirmed" });
      expect(originOf(inventory, "/etc/gone/y")?.state).toBe("absent");
      expect(originOf(inventory, "/var/x")?.state).toBe("imported");
      expect(pendingNames(inventory)).toEqual([]);
    });
  });

  test("in a directory that is gone is looked for again by the next scan", async () => {
    await withInventory(["/r1"], async (inventory, declared) => {
      await scanned(inventory, declared, [differenceOf("/data", ONE), differenceOf("/data/a/b", ONE)]);
      const gone = { vanishedDirectories: [directoryId(inventory, "/data/a")] };
      await scanned(inventory, declared, [differenceOf("/data", [], gone)]);
      await imported(inventory, "/r1", foundIn("/data/a/b", [{ name: "z", evidence: evidence(3) }]));
      const data = directoryId(inventory, "/data");
      expect(knownSubdirectories(inventory, data).map(({ path }) => path)).toEqual(["/data/a"]);
      await scanned(inventory, declared, [differenceOf("/data", [], gone)]);
      expect(originOf(inventory, "/data/a/b/z")?.state).toBe("absent");
      expectTallies(inventory);
    });
  });

  test("keeps its place, and what reads it is told of that", async () => {
    await withInventory(["/r1"], async (inventory) => {
      await imported(inventory, "/r1", foundIn("/data", ONE, "aoc/data"));
      expect(copyOf(inventory, "/data/x")).toMatchObject({ place: "aoc/data" });
      const copies = nextCopies(
        inventory,
        replicaOf(inventory).id,
        0,
        { undigested: true },
        { files: 9, bytes: 99, directories: 9 },
      );
      expect(copies).toMatchObject([{ name: "x", place: "aoc/data" }]);
      const again = await imported(inventory, "/r1", foundIn("/data", ONE));
      expect(again.conflicts).toMatchObject([{ path: "exao1/data/x" }]);
    });
  });
});

describe("when the host is scanned", () => {
  test("a file that agrees is settled, and its copy current and confirmed", async () => {
    await withInventory(["/r1"], async (inventory, declared) => {
      await imported(inventory, "/r1", foundIn("/data", FILES));
      await scanned(inventory, declared, [differenceOf("/data", FILES)]);
      expect(originOf(inventory, "/data/x")?.state).toBe("settled");
      expect(copyOf(inventory, "/data/x")).toMatchObject({ state: "current", imported: "confirmed" });
      expect(pendingNames(inventory)).toEqual([]);
      expectTallies(inventory);
    });
  });

  test("a copy with whole seconds agrees, and both times are kept", async () => {
    await withInventory(["/r1", "ssh://far/x/"], async (inventory, declared) => {
      await imported(inventory, "/r1", foundIn("/data", [{ name: "x", evidence: evidence(10, 1_000, 0) }]));
      await imported(inventory, "ssh://far/x/", foundIn("/data", [{ name: "x", evidence: evidence(10, 1_001, 0) }]));
      await scanned(inventory, declared, [differenceOf("/data", [{ name: "x", evidence: evidence(10, 1_000, 7) }])]);
      for (const [url, seconds] of [
        ["/r1", 1_000],
        ["ssh://far/x/", 1_001],
      ] as const) {
        expect(copyOf(inventory, "/data/x", url)).toMatchObject({
          state: "current",
          imported: "confirmed",
          evidence: evidence(10, 1_000, 7),
          kept: { mtimeSeconds: seconds, mtimeNanoseconds: 0 },
        });
      }
      expect(pendingNames(inventory)).toEqual([]);
    });
  });

  test("a copy that does not agree is suspect, says why, and may never be replaced", async () => {
    await withInventory(["/r1"], async (inventory, declared) => {
      await imported(inventory, "/r1", foundIn("/data", ONE));
      await scanned(inventory, declared, [differenceOf("/data", [{ name: "x", evidence: evidence(11) }])]);
      expect(copyOf(inventory, "/data/x")).toMatchObject({ state: "suspect", imported: "unconfirmed" });
      const id = idsIn(inventory, "/data").get("x");
      expect(id && findingsAt(inventory, id)[0]?.message).toContain("the copy has 10 bytes, its origin 11");
      const replica = replicaOf(inventory);
      const [file] = pendingPage(inventory, replica.id, startOfPending(replica, inventory.revision), 9).files;
      expect(file?.copy).toMatchObject({ state: "suspect", untouchable: true });
      // Not by going away and coming back, and not by being what it was.
      const gone = id === undefined ? [] : [id];
      await scanned(inventory, declared, [differenceOf("/data", [], { vanished: gone })], { acceptLoss: true });
      await scanned(inventory, declared, [differenceOf("/data", ONE)]);
      expect(copyOf(inventory, "/data/x")).toMatchObject({ state: "suspect", imported: "unconfirmed" });
      expectTallies(inventory);
    });
  });

  test("one that was taken for gone before it was ever compared is compared when it comes back", async () => {
    await withInventory(["/r1"], async (inventory, declared) => {
      await imported(inventory, "/r1", foundIn("/data", ONE));
      const id = idsIn(inventory, "/data").get("x");
      await scanned(inventory, declared, [differenceOf("/data", [], { vanished: id === undefined ? [] : [id] })]);
      expect(originOf(inventory, "/data/x")?.state).toBe("absent");
      await scanned(inventory, declared, [differenceOf("/data", [{ name: "x", evidence: evidence(11) }])]);
      expect(copyOf(inventory, "/data/x")?.state).toBe("suspect");
      expectTallies(inventory);
    });
  });

  test("what is gone is a tombstone whose copy is kept; however much of it, it holds no brake", async () => {
    await withInventory(["/r1"], async (inventory, declared) => {
      await scanned(inventory, declared, [differenceOf("/data", [{ name: "own", evidence: evidence(1) }])]);
      await imported(inventory, "/r1", foundIn("/data", FILES), foundIn("/data/old", FILES));
      const ids = idsIn(inventory, "/data");
      const vanished = ["x", "y"].flatMap((name) => ids.get(name) ?? []);
      const difference = differenceOf("/data", [], { vanished, vanishedDirectories: [directoryId(inventory, "/data/old")] });
      expect(await scanned(inventory, declared, [difference], { maxLoss: 0.2 })).toEqual({ kind: "complete", absent: 4 });
      expect(originOf(inventory, "/data/old/x")?.state).toBe("absent");
      expect(copyOf(inventory, "/data/old/x")?.state).toBe("current");
      expectTallies(inventory);
    });
  });

  test("a data directory in which nothing at all is found proves nothing about what copies tell of", async () => {
    await withInventory(["/r1"], async (inventory, declared) => {
      await imported(inventory, "/r1", foundIn("/data", FILES));
      const vanished = [...idsIn(inventory, "/data").values()];
      const empty = [differenceOf("/data", [], { vanished })];
      expect(await scanned(inventory, declared, empty, { seen: 0 })).toMatchObject({ kind: "frozen", lost: 2, known: 2 });
      expect(originOf(inventory, "/data/x")?.state).toBe("imported");
      expect(await scanned(inventory, declared, empty, { seen: 0, acceptLoss: true })).toMatchObject({
        kind: "complete",
        absent: 2,
      });
    });
  });

  test("a brake that other files hold keeps the imported ones, too", async () => {
    await withInventory(["/r1"], async (inventory, declared) => {
      await scanned(inventory, declared, [differenceOf("/data", [{ name: "own", evidence: evidence(1) }])]);
      await imported(inventory, "/r1", foundIn("/data", FILES));
      const vanished = [...idsIn(inventory, "/data").values()];
      expect(await scanned(inventory, declared, [differenceOf("/data", [], { vanished })], { maxLoss: 0.2 })).toMatchObject({
        kind: "frozen",
      });
      expect(originOf(inventory, "/data/x")?.state).toBe("imported");
    });
  });
});

describe("a copy of a file that is known", () => {
  test("is linked when it agrees, and is not pending any more", async () => {
    await withInventory(["/r1"], async (inventory, declared) => {
      await scanned(inventory, declared, [differenceOf("/data", FILES)]);
      expect(pendingNames(inventory)).toEqual(["x", "y"]);
      expect(await imported(inventory, "/r1", foundIn("/data", ONE))).toMatchObject({ linked: { files: 1, bytes: 10 } });
      expect(copyOf(inventory, "/data/x")).toMatchObject({ state: "current", imported: "confirmed" });
      expect(originOf(inventory, "/data/x")?.state).toBe("settled");
      expect(pendingNames(inventory)).toEqual(["y"]);
      expectTallies(inventory);
    });
  });

  test("is told as a conflict when it does not, and nothing is written", async () => {
    await withInventory(["/r1"], async (inventory, declared) => {
      await scanned(inventory, declared, [differenceOf("/data", [{ name: "x", evidence: evidence(11) }])]);
      const { conflicts } = await imported(inventory, "/r1", foundIn("/data", ONE));
      expect(conflicts).toEqual([{ path: "exao1/data/x", message: "the copy has 10 bytes, its origin 11 (settled)" }]);
      expect(copyOf(inventory, "/data/x")).toBeUndefined();
      expect(originOf(inventory, "/data/x")).toMatchObject({ state: "settled", evidence: evidence(11) });
    });
  });
});

test("what is known of a directory is the same by rows and name by name", async () => {
  await withInventory(["/r1"], async (inventory) => {
    await imported(inventory, "/r1", foundIn("/data", FILES, "aoc/data"));
    const { id } = replicaOf(inventory);
    const where = { host: "exao1", path: "/data" };
    const held = knownInDirectory(inventory, id, where, 10);
    const asked = knownInDirectory(inventory, id, where, 1);
    for (const name of ["x", "y", "z"]) expect(asked(name)).toEqual(held(name));
    expect(held("x")).toMatchObject({ state: "imported", copy: { place: "aoc/data", looks: evidence(10) } });
    expect(knownInDirectory(inventory, id, { ...where, path: "/nowhere" }, 10)("x")).toBeUndefined();
  });
});

test("the place of an import moves with its rows, and is forgotten at its end", async () => {
  await withInventory(["/r1"], async (inventory) => {
    const replica = replicaOf(inventory);
    const batch = { folder: "exao1", host: "exao1", directories: [foundIn("/data", ONE)], position: "data" };
    await must(commitFound(inventory, replica, batch, 1));
    expect(importProgress(inventory, replica.id)).toEqual([{ folder: "exao1", position: "data", ended: false }]);
    await must(endImportOf(inventory, replica.id, "exao1"));
    expect(importProgress(inventory, replica.id)).toMatchObject([{ folder: "exao1", ended: true }]);
    expect(importedAt(inventory, replica.id)).toBeNull();
    await must(endImport(inventory, replica.id, 77));
    expect([importProgress(inventory, replica.id), importedAt(inventory, replica.id)]).toEqual([[], 77]);
  });
});
