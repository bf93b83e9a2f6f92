/** A run that was killed between a copy's final name and its row leaves a copy that nobody recorded. When its source has grown by the next run, it is known again; nothing else is. */
import { expect } from "bun:test";
import { appendFileSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inventoryExecute, temporaryFiles, World, wholeTest } from "../../internal/testing/mod.ts";

/** Published, and killed before the names were durable: nothing is recorded of these copies. */
async function breakOff(world: World): Promise<void> {
  const killed = await world.traced(["sync"], {
    inject: ["fsync:signal=SIGKILL:when=1"],
    paths: [join(world.copies(), "night")],
  });
  expect(killed.signal === "SIGKILL" || killed.code === 128 + 9, killed.stderr).toBe(true);
}

/** strace knows only paths that are there: the directory has been copied to before. */
async function makeWorld(): Promise<World> {
  const world = new World();
  world.files({ path: "night/log", content: "log" });
  expect((await world.sync()).code).toBe(0);
  world.files(
    { path: "night/frames", content: "frame 1\n" },
    { path: "night/empty", content: "" },
    { path: "night/quiet", content: "quiet" },
  );
  return world;
}

const noted = (world: World): string =>
  inventoryExecute(world.database, "select d.path from in_flight join directory d on d.id = directory_id");
const grow = (world: World, name: string): void => appendFileSync(join(world.data, name), "frame 2\n");
const copyOf = (world: World, name: string): string => readFileSync(join(world.copies(), name), "utf8");

wholeTest("a published copy that nobody recorded is replaced when its source has grown since", ["strace"], async () => {
  using world = await makeWorld();
  await breakOff(world);
  expect(copyOf(world, "night/frames")).toBe("frame 1\n");
  for (const name of ["night/frames", "night/empty"]) grow(world, name);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 2 }, adopted: { files: 1 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
  // Nothing is pending there any more: what a stranger puts there from now on is a stranger's.
  expect(noted(world)).toBe("");
});

wholeTest("that holds over a second kill, and as long as the source goes on growing", ["strace"], async () => {
  using world = await makeWorld();
  await breakOff(world);
  grow(world, "night/frames");
  world.declare({ scan: { settle: "1h" } });
  expect((await world.sync()).code).toBe(3);
  expect(noted(world)).toBe(join(world.data, "night"));
  world.declare({});
  await breakOff(world);
  grow(world, "night/frames");
  expect((await world.sync()).code).toBe(0);
  expect(world.copiedFiles()).toEqual(world.originFiles());
  expect(noted(world)).toBe("");
});

wholeTest("a replacement that was not recorded is replaced again when its source has grown since", ["strace"], async () => {
  using world = await makeWorld();
  expect((await world.sync()).code).toBe(0);
  grow(world, "night/frames");
  await breakOff(world);
  expect(copyOf(world, "night/frames")).toBe("frame 1\nframe 2\n");
  grow(world, "night/frames");
  expect((await world.sync()).code).toBe(0);
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest(
  "what no run can have written is left to a person: other contents, a newer file, a directory that no run was broken off in",
  ["strace"],
  async () => {
    using world = await makeWorld();
    await breakOff(world);
    writeFileSync(join(world.copies(), "night/frames"), "somebody");
    const later = Date.now() / 1000 + 3600;
    utimesSync(join(world.copies(), "night/quiet"), later, later);
    grow(world, "night/frames");
    grow(world, "night/quiet");
    world.files({ path: "day/frames", content: "frame 1\nframe 2\n" });
    world.makeTree(world.copies(), [{ path: "day/frames", content: "frame 1\n", mtime: 1_000_000_000n * 1_000_000_000n }]);
    const summary = await world.syncSummary();
    expect(summary).toMatchObject({ code: 3, failed: { files: 3 } });
    expect([copyOf(world, "night/frames"), copyOf(world, "night/quiet"), copyOf(world, "day/frames")]).toEqual([
      "somebody",
      "quiet",
      "frame 1\n",
    ]);
    for (const name of ["night/frames", "night/quiet", "day/frames"]) {
      const explained = await world.explain(join(world.data, name));
      expect(explained.files[0]?.replicas[0]?.message).toContain("UnknownFileInTheWay");
    }
  },
);

wholeTest("a whole copy that nobody recorded is known, whatever its time has become", ["strace"], async () => {
  using world = await makeWorld();
  await breakOff(world);
  const later = Date.now() / 1000 + 3600;
  utimesSync(join(world.copies(), "night/quiet"), later, later);
  expect((await world.sync()).code).toBe(0);
  expect(world.copiedFiles()).toEqual(world.originFiles());
});
