/** What somebody else put on a replica, or did to a copy, is never overwritten (law 1). */
import { expect } from "bun:test";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { World, wholeTest } from "../../internal/testing/mod.ts";

const FILES = [
  { path: "a/one", content: "one at the origin" },
  { path: "a/two", content: "two at the origin" },
  { path: "b/three", content: "three at the origin" },
];

const reasonOf = async (world: World, path: string): Promise<string | undefined> =>
  (await world.explain(`${world.data}/${path}`)).files[0]?.replicas[0]?.attempts?.reason;

wholeTest("a copy that was edited by hand is not overwritten when its source changes", [], async () => {
  using world = new World();
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  const copy = `${world.copies()}/a/one`;
  appendFileSync(copy, "; edited by hand");
  const edited = readFileSync(copy);
  world.files({ path: "a/one", content: "one, second version" }, { path: "a/two", content: "two, second version" });
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(readFileSync(copy)).toEqual(edited);
  expect(readFileSync(`${world.copies()}/a/two`, "utf8")).toBe("two, second version");
  expect(await reasonOf(world, "a/one")).toBe("EditedAtReplica");
  // What to do is said once.
  const explained = (await world.run("explain", `${world.data}/a/one`)).stdout;
  expect(explained.split("move it aside")).toHaveLength(2);
  expect(outcome.stdout).toContain("EditedAtReplica");
  expect(outcome.stdout).toContain(`${world.data}/a/one`);
  expect(world.replicaStatus().conditions.map(({ type }) => type)).toContain("Stalled");
  renameSync(copy, world.path("aside"));
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  expect(readFileSync(world.path("aside"))).toEqual(edited);
});

wholeTest("a copy that was removed by hand is made again when its source changes", [], async () => {
  using world = new World();
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  rmSync(`${world.copies()}/a/one`);
  world.files({ path: "a/one", content: "one, second version" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

for (const [what, put] of [
  ["file", (path: string) => writeFileSync(path, "somebody else's")],
  ["empty file", (path: string) => writeFileSync(path, "")],
  ["file of the same size", (path: string) => writeFileSync(path, "one at the 0rigin")],
  ["directory", (path: string) => mkdirSync(path)],
  ["symbolic link", (path: string) => symlinkSync("/etc/hostname", path)],
  ["dangling symbolic link", (path: string) => symlinkSync(`${path}.nowhere`, path)],
] as const) {
  wholeTest(`an unknown ${what} in the way is left alone and named, and the others are copied`, [], async () => {
    using world = new World();
    world.files(...FILES);
    mkdirSync(`${world.copies()}/a`, { recursive: true });
    put(`${world.copies()}/a/one`);
    const before = world.tree(world.copies()).get("a/one");
    const outcome = await world.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
    const copies = world.tree(world.copies());
    expect(copies.get("a/one")).toEqual(before);
    expect([...copies.keys()]).toEqual(["a", "a/one", "a/two", "b", "b/three"]);
    expect(await reasonOf(world, "a/one")).toBe("UnknownFileInTheWay");
    expect(world.replicaStatus().lastError).toMatchObject({ path: `${world.data}/a/one`, reason: "UnknownFileInTheWay" });
    renameSync(`${world.copies()}/a/one`, world.path("aside"));
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect(world.copiedFiles()).toEqual(world.originFiles());
  });
}

wholeTest("a symbolic link where a directory should be is not written through", [], async () => {
  using world = new World();
  world.files(...FILES);
  mkdirSync(world.path("outside"));
  mkdirSync(world.copies(), { recursive: true });
  symlinkSync(world.path("outside"), `${world.copies()}/a`);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect([...world.tree("outside").keys()]).toEqual([]);
  expect(await reasonOf(world, "a/one")).toBe("UnknownFileInTheWay");
  expect(readFileSync(`${world.copies()}/b/three`, "utf8")).toBe("three at the origin");
});

wholeTest("a file where a directory should be is left alone", [], async () => {
  using world = new World();
  world.files(...FILES);
  mkdirSync(world.copies(), { recursive: true });
  writeFileSync(`${world.copies()}/a`, "a file");
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(readFileSync(`${world.copies()}/a`, "utf8")).toBe("a file");
  expect(await reasonOf(world, "a/one")).toBe("UnknownFileInTheWay");
  expect(readFileSync(`${world.copies()}/b/three`, "utf8")).toBe("three at the origin");
});

wholeTest("copies that somebody made already are adopted, not copied again", [], async () => {
  using world = new World();
  world.files(...FILES, { path: "large", size: 3 << 20, seed: 1 });
  mkdirSync(world.copies(), { recursive: true });
  Bun.spawnSync(["cp", "-a", `${world.data}/.`, world.copies()]);
  const before = world.tree(world.copies());
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 4 } });
  const after = world.tree(world.copies());
  for (const [path, { inode, mtime }] of before) expect(after.get(path)).toMatchObject({ inode, mtime });
  expect(world.statusFromFile()).toMatchObject({ converged: true });
});

wholeTest("what else is on a replica is not touched, not even what looks temporary", [], async () => {
  using world = new World();
  world.files(...FILES);
  const foreign = [".xtelemdb-notes", ".xtelemdb-0123456789abcdef.part.txt", "lost+found/x", "exao1/readme", "exao2/opt/file"];
  for (const path of foreign) await Bun.write(`${world.path("backup")}/${path}`, "somebody else's");
  expect(await world.sync()).toMatchObject({ code: 0 });
  for (const path of foreign) expect(await Bun.file(`${world.path("backup")}/${path}`).text()).toBe("somebody else's");
});

wholeTest("copies are kept when their origins are deleted, renamed, or turn into something else", [], async () => {
  using world = new World({ scan: { max_loss: "100%" } });
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  const before = world.copiedFiles();
  rmSync(`${world.data}/a/one`);
  renameSync(`${world.data}/a/two`, `${world.data}/a/renamed`);
  rmSync(`${world.data}/b/three`);
  mkdirSync(`${world.data}/b/three`);
  expect(await world.sync()).toMatchObject({ code: 0 });
  const after = world.copiedFiles();
  for (const [path, file] of Object.entries(before)) expect(after[path]).toBe(file);
  expect(Object.keys(after)).toContain("a/renamed");
  expect((await world.explain(`${world.data}/a/one`)).files[0]).toMatchObject({ state: "absent" });
  // A file comes where a copy of the directory's namesake stands: it is in the way of nobody's silence.
  world.files({ path: "b/three/inner", content: "x" });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.copiedFiles()["b/three"]).toBe(before["b/three"]);
  expect(await reasonOf(world, "b/three/inner")).toBe("KeptCopiesInTheWay");
});

wholeTest("kept copies in the way are said to be that, and what is said to do keeps them", [], async () => {
  using world = new World({ scan: { max_loss: "100%" } });
  const cam = [1, 2, 3, 4, 5].map((number) => ({ path: `raw/cam/${number}`, content: `frame ${number}` }));
  world.files({ path: "logs/l1", content: "the first log" }, ...cam, { path: "raw/other", content: "x" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const before = world.copiedFiles();
  rmSync(`${world.data}/logs/l1`);
  rmSync(`${world.data}/raw/cam`, { recursive: true });
  world.files({ path: "logs/l1/sub/new", content: "a new log" }, { path: "raw/cam", content: "one file now" });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.copiedFiles()).toEqual(before);
  expect(await reasonOf(world, "logs/l1/sub/new")).toBe("KeptCopiesInTheWay");
  expect(await reasonOf(world, "raw/cam")).toBe("KeptCopiesInTheWay");
  const explained = [await world.explain(`${world.data}/logs/l1/sub/new`), await world.explain(`${world.data}/raw/cam`)].map(
    ({ files }) => files[0]?.replicas[0]?.message,
  );
  expect(explained).toEqual([
    expect.stringContaining(`${world.copies()}/logs/l1 is the kept copy of the file ${world.data}/logs/l1, which is gone`),
    expect.stringContaining(
      `${world.copies()}/raw/cam is a directory with the kept copies of 5 files below ${world.data}/raw/cam`,
    ),
  ]);
  expect(world.replicaStatus().conditions).toContainEqual(
    expect.objectContaining({ type: "Stalled", message: expect.stringContaining("KeptCopiesInTheWay") }),
  );
  // Word for word what the help says.
  mkdirSync(world.path("out"));
  for (const path of ["logs/l1", "raw/cam"]) {
    await world.run("restore", `path=${world.data}/${path}`, `to=${world.path("out")}`);
    renameSync(`${world.copies()}/${path}`, world.path(`aside-${path.replace("/", "-")}`));
  }
  expect(readFileSync(`${world.path("out")}${world.data}/logs/l1`, "utf8")).toBe("the first log");
  expect(readFileSync(`${world.path("out")}${world.data}/raw/cam/5`, "utf8")).toBe("frame 5");
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("what somebody put where kept copies were is still said to be somebody's", [], async () => {
  using world = new World({ scan: { max_loss: "100%" } });
  world.files({ path: "cam/1", content: "frame 1" }, { path: "other", content: "x" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  rmSync(`${world.data}/cam`, { recursive: true });
  world.files({ path: "cam", content: "one file now" });
  renameSync(`${world.copies()}/cam`, world.path("aside"));
  writeFileSync(`${world.copies()}/cam`, "somebody else's");
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(await reasonOf(world, "cam")).toBe("UnknownFileInTheWay");
});
