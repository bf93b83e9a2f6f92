/** The walk over a backup: everything once, in an order in which a place means something. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { declare, declaredReplicas, type FoundBatch, openInventory, type WritableInventory } from "../inventory/mod.ts";
import { makeTree, Scratch } from "../testing/mod.ts";
import { localAddress } from "../volume/mod.ts";
import type { ImportLayout } from "./import-layout.ts";
import { comparePlaces } from "./import-places.ts";
import { type ImportResult, walkImport } from "./import-walk.ts";

const HOSTNAME: ImportLayout = { hosts: new Map(), takesAnyHost: true, rewrites: [], takesAnyPath: true };
const CLAIMANT = { inventory: "i", machine: "m", hostname: "h", database: "d" };

async function withInventory(action: (scratch: Scratch, inventory: WritableInventory) => Promise<void>): Promise<void> {
  using scratch = new Scratch();
  const holder = { command: "test", pid: process.pid, hostname: "exao1", since: "2026-11-01T00:00:00.000Z" };
  const inventory = (await openInventory(scratch.path("inventory.db"), holder))._unsafeUnwrap();
  const declaration = { hash: "1".repeat(64), hosts: [], replicas: [scratch.path("backup")] };
  (await declare(inventory, declaration))._unsafeUnwrap();
  await action(scratch, inventory).finally(() => inventory.close());
}

interface Walked {
  readonly result: ImportResult;
  readonly batches: readonly FoundBatch[];
  /** Origin paths, in the order in which they were found. */
  readonly paths: readonly string[];
}

async function walk(
  scratch: Scratch,
  inventory: WritableInventory,
  settings: { readonly after?: string | null; readonly layout?: ImportLayout; readonly stopAfter?: number } = {},
): Promise<Walked> {
  const [replica] = declaredReplicas(inventory);
  if (replica === undefined) throw new Error("no replica is declared");
  const batches: FoundBatch[] = [];
  let asked = 0;
  const result = await walkImport(
    inventory,
    {
      replica: { id: replica.id, address: localAddress(scratch.path("backup")), marker: null, claimant: CLAIMANT },
      layout: settings.layout ?? HOSTNAME,
      folder: "exao1",
      host: "exao1",
      after: settings.after ?? null,
    },
    { found: (batch) => batches.push(batch), progress: () => undefined },
    () => ++asked > (settings.stopAfter ?? Number.POSITIVE_INFINITY),
  );
  const paths = batches.flatMap(({ directories }) =>
    directories.flatMap(({ path, names }) => names.map((name) => `${path === "/" ? "" : path}/${name}`).toSorted()),
  );
  return { result, batches, paths };
}

const name = fc.constantFrom("a", "a-b", "aa", "b", "é", "z z");
const folders = fc.uniqueArray(
  fc.array(name, { maxLength: 4 }).map((names) => names.join("/")),
  { maxLength: 12 },
);

test("however often it is stopped, it finds every file once", async () => {
  await fc.assert(
    fc.asyncProperty(folders, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), async (paths, stops) => {
      await withInventory(async (scratch, inventory) => {
        const files = paths.map((path) => `${path === "" ? "" : `${path}/`}file.x`);
        for (const file of ["top.x", ...files]) {
          const whole = scratch.path(`backup/exao1/${file}`);
          mkdirSync(dirname(whole), { recursive: true });
          writeFileSync(whole, "1");
        }
        const whole = await walk(scratch, inventory);
        expect(whole.result.complete).toBe(true);
        expect(whole.paths.toSorted()).toEqual([...new Set(["/top.x", ...files.map((file) => `/${file}`)])].toSorted());
        const found: string[] = [];
        let after: string | null = null;
        for (let turn = 0; ; turn++) {
          const part: Walked = await walk(scratch, inventory, { after, stopAfter: stops[turn % stops.length] ?? 1 });
          found.push(...part.paths);
          if (part.result.complete) break;
          const position = part.batches.at(-1)?.position ?? null;
          // A stop right above the place moves nothing, and the next one comes farther.
          stops.push((stops[turn % stops.length] ?? 1) + 1);
          after = position ?? after;
          if (turn > 100) throw new Error("it comes to no end");
        }
        expect(found).toEqual([...whole.paths]);
      });
    }),
    { numRuns: 25 },
  );
}, 60_000);

test("the order of places is the order of the walk: total, and a directory before what is below it", () => {
  const place = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
  fc.assert(
    fc.property(place, place, place, (a, b, c) => {
      expect(Math.sign(comparePlaces(a, b)) + Math.sign(comparePlaces(b, a))).toBe(0);
      expect(comparePlaces(a, b) === 0).toBe(a === b);
      expect(comparePlaces(a, `${a}/${b}`)).toBeLessThan(0);
      if (comparePlaces(a, b) < 0 && comparePlaces(b, c) < 0) expect(comparePlaces(a, c)).toBeLessThan(0);
    }),
  );
});

describe("what is no file of an instrument", () => {
  test("is named by its kind and not imported", async () => {
    await withInventory(async (scratch, inventory) => {
      makeTree(scratch.path("backup/exao1"), [
        { path: "data/x", content: "1" },
        { path: "data/.x.Ab12Cd", content: "1" },
        { path: "data/.~tmp~/x", content: "1" },
        { path: "data/.xtelemdb-0123456789abcdef.part", content: "1" },
        { path: "lost+found/x", content: "1" },
        { path: "link", target: "/etc" },
        { path: "file-link", target: "/etc/passwd" },
        { path: "pipe", kind: "fifo" },
      ]);
      const { result, paths } = await walk(scratch, inventory);
      expect(paths).toEqual(["/data/x"]);
      expect(Object.fromEntries(result.skipped.map(({ kind, count }) => [kind, count]))).toEqual({
        leftover: 4,
        symlink: 2,
        special: 1,
      });
      expect(
        result.skipped
          .find(({ kind }) => kind === "symlink")
          ?.examples.map(({ path }) => path)
          .toSorted(),
      ).toEqual(["exao1/file-link", "exao1/link"]);
    });
  });

  test("lies outside the layout, whose own folders are walked", async () => {
    await withInventory(async (scratch, inventory) => {
      makeTree(scratch.path("backup/exao1"), [
        { path: "logs/x", content: "1" },
        { path: "opt/MagAOX/logs/y", content: "1" },
        { path: "opt/stray", content: "1" },
        { path: "cacao/x", content: "1" },
      ]);
      const rewrites = [
        { from: "/opt/MagAOX", to: "/opt/MagAOX" },
        { from: "/logs", to: "/opt/MagAOX/logs" },
      ];
      const { result, paths, batches } = await walk(scratch, inventory, {
        layout: { ...HOSTNAME, rewrites, takesAnyPath: false },
      });
      expect(paths).toEqual(["/opt/MagAOX/logs/x", "/opt/MagAOX/logs/y"]);
      const places = batches.flatMap(({ directories }) => directories.map(({ place }) => place));
      expect(places).toEqual(["exao1/logs", ""]);
      expect(result.skipped[0]?.examples.map(({ path }) => path).toSorted()).toEqual(["exao1/cacao", "exao1/opt/stray"]);
    });
  });
});

test("creation times come along where the file system has them", async () => {
  await withInventory(async (scratch, inventory) => {
    makeTree(scratch.path("backup/exao1"), [{ path: "x", content: "1", mtime: 1_000_000_000n }]);
    const { batches } = await walk(scratch, inventory);
    const [, seconds, , created = 0] = batches[0]?.directories[0]?.numbers ?? [];
    expect(seconds).toBe(1);
    // tmpfs and old file systems have none.
    if (!Number.isNaN(created)) expect(Math.abs(created - Date.now())).toBeLessThan(3_600_000);
  });
});
