/**
 * A source that is older than its copy, or as old and smaller, as a power cut leaves it, never costs that copy (law 1), unless it holds all that the copy holds. The power cuts themselves:
 * power.whole.test.ts.
 */
import { expect } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { inventoryExecute, World, wholeTest } from "../../internal/testing/mod.ts";

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

wholeTest("a source that a power cut has left empty does not replace its copy, and is named", [], async () => {
  using world = await copiedWorld();
  const night = `${world.data}/night`;
  const copy = `${world.copies()}/night`;
  loseTheEnd(night, 0);
  world.files({ path: "other", content: "another\n" });
  const outcome = await world.sync();
  expect(outcome, outcome.stdout + outcome.stderr).toMatchObject({ code: 3 });
  expect(readFileSync(copy, "utf8")).toBe(NIGHT);
  expect(readFileSync(`${world.copies()}/other`, "utf8")).toBe("another\n");
  expect(outcome.stdout).toContain("SourceWentBack");
  expect(outcome.stdout).toContain(night);
  const [explained] = (await world.explain(night)).files[0]?.replicas ?? [];
  expect(explained).toMatchObject({ state: "stale", pending: true });
  expect(explained?.message).toContain("2100 bytes");
  expect(explained?.help).toContain("xtelemdb restore");
  // Once more, with nothing new: it stays.
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(readFileSync(copy, "utf8")).toBe(NIGHT);
  // No copy is of what is at the origin now; and nothing is brought back unasked.
  expect((await world.run("safe", `path=${night}`)).stdout).toContain("CopyStale");
  const unasked = await world.run("restore", `path=${night}`);
  expect(unasked, unasked.stdout).toMatchObject({ code: 3 });
  expect(unasked.stdout).toContain("FileInTheWay");
  expect(statSync(night).size).toBe(0);
});

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

wholeTest("the copy is moved aside: then the origin is copied as it is", [], async () => {
  using world = await copiedWorld();
  loseTheEnd(`${world.data}/night`, 100);
  expect(await world.sync()).toMatchObject({ code: 3 });
  renameSync(`${world.copies()}/night`, world.path("aside"));
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  expect(readFileSync(world.path("aside"), "utf8")).toBe(NIGHT);
});

wholeTest("a service that goes on writing to what a power cut has left does not cost the copy either", [], async () => {
  using world = await copiedWorld();
  const night = `${world.data}/night`;
  loseTheEnd(night, 1000);
  expect(await world.sync()).toMatchObject({ code: 3 });
  for (const more of ["the service is back\n", "and goes on\n".repeat(200)]) {
    appendFileSync(night, more);
    expect(await world.sync()).toMatchObject({ code: 3 });
    expect(readFileSync(`${world.copies()}/night`, "utf8")).toBe(NIGHT);
  }
  // A second replica gets what there is; a restore brings what was held back.
  mkdirSync(world.path("second"));
  world.declare({ replicas: ["backup", "second"] });
  expect(await world.sync()).toMatchObject({ code: 3 });
  mkdirSync(world.path("back"));
  expect(await world.run("restore", `path=${night}`, `to=${world.path("back")}`)).toMatchObject({ code: 0 });
  expect(readFileSync(`${world.path("back")}${night}`, "utf8")).toBe(NIGHT);
  // What there is in both is put together by a person, and is copied then.
  writeFileSync(night, `${NIGHT}the service is back\n`);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest(
  "a service that writes into what a power cut has left, and makes it no longer, does not cost the copy either",
  [],
  async () => {
    using world = await copiedWorld();
    const night = `${world.data}/night`;
    writeFileSync(night, "\0".repeat(NIGHT.length));
    utimesSync(night, before, before);
    expect(await world.sync()).toMatchObject({ code: 3 });
    writeFileSync(night, `new record${"\0".repeat(NIGHT.length - 10)}`);
    expect(await world.sync()).toMatchObject({ code: 3 });
    expect(readFileSync(`${world.copies()}/night`, "utf8")).toBe(NIGHT);
  },
);

wholeTest("a copy that is damaged is made anew from an origin that is whole again", [], async () => {
  using world = await copiedWorld();
  const night = `${world.data}/night`;
  loseTheEnd(night, 1000);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(await world.run("restore", `path=${night}`, "overwrite=all")).toMatchObject({ code: 0 });
  const copy = `${world.copies()}/night`;
  const { atime, mtime } = statSync(copy);
  writeFileSync(copy, NIGHT.replace("telemetry", "telemetrx"));
  utimesSync(copy, atime, mtime);
  await world.run("scan");
  expect(await world.run("verify")).toMatchObject({ code: 3 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(readFileSync(copy, "utf8")).toBe(NIGHT);
});

const before = new Date("2026-11-01T02:59:58Z");

const LEFT = {
  zeros: "\0".repeat(NIGHT.length),
  reserved: "\0".repeat(2 * NIGHT.length),
  "put back": "the night before\n".repeat(1000),
};
const WHOLE = { touched: NIGHT, grown: `${NIGHT}more\n` };

wholeTest("an older source replaces its copy only when it begins with all that the copy holds", [], async () => {
  using world = new World();
  const now = new Date("2026-11-01T03:00:00Z");
  const give = (name: string, content: string, time: Date): void => {
    world.files({ path: name, content });
    utimesSync(`${world.data}/${name}`, time, time);
  };
  const all = { ...LEFT, ...WHOLE };
  for (const name of Object.keys(all)) give(name, NIGHT, now);
  expect(await world.sync()).toMatchObject({ code: 0 });
  for (const [name, content] of Object.entries(all)) give(name, content, before);
  expect(await world.syncSummary()).toMatchObject({ code: 3, copied: { files: 2 }, failed: { files: 3 } });
  for (const [name, content] of Object.entries(WHOLE)) expect(readFileSync(`${world.copies()}/${name}`, "utf8")).toBe(content);
  for (const name of Object.keys(LEFT)) expect(readFileSync(`${world.copies()}/${name}`, "utf8")).toBe(NIGHT);
  expect((await world.run("restore", "overwrite=older")).code).toBe(0);
  for (const name of Object.keys(LEFT)) expect(readFileSync(`${world.data}/${name}`, "utf8")).toBe(NIGHT);
  expect(await world.sync()).toMatchObject({ code: 0 });
});

wholeTest("a copy that was taken for lost, and is back, is not replaced by less", [], async () => {
  using world = await copiedWorld();
  renameSync(`${world.copies()}/night`, world.path("aside"));
  expect(await world.run("verify")).toMatchObject({ code: 3 });
  loseTheEnd(`${world.data}/night`, 100);
  renameSync(world.path("aside"), `${world.copies()}/night`);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(readFileSync(`${world.copies()}/night`, "utf8")).toBe(NIGHT);
});

wholeTest("what was held back is held back when the file is gone for a while, and has been written to", [], async () => {
  using world = await copiedWorld();
  const night = `${world.data}/night`;
  loseTheEnd(night, 100);
  expect(await world.sync()).toMatchObject({ code: 3 });
  renameSync(night, world.path("away"));
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  renameSync(world.path("away"), night);
  appendFileSync(night, "and more\n".repeat(1000));
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(readFileSync(`${world.copies()}/night`, "utf8")).toBe(NIGHT);
});

wholeTest("what was deleted at its origin is not replaced by another file that has its name later", [], async () => {
  using world = await copiedWorld();
  const names = ["night", "longer", "again"];
  world.files(...names.map((path) => ({ path, content: `the only ${path}\n` })));
  expect(await world.sync()).toMatchObject({ code: 0 });
  for (const path of names) renameSync(`${world.data}/${path}`, world.path(path));
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  // One comes back as it was, one with more in it.
  const comeBack = async (hours: number, content: string): Promise<void> => {
    inventoryExecute(world.database, `update file_origin set observed_at = observed_at - ${hours * 3_600_000} where state = 3`);
    world.files({ path: "night", content });
    appendFileSync(world.path("longer"), "and more\n");
    renameSync(world.path("longer"), `${world.data}/longer`);
    renameSync(world.path("again"), `${world.data}/again`);
  };
  await comeBack(2, "another file of a later time\n");
  for (const _ of [1, 2]) expect(await world.sync()).toMatchObject({ code: 3 });
  expect(readFileSync(`${world.copies()}/night`, "utf8")).toBe("the only night\n");
  expect(readFileSync(`${world.copies()}/longer`, "utf8")).toBe("the only longer\nand more\n");
  const night = (await world.explain(`${world.data}/night`)).files[0]?.replicas[0];
  expect(night).toMatchObject({ state: "stale", pending: true, message: expect.stringContaining("another has its name now") });
  // Moved aside, it is the operator's.
  renameSync(`${world.copies()}/night`, world.path("kept"));
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  // Removed and written anew at once, it was only written over.
  rmSync(`${world.data}/night`);
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  world.files({ path: "night", content: "written anew\n" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a copy that is lost keeps nothing back", [], async () => {
  using world = await copiedWorld();
  rmSync(`${world.copies()}/night`);
  expect(await world.run("verify")).toMatchObject({ code: 3 });
  loseTheEnd(`${world.data}/night`, 100);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a restore never brings less than it says: where the whole copy is away, the file is left", [], async () => {
  using world = await copiedWorld();
  const night = `${world.data}/night`;
  loseTheEnd(night, 100);
  await world.sync();
  mkdirSync(world.path("second"));
  world.declare({ replicas: ["backup", "second"] });
  await world.sync();
  expect(statSync(`${world.copies("second")}/night`).size).toBe(100);
  renameSync(world.path("backup"), world.path("away"));
  mkdirSync(world.path("back"));
  const outcome = await world.run("restore", `path=${night}`, `to=${world.path("back")}`);
  expect(outcome, outcome.stdout).toMatchObject({ code: 3 });
  expect(outcome.stdout).toContain("ReplicaNotMounted");
  // Its own time is what is asked for, not that of what the origin has become.
  renameSync(world.path("away"), world.path("backup"));
  const given = [`path=${night}`, "after=2026-11-01T03:00:00Z", "overwrite=all"];
  expect((await world.run("restore", ...given)).stdout).toContain("restored 1 file");
});

wholeTest("what is in the place of a data directory that was frozen replaces no copy, and new files are copied", [], async () => {
  using world = new World();
  world.files(...Array.from({ length: 10 }, (_, index) => ({ path: `${index}`, content: `night ${index}\n` })));
  expect(await world.sync()).toMatchObject({ code: 0 });
  // Another disk is mounted there, with a file of the same name, and of a later time.
  renameSync(world.data, world.path("the right disk"));
  mkdirSync(world.data);
  world.files({ path: "3", content: "of another disk\n" }, { path: "more", content: "more\n" });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(readFileSync(`${world.copies()}/3`, "utf8")).toBe("night 3\n");
  expect(readFileSync(`${world.copies()}/more`, "utf8")).toBe("more\n");
  const [explained] = (await world.explain(`${world.data}/3`)).files[0]?.replicas ?? [];
  expect(explained).toMatchObject({ pending: true });
  expect(explained?.message).toContain("LossBrake");
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(readFileSync(`${world.copies()}/3`, "utf8")).toBe("of another disk\n");
});
