/** A source that is smaller than its copy and not newer, as a power cut leaves it, never costs that copy (law 1). The power cuts themselves: power.whole.test.ts. */
import { expect } from "bun:test";
import { mkdirSync, readFileSync, statSync, truncateSync, utimesSync } from "node:fs";
import { World, wholeTest } from "../../internal/testing/mod.ts";

const NIGHT = "a night of telemetry\n".repeat(100);

/** As a journal leaves it: the end is gone, the time is of before. */
function loseTheEnd(path: string, bytes: number): void {
  const { atime, mtime } = statSync(path);
  truncateSync(path, bytes);
  utimesSync(path, atime, mtime);
}

async function copiedWorld(): Promise<World> {
  const world = new World();
  const modified = new Date("2026-11-01T03:00:00Z");
  world.files({ path: "night", content: NIGHT }, { path: "other", content: "other\n" });
  utimesSync(`${world.data}/night`, modified, modified);
  expect(await world.sync()).toMatchObject({ code: 0 });
  return world;
}

for (const bytes of [0, 100]) {
  wholeTest(`a source that a power cut has left with ${bytes} bytes does not replace its copy, and is named`, [], async () => {
    using world = await copiedWorld();
    const night = `${world.data}/night`;
    const copy = `${world.copies()}/night`;
    loseTheEnd(night, bytes);
    world.files({ path: "other", content: "another\n" });
    const outcome = await world.sync();
    expect(outcome, outcome.stdout + outcome.stderr).toMatchObject({ code: 3 });
    expect(readFileSync(copy, "utf8")).toBe(NIGHT);
    expect(readFileSync(`${world.copies()}/other`, "utf8")).toBe("another\n");
    expect(outcome.stdout).toContain("SourceWentBack");
    expect(outcome.stdout).toContain(night);
    const [explained] = (await world.explain(night)).files[0]?.replicas ?? [];
    expect(explained).toMatchObject({ state: "stale", pending: true });
    expect(explained?.message).toContain("smaller than its copy");
    expect(explained?.help).toContain("xtelemdb restore");
    // Once more, with nothing new: it stays.
    expect(await world.sync()).toMatchObject({ code: 3 });
    expect(readFileSync(copy, "utf8")).toBe(NIGHT);
    // No copy is of what is at the origin now; and nothing is brought back unasked.
    expect((await world.run("safe", `path=${night}`)).stdout).toContain("CopyStale");
    const unasked = await world.run("restore", `path=${night}`);
    expect(unasked, unasked.stdout).toMatchObject({ code: 3 });
    expect(unasked.stdout).toContain("FileInTheWay");
    expect(statSync(night).size).toBe(bytes);
  });
}

wholeTest("what a power cut has cost comes back from the copy, and is current then", [], async () => {
  using world = await copiedWorld();
  const night = `${world.data}/night`;
  loseTheEnd(night, 100);
  expect(await world.sync()).toMatchObject({ code: 3 });
  const restored = await world.run("restore", `path=${night}`, "overwrite=all");
  expect(restored, restored.stdout + restored.stderr).toMatchObject({ code: 0 });
  expect(readFileSync(night, "utf8")).toBe(NIGHT);
  // A stale copy may be the beginning of a file only: it is made once more, and is current.
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a replica that is declared later gets what there is; a restore prefers what there was", [], async () => {
  using world = await copiedWorld();
  const night = `${world.data}/night`;
  loseTheEnd(night, 100);
  expect(await world.sync()).toMatchObject({ code: 3 });
  mkdirSync(world.path("second"));
  world.declare({ replicas: ["backup", "second"] });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(statSync(`${world.copies("second")}/night`).size).toBe(100);
  expect(readFileSync(`${world.copies()}/night`, "utf8")).toBe(NIGHT);
  mkdirSync(world.path("back"));
  expect(await world.run("restore", `path=${night}`, `to=${world.path("back")}`)).toMatchObject({ code: 0 });
  expect(readFileSync(`${world.path("back")}${night}`, "utf8")).toBe(NIGHT);
});

wholeTest("the origin is right after all: with a new time it is copied", [], async () => {
  using world = await copiedWorld();
  const night = `${world.data}/night`;
  loseTheEnd(night, 100);
  expect(await world.sync()).toMatchObject({ code: 3 });
  utimesSync(night, new Date(), new Date());
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a copy that is lost keeps nothing back", [], async () => {
  using world = await copiedWorld();
  const night = `${world.data}/night`;
  world.declare({ scan: { max_loss: "100%" } });
  await Bun.file(`${world.copies()}/night`).delete();
  await world.run("verify");
  loseTheEnd(night, 100);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});
