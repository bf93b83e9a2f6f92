/** What a full scan has found changed replaces no copy before a scan has ended well: on its way it may walk through another disk. */
import { expect, test } from "bun:test";
import { Scratch } from "../testing/mod.ts";
import { declareData, differenceOf, evidence, HOLDER, idsIn, must, openScratchInventory, REPORT } from "./_for-tests.ts";
import { type DeclaredDataDirectory, declaredDataDirectories, declaredReplicas } from "./declare.ts";
import type { WritableInventory } from "./inventory.ts";
import { openInventory } from "./open.ts";
import { commitOutcomes } from "./outcomes.ts";
import { pendingPage, startOfPending } from "./pending.ts";
import { findFileOrigins } from "./queries.ts";
import { abandonScan, beginScan, commitDifferences, type DirectoryDifference } from "./scan-commit.ts";
import { endScan, type ScanEnd } from "./scan-end.ts";
import { waitsForScan } from "./unproven-changes.ts";

const TEN = Array.from({ length: 10 }, (_, index) => ({ name: `f${index}`, evidence: evidence(index + 1) }));

/** Of these files in a directory, other contents were seen. */
const changed = (path: string, names: readonly string[], size = 100): DirectoryDifference =>
  differenceOf(
    path,
    names.map((name) => ({ name, evidence: evidence(size, 2_000) })),
  );

/** Ten files of each data directory are copied to a replica. */
class Story implements Disposable {
  private constructor(
    private readonly scratch: Scratch,
    public inventory: WritableInventory,
  ) {}

  static async of(...dataDirectories: readonly string[]): Promise<Story> {
    const scratch = new Scratch();
    const story = new Story(scratch, await openScratchInventory(scratch));
    await story.declare(...dataDirectories);
    for (const path of dataDirectories) {
      await story.scan(path, 1_000, differenceOf(path, TEN));
      const ids = idsIn(story.inventory, path);
      const stored = TEN.flatMap((one) => {
        const file = ids.get(one.name);
        return file === undefined
          ? []
          : [{ file, evidence: one.evidence, digest: { algorithm: "sha256", bytes: new Uint8Array(32) } as const }];
      });
      await must(commitOutcomes(story.inventory, story.#replica.id, { stored, failed: [], finished: [] }, 1_500));
    }
    expect(story.pending()).toEqual([]);
    return story;
  }

  async declare(...dataDirectories: readonly string[]): Promise<void> {
    await declareData(this.inventory, ["/r"], dataDirectories);
  }

  get #replica() {
    const [replica] = declaredReplicas(this.inventory);
    if (replica === undefined) throw new Error("no replica");
    return replica;
  }

  dataDirectory(path: string): DeclaredDataDirectory {
    const found = declaredDataDirectories(this.inventory).find((one) => one.path === path);
    if (found === undefined) throw new Error(`${path} is not declared`);
    return found;
  }

  /** The names of all that would be copied now. */
  pending(): string[] {
    const names: string[] = [];
    for (let cursor = startOfPending(this.#replica, this.inventory.revision); cursor.phase !== "end"; ) {
      const { files, next } = pendingPage(this.inventory, this.#replica.id, cursor, 3);
      names.push(...files.map(({ name }) => name));
      cursor = next;
    }
    return names.toSorted();
  }

  /** What `explain` is told. */
  waits(path: string): boolean {
    const [origin] = findFileOrigins(this.inventory, path);
    if (origin === undefined) throw new Error(`${path} is not known`);
    return waitsForScan(this.inventory, this.dataDirectory(origin.dataDirectory).id, origin.observedAt);
  }

  /** A full scan, as far as that; the files that were known before it. */
  async begin(path: string, at: number, ...differences: readonly DirectoryDifference[]): Promise<number> {
    const known = await must(beginScan(this.inventory, this.dataDirectory(path)));
    await must(commitDifferences(this.inventory, this.dataDirectory(path), differences, at + 1, at));
    return known;
  }

  end(path: string, startedAt: number, knownBefore: number): Promise<ScanEnd> {
    const settings = { startedAt, maxLoss: 0.2, acceptLoss: false, knownBefore };
    return must(endScan(this.inventory, this.dataDirectory(path), { ...REPORT, files: 1 }, settings));
  }

  async scan(path: string, at: number, ...differences: readonly DirectoryDifference[]): Promise<ScanEnd> {
    return this.end(path, at, await this.begin(path, at, ...differences));
  }

  /** What a look at a single directory finds. */
  async look(path: string, at: number, difference: DirectoryDifference): Promise<void> {
    await must(commitDifferences(this.inventory, this.dataDirectory(path), [difference], at));
  }

  async reopen(): Promise<void> {
    this.inventory.close();
    this.inventory = await must(openInventory(this.scratch.path("inventory.db"), HOLDER));
  }

  [Symbol.dispose](): void {
    this.inventory.close();
    this.scratch[Symbol.dispose]();
  }
}

test("what a scan finds changed waits for its end; what is new, or what a look finds, does not", async () => {
  using story = await Story.of("/data");
  const known = await story.begin("/data", 5_000, changed("/data", ["f1", "f2", "new"]));
  expect(story.pending()).toEqual(["new"]);
  expect([story.waits("/data/f1"), story.waits("/data/f3")]).toEqual([true, false]);
  await story.look("/data", 5_500, changed("/data", ["f3"]));
  // It was new in the same scan: nothing was in doubt.
  await story.look("/data", 5_501, changed("/data", ["new"], 101));
  expect(story.waits("/data/new")).toBe(false);
  expect(story.pending()).toEqual(["f3", "new"]);
  await story.end("/data", 5_000, known);
  expect(story.waits("/data/f1")).toBe(false);
  expect(story.pending()).toEqual(["f1", "f2", "f3", "new"]);
});

test("a look in between takes nothing out of doubt: another disk has growing files, too", async () => {
  using story = await Story.of("/data");
  const growing = { name: "f1", evidence: evidence(100, 2_000), settled: false };
  const known = await story.begin("/data", 5_000, differenceOf("/data", [growing]));
  await story.look("/data", 6_000, changed("/data", ["f1"]));
  await story.look("/data", 7_000, changed("/data", ["f1"], 101));
  expect(story.pending()).toEqual([]);
  await story.end("/data", 5_000, known);
  expect(story.pending()).toEqual(["f1"]);
});

test("a scan that is given up or killed leaves its doubt behind, until another ends well", async () => {
  using story = await Story.of("/data");
  await story.begin("/data", 5_000, changed("/data", ["f1"]));
  await must(abandonScan(story.inventory, story.dataDirectory("/data").id));
  expect(story.pending()).toEqual([]);
  await story.begin("/data", 6_000, changed("/data", ["f2"]));
  await story.reopen();
  expect(story.pending()).toEqual([]);
  const known = await story.begin("/data", 7_000, changed("/data", ["f3"]));
  expect(story.pending()).toEqual([]);
  await story.end("/data", 7_000, known);
  expect(story.pending()).toEqual(["f1", "f2", "f3"]);
});

test("a scan that the brake holds has not ended well; the next one that does finds no difference", async () => {
  using story = await Story.of("/data");
  const gone = [...idsIn(story.inventory, "/data").values()].slice(5);
  const missing = differenceOf("/data", [], { vanished: gone });
  expect(await story.scan("/data", 5_000, changed("/data", ["f1", "f2"]), missing)).toMatchObject({ kind: "frozen" });
  expect(story.pending()).toEqual([]);
  await story.begin("/data", 6_000);
  expect(story.pending()).toEqual([]);
  expect(await story.scan("/data", 7_000)).toMatchObject({ kind: "complete" });
  expect(story.pending()).toEqual(["f1", "f2"]);
});

test("each data directory waits for its own scan, also where both began at the same moment", async () => {
  using story = await Story.of("/data", "/other");
  const known = await story.begin("/data", 5_000, changed("/data", ["f1"]));
  await story.begin("/other", 5_000, changed("/other", ["f2"]));
  await story.end("/data", 5_000, known);
  expect(story.pending()).toEqual(["f1"]);
});

test("a data directory around a former one takes over what was in doubt there, and its freeze", async () => {
  using story = await Story.of("/data/a", "/data/b");
  const gone = [...idsIn(story.inventory, "/data/a").values()].slice(5);
  const missing = differenceOf("/data/a", [], { vanished: gone });
  expect(await story.scan("/data/a", 5_000, changed("/data/a", ["f1"]), missing)).toMatchObject({ kind: "frozen" });
  await story.look("/data/a", 5_500, changed("/data/a", ["f2"]));
  await story.begin("/data/b", 6_000, changed("/data/b", ["f3"]));
  await story.declare("/data");
  // Listed anew, the directories are those of another data directory.
  const known = await story.begin(
    "/data",
    7_000,
    differenceOf("/data", []),
    differenceOf("/data/a", []),
    differenceOf("/data/b", []),
  );
  expect(story.inventory.all(story.inventory.kysely.selectFrom("directory").select("data_directory_id").distinct())).toHaveLength(
    1,
  );
  expect(story.pending()).toEqual([]);
  expect([story.waits("/data/a/f2"), story.waits("/data/b/f3")]).toEqual([true, true]);
  expect(await story.end("/data", 7_000, known)).toMatchObject({ kind: "complete" });
  expect(story.pending()).toEqual(["f1", "f2", "f3"]);
});
