/** After a scan the inventory says what is on the disk, whatever was there before; and a scan that finds no change says nothing. */
import { expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import {
  commitDifferences,
  type DirectoryDifference,
  declare,
  endScan,
  findFileOrigins,
  openInventory,
  type WritableInventory,
} from "../inventory/mod.ts";
import { Scratch } from "../testing/mod.ts";
import { type ListableVolume, openLocalVolume } from "../volume/mod.ts";
import { DirectoryScan } from "./directory-scan.ts";
import { ExcludePatterns } from "./exclude-patterns.ts";
import { emptyCounts } from "./scan-sink.ts";

const HOLDER = { command: "test", pid: process.pid, hostname: "exao1", since: "2026-11-01T00:00:00.000Z" };
const RULE = { now: 2_000_000_000, settleSeconds: 10 };

class ScannedTree {
  readonly root: string;
  readonly counts = emptyCounts();
  /** How often a scan has said that it is not hung. */
  alive = 0;

  private constructor(
    private readonly scratch: Scratch,
    readonly inventory: WritableInventory,
  ) {
    this.root = scratch.path("data");
  }

  static async open(): Promise<ScannedTree> {
    const scratch = new Scratch();
    const inventory = (await openInventory(scratch.path("inventory.db"), HOLDER))._unsafeUnwrap();
    const tree = new ScannedTree(scratch, inventory);
    mkdirSync(tree.root);
    const hosts = [{ name: "exao1", dataDirectories: [tree.root] }];
    (await declare(inventory, { hash: "1", hosts, replicas: [] }))._unsafeUnwrap();
    return tree;
  }

  /** Scans the whole tree and commits what differs. How many files the differences named. */
  async scan(
    exclude: readonly string[],
    largeDirectory: number,
    through: (volume: ListableVolume) => ListableVolume = (volume) => volume,
  ): Promise<number> {
    const { dataDirectories } = (await declare(this.inventory, { hash: "1", hosts: [], replicas: [] }))._unsafeUnwrap();
    const [dataDirectory] = dataDirectories;
    if (dataDirectory === undefined) throw new Error("nothing is declared");
    const volume = openLocalVolume(this.root)._unsafeUnwrap();
    const differences: DirectoryDifference[] = [];
    const waiting = [this.root];
    const target = { host: dataDirectory.host, dataDirectory: dataDirectory.id, root: this.root };
    const counts = emptyCounts();
    const sink = {
      counts,
      alive: () => {
        this.alive += 1;
      },
      difference: (difference: DirectoryDifference) => differences.push(difference),
      subdirectory: (path: string) => waiting.push(path),
      problem: (problem: { message: string }) => {
        throw new Error(problem.message);
      },
    };
    const patterns = new ExcludePatterns(exclude);
    const scan = new DirectoryScan(through(volume), this.inventory, target, patterns, RULE, sink, { largeDirectory });
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await scan.scan(next);
    volume.close();
    Object.assign(this.counts, counts);
    (await commitDifferences(this.inventory, dataDirectory, differences, 1))._unsafeUnwrap();
    const report = { ...counts, excluded: [], problems: [], durationMilliseconds: 0 };
    (
      await endScan(this.inventory, dataDirectory, report, { startedAt: 1, maxLoss: 1, acceptLoss: true, knownBefore: 0 })
    )._unsafeUnwrap();
    return differences.reduce(
      (total, { names, vanished, excluded, vanishedDirectories, excludedDirectories }) =>
        total + names.length + vanished.length + excluded.length + vanishedDirectories.length + excludedDirectories.length,
      0,
    );
  }

  [Symbol.dispose](): void {
    this.inventory.close();
    this.scratch[Symbol.dispose]();
  }
}

const name = fc.constantFrom("a", "b", "c", "d.tmp", "é");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const file = fc.record({ path, size: fc.nat(3), mtime: fc.constantFrom(1_000, 1_001, 1_999_999_999) });
const world = fc.array(file, { maxLength: 12 });

/** Makes the tree anew. A path whose parent is a file already, or that is a directory already, is left out. */
function make(
  root: string,
  files: readonly { path: string; size: number; mtime: number }[],
): Map<string, { size: number; mtime: number }> {
  rmSync(root, { recursive: true });
  mkdirSync(root);
  const made = new Map<string, { size: number; mtime: number }>();
  for (const { path: relative, size, mtime } of files) {
    const whole = join(root, relative);
    try {
      mkdirSync(dirname(whole), { recursive: true });
      writeFileSync(whole, "x".repeat(size));
    } catch {
      continue;
    }
    utimesSync(whole, 5, mtime);
    made.set(relative, { size, mtime });
  }
  return made;
}

/** What the inventory has for each path: present with its size and time, and settled or growing; nothing for what is absent or excluded. */
function inventoried(tree: ScannedTree, paths: Iterable<string>): Map<string, { size: number; mtime: number; state: string }> {
  const rows = new Map<string, { size: number; mtime: number; state: string }>();
  for (const relative of paths) {
    const [row] = findFileOrigins(tree.inventory, `${tree.root}/${relative}`);
    if (row === undefined || row.state === "absent" || row.state === "excluded") continue;
    rows.set(relative, { size: row.evidence.size, mtime: row.evidence.mtimeSeconds, state: row.state });
  }
  return rows;
}

for (const [kind, largeDirectory] of [
  ["held in memory", 50_000],
  ["compared name by name", 0],
] as const) {
  test(`the inventory follows the disk, with directories ${kind}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(world, fc.boolean()), { minLength: 1, maxLength: 4 }), async (history) => {
        using tree = await ScannedTree.open();
        const everSeen = new Set<string>();
        for (const [files, excluding] of history) {
          const exclude = excluding ? ["*.tmp", "b/c"] : [];
          const made = make(tree.root, files);
          await tree.scan(exclude, largeDirectory);
          for (const relative of made.keys()) everSeen.add(relative);
          const wanted = new Map(
            [...made]
              .filter(([relative]) => !excluding || !(relative.split("/").includes("d.tmp") || /^b\/c(\/|$)/.test(relative)))
              .map(([relative, { size, mtime }]) => [
                relative,
                { size, mtime, state: mtime > 1_999_999_000 ? "growing" : "settled" },
              ]),
          );
          expect(inventoried(tree, everSeen)).toEqual(wanted);
          expect(await tree.scan(exclude, largeDirectory)).toBe(0);
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);
}

test("links and pipes are counted, and a name that was a file and is a link now has vanished", async () => {
  using tree = await ScannedTree.open();
  make(tree.root, [
    { path: "x", size: 1, mtime: 1_000 },
    { path: "sub/y", size: 1, mtime: 1_000 },
  ]);
  await tree.scan([], 50_000);
  rmSync(join(tree.root, "x"));
  symlinkSync("sub/y", join(tree.root, "x"));
  symlinkSync(".", join(tree.root, "loop"));
  await tree.scan([], 50_000);
  expect(tree.counts).toMatchObject({ files: 1, directories: 2, symlinks: 2 });
  expect(findFileOrigins(tree.inventory, `${tree.root}/x`)[0]?.state).toBe("absent");
});

test("a fraction of a second counts: a file is not taken for older than it is", async () => {
  using tree = await ScannedTree.open();
  make(tree.root, [
    { path: "young", size: 1, mtime: RULE.now - RULE.settleSeconds + 0.1 },
    { path: "old", size: 1, mtime: RULE.now - RULE.settleSeconds - 0.1 },
  ]);
  await tree.scan([], 50_000);
  expect(inventoried(tree, ["young"]).get("young")?.state).toBe("growing");
  expect(inventoried(tree, ["old"]).get("old")?.state).toBe("settled");
});

/** A volume that leaves names out of its listings, as a far end does that may not look at them. */
const hiding =
  (hidden: readonly string[]) =>
  (volume: ListableVolume): ListableVolume => ({
    openDirectory: async (path) => {
      const opened = await volume.openDirectory(path);
      return opened.map((directory) => ({
        hidesNames: true,
        look: (name) => directory.look(name),
        close: () => directory.close(),
        entries: (visitor) =>
          directory.entries({
            file: (name, ...told) => (hidden.includes(name) ? undefined : visitor.file(name, ...told)),
            directory: (name) => (hidden.includes(name) ? undefined : visitor.directory(name)),
            symlink: (name) => visitor.symlink(name),
            special: (name) => visitor.special(name),
            unreadable: (name, error) => visitor.unreadable(name, error),
          }),
      }));
    },
  });

test.each([1, 50_000])("what a listing hides is not gone, what is gone is (large from %d files on)", async (large) => {
  using tree = await ScannedTree.open();
  for (const path of ["hidden", "gone", "seen", "folder/inner", "lost/inner"]) {
    mkdirSync(dirname(join(tree.root, path)), { recursive: true });
    writeFileSync(join(tree.root, path), "x");
  }
  await tree.scan([], large);
  rmSync(join(tree.root, "gone"));
  rmSync(join(tree.root, "lost"), { recursive: true });
  await tree.scan([], large, hiding(["hidden", "folder"]));
  const stateOf = (path: string): string | undefined => findFileOrigins(tree.inventory, join(tree.root, path))[0]?.state;
  expect(["hidden", "gone", "seen", "folder/inner", "lost/inner"].map(stateOf)).toEqual([
    "settled",
    "absent",
    "settled",
    "settled",
    "absent",
  ]);
});

test("to look for many names that a listing lacks is a sign of life each time", async () => {
  using tree = await ScannedTree.open();
  const names = Array.from({ length: 400 }, (_, index) => String(index));
  for (const name of names) {
    mkdirSync(join(tree.root, `d${name}`));
    writeFileSync(join(tree.root, name), "x");
  }
  await tree.scan([], 50_000);
  const before = tree.alive;
  for (const name of names) rmSync(join(tree.root, `d${name}`), { recursive: true });
  await tree.scan([], 50_000, hiding([]));
  expect(tree.alive - before).toBeGreaterThan(2);
  for (const name of names) rmSync(join(tree.root, name));
  await tree.scan([], 50_000, hiding([]));
  expect(tree.alive - before).toBeGreaterThan(5);
  expect(findFileOrigins(tree.inventory, join(tree.root, "7"))[0]?.state).toBe("absent");
});
