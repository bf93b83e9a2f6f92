/** Directories and files that are exchanged for symbolic links while they are scanned, copied, read back and restored: nothing outside is read or written. */
import { expect } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { Swapper, type Tree, until, World, wholeTest } from "../../internal/testing/mod.ts";

const NAMES = Array.from({ length: 40 }, (_, index) => `f${index}`);

/** The same names in the place itself and outside; only the contents differ. */
const filled = (content: string) => [
  ...NAMES.map((name) => ({ path: name, content: `${content} ${name}` })),
  ...NAMES.map((name) => ({ path: `inner/${name}`, content: `${content} inner ${name}` })),
  { path: "file", content: `${content} file` },
];

const digests = (tree: Tree): string[] => [...tree.values()].map(({ sha256 }) => sha256);

interface Swapping {
  readonly world: World;
  readonly swapper: Swapper;
  /** Nothing of what lies outside has come in, and nothing has gone out. */
  expectUntouched(): void;
}

async function whileSwapping(action: (swapping: Swapping) => Promise<void>): Promise<void> {
  using world = new World({ scan: { max_loss: "100%", interval: "1s" } });
  world.makeTree("data/swapped", filled("real"));
  world.files({ path: "swapped-file", content: "real" });
  expect((await world.sync()).code).toBe(0);
  // One of them tells what is read at the origin, the other what is written at either end.
  world.makeTree("outside", filled("secret"));
  world.makeTree("spare", [{ path: "keep", content: "keep" }]);
  symlinkSync(world.path("outside"), world.path("spare/origin"));
  symlinkSync(world.path("outside"), world.path("spare/replica"));
  symlinkSync(world.path("outside/file"), world.path("spare/file"));
  const outside = world.tree("outside");
  const secrets = new Set(digests(outside).filter((digest) => digest !== ""));
  const swapper = new Swapper(world.folder, {
    pairs: [
      [join(world.data, "swapped"), world.path("spare/origin")],
      [join(world.copies(), "swapped"), world.path("spare/replica")],
      [join(world.data, "swapped-file"), world.path("spare/file")],
    ],
    grows: join(world.data, "swapped"),
  });
  await swapper.begun();
  const expectUntouched = (): void => {
    expect(world.tree("outside")).toEqual(outside);
    for (const place of ["backup", "data", "spare"]) {
      expect(digests(world.tree(place)).filter((digest) => secrets.has(digest))).toEqual([]);
    }
  };
  await action({ world, swapper, expectUntouched });
}

/** Once nobody swaps any more, everything is found and copied. What a last verify found lost is copied again by the sync after it. */
async function expectHealed(world: World): Promise<void> {
  await world.sync();
  const healed = await world.sync();
  expect(healed.code, healed.stdout + healed.stderr).toBe(0);
  expect(world.copiedFiles()).toEqual(world.originFiles());
}

/** `scripts/faults hostile` tries more often. */
const ROUNDS = process.env.XTELEMDB_CASES === "all" ? 20 : 3;

wholeTest("links that come and go while files are scanned, copied, read back and restored lead nowhere", [], () =>
  whileSwapping(async ({ world, swapper, expectUntouched }) => {
    for (let round = 0; round < ROUNDS; round++) {
      for (const words of [["sync"], ["verify"], ["restore", `path=${world.data}`, "overwrite=all"], ["import_origins"]]) {
        const outcome = await world.run(...words);
        expect(outcome.code, outcome.stdout + outcome.stderr).toBeOneOf([0, 1, 3]);
        expect(outcome.stderr).not.toContain("a fault of xtelemdb");
      }
    }
    expect(await swapper.stop()).toBeGreaterThan(1_000);
    expectUntouched();
    await expectHealed(world);
    expectUntouched();
  }),
);

wholeTest("nor do they under an agent that watches", [], () =>
  whileSwapping(async ({ world, swapper, expectUntouched }) => {
    const agent = world.start("sync", "continuous=true");
    const passes = new Set<string>();
    await until("it has looked often", () => {
      passes.add(world.statusFromFile()?.writtenAt ?? "");
      return passes.size > 6;
    });
    expect(await swapper.stop()).toBeGreaterThan(1_000);
    expectUntouched();
    agent.signal("SIGTERM");
    await agent.ended;
    await expectHealed(world);
    expectUntouched();
  }),
);
