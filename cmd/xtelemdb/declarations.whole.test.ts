/** What an operator edits in the configuration changes what is wanted; it never drops what is known. */
import { expect } from "bun:test";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { HOST, inventoryExecute, MARKER, World, wholeTest } from "../../internal/testing/mod.ts";

const FILES = [
  { path: "a", content: "1" },
  { path: "sub/b", content: "22" },
];

const rows = (world: World): string =>
  inventoryExecute(
    world.database,
    "select (select count(*) from file_origin), (select count(*) from file_replica), (select count(*) from replica)",
  ).replaceAll("\t", " ");

wholeTest("a replica that is added gets every file; one that is removed keeps its copies and its rows", [], async () => {
  using world = new World();
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  mkdirSync(world.path("second"));
  expect(await world.run("add_replica", `prefix=${world.path("second")}`)).toMatchObject({ code: 0 });
  expect(await world.run("status")).toMatchObject({ code: 3 });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 2 } });
  expect(world.copiedFiles("second")).toEqual(world.originFiles());
  const removed = await world.run("remove_replica", `prefix=${world.path("second")}`);
  expect(removed).toMatchObject({ code: 0 });
  expect(world.copiedFiles("second")).toEqual(world.originFiles());
  world.files({ path: "c", content: "333" });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(Object.keys(world.copiedFiles("second"))).toEqual(["a", "sub/b"]);
  expect(rows(world)).toBe("3 5 2");
  expect(world.replicaStatus("second")).toMatchObject({ declared: false, ready: false, kept: { files: 2 } });
  // Back again: only what came meanwhile is copied.
  expect(await world.run("add_replica", `prefix=${world.path("second")}`)).toMatchObject({ code: 0 });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 }, adopted: { files: 0 } });
});

wholeTest("replicas that are added and removed at the same time are all added and removed", [], async () => {
  using world = new World({ replicas: ["old"] });
  const names = ["a", "b", "c", "d", "e"];
  for (const name of names) mkdirSync(world.path(name));
  const outcomes = await Promise.all([
    ...names.map((name) => world.run("add_replica", `prefix=${world.path(name)}`)),
    world.run("remove_replica", `prefix=${world.path("old")}`),
  ]);
  for (const { code, stdout, stderr } of outcomes) expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: "" });
  const text = readFileSync(world.configuration, "utf8");
  const declared = [...text.matchAll(/^\[replicas\."(.*)"\]$/gm)].map(([, path = ""]) => path);
  expect(declared.toSorted()).toEqual(names.map((name) => world.path(name)));
});

wholeTest("a configuration that is a link to what is not there is not made a file", [], async () => {
  using world = new World();
  rmSync(world.configuration);
  symlinkSync("not-mounted/xtelemdb.toml", world.configuration);
  const outcome = await world.run("add_replica", `prefix=${world.path("backup")}`);
  expect(outcome).toMatchObject({ code: 1, stdout: "" });
  expect(outcome.stderr).toContain("it is a link to not-mounted/xtelemdb.toml, which is not there");
  expect(lstatSync(world.configuration).isSymbolicLink()).toBe(true);
});

wholeTest(
  "a volume that is mounted elsewhere and declared there is known by its marker: nothing is copied again",
  [],
  async () => {
    using world = new World();
    world.files(...FILES);
    expect(await world.sync()).toMatchObject({ code: 0 });
    renameSync(world.path("backup"), world.path("moved"));
    world.declare({ replicas: ["moved"] });
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
    expect(world.copiedFiles("moved")).toEqual(world.originFiles());
    expect(rows(world)).toBe("2 2 1");
  },
);

wholeTest("another spelling of a replica's path is the same replica", [], async () => {
  using world = new World();
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  const text = readFileSync(world.configuration, "utf8");
  writeFileSync(world.configuration, text.replace(`"${world.path("backup")}"`, `"${world.path("backup")}/"`));
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  expect(rows(world)).toBe("2 2 1");
});

wholeTest("a data directory that is added is copied; one that is removed keeps its rows and copies", [], async () => {
  using world = new World({ hosts: { exao1: ["data", "more"] } });
  world.files(...FILES);
  await Bun.write(world.path("more/m"), "m");
  expect(await world.sync()).toMatchObject({ code: 0 });
  world.declare({ hosts: { exao1: ["data"] } });
  await Bun.write(world.path("more/n"), "n");
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  expect(rows(world)).toBe("3 3 1");
  expect(world.replicaStatus()).toMatchObject({ current: { files: 2 }, kept: { files: 1 } });
  const explained = (await world.explain(world.path("more/m"))).files[0];
  expect(explained).toMatchObject({ declared: false, replicas: [{ state: "current", pending: false }] });
  world.declare({ hosts: { exao1: ["data", "more"] } });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(world.copiedFiles("backup", "more")).toMatchObject({ m: expect.any(String), n: expect.any(String) });
});

wholeTest("a data directory that is widened to its parent takes its files over", [], async () => {
  using world = new World({ hosts: { exao1: ["opt/logs"] } });
  await Bun.write(world.path("opt/logs/x"), "x");
  await Bun.write(world.path("opt/telem/y"), "y");
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  world.declare({ hosts: { exao1: ["opt"] } });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 }, adopted: { files: 0 } });
  expect(rows(world)).toBe("2 2 1");
  expect(world.replicaStatus()).toMatchObject({ current: { files: 2 }, kept: { files: 0 }, pending: { files: 0 } });
});

wholeTest("a host that is renamed begins anew under its new name; its rows and copies stay", [], async () => {
  using world = new World();
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  world.declare({ hostname: "exao9", hosts: { exao9: ["data"] } });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 2 } });
  expect(world.copiedFiles("backup", "data", "exao9")).toEqual(world.originFiles());
  expect(world.copiedFiles()).toEqual(world.originFiles());
  expect(rows(world)).toBe("4 4 1");
  const files = (await world.explain(`${world.data}/a`)).files;
  expect(files.map(({ host, declared }) => [host, declared])).toEqual([
    ["exao1", false],
    ["exao9", true],
  ]);
});

wholeTest("a host of another name is not scanned here, and a configuration without this host says so", [], async () => {
  using world = new World({ hostname: "exao2", hosts: { exao1: ["data"] } });
  world.files(...FILES);
  const outcome = await world.sync();
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain("exao2");
  expect(outcome.stderr).toContain("exao1");
  world.declare({ hostname: "exao2", hosts: { exao1: ["data"], exao2: [] } });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.statusFromFile()?.conditions.find(({ type }) => type === "Ready")).toMatchObject({ reason: "HostNotDeclared" });
  expect(world.copiedFiles()).toEqual({});
});

wholeTest("where no replica is declared nothing is converged, and every command says what is missing", [], async () => {
  using world = new World({ replicas: [] });
  world.files(...FILES);
  for (const given of ["sync", "status", "plan"]) {
    const outcome = await world.run(given);
    expect(outcome).toMatchObject({ code: 3, stdout: expect.stringContaining("add_replica prefix=/mnt/backup") });
  }
  expect(world.statusFromFile()).toMatchObject({ converged: false });
  expect(world.statusFromFile()?.conditions.find(({ type }) => type === "Ready")).toMatchObject({ reason: "ReplicaNotDeclared" });
});

wholeTest("two declarations of one volume are told apart by its marker: only one is written to", [], async () => {
  using world = new World({ replicas: ["backup", "alias"] });
  world.files(...FILES);
  // The same volume under a second path, as a bind mount would show it.
  expect(await world.sync()).toMatchObject({ code: 0 });
  writeFileSync(`${world.path("alias")}/${MARKER}`, readFileSync(`${world.path("backup")}/${MARKER}`));
  world.files({ path: "c", content: "3" });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(Object.keys(world.copiedFiles("backup"))).toContain("c");
  expect(Object.keys(world.copiedFiles("alias"))).not.toContain("c");
  expect(world.readyReason("alias")).toBe("MarkerOfAnotherReplica");
});

wholeTest("changing what is excluded takes files out of the account and back in, and never removes a copy", [], async () => {
  using world = new World();
  world.files(...FILES, { path: "x.tmp", content: "t" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  world.declare({ scan: { exclude: ["*.tmp", "sub"] } });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.replicaStatus()).toMatchObject({ current: { files: 1 }, kept: { files: 2 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  world.declare({});
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  expect(world.replicaStatus()).toMatchObject({ current: { files: 3 }, kept: { files: 0 } });
});

const FIFTY = Array.from({ length: 50 }, (_, index) => ({ path: `d${index % 5}/${index}`, content: String(index) }));

const INSIDE = ["data/logs", "data/deep/raw"];

/** A world with 100 files in two folders of one, all copied, whose data directories are others from now on. */
async function redeclared(before: readonly string[], after: readonly string[]): Promise<World> {
  const world = new World({ hosts: { [HOST]: before } });
  for (const folder of INSIDE) world.makeTree(folder, FIFTY);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 100 } });
  world.declare({ hosts: { [HOST]: after } });
  return world;
}

const conditionsOf = (world: World, path: string) =>
  world.statusFromFile()?.hosts[0]?.dataDirectories.find((one) => one.path === world.path(path))?.conditions;

for (const [what, before, after] of [
  ["the directory that holds them", INSIDE, ["data"]],
  ["directories in it", ["data"], INSIDE],
] as const) {
  wholeTest(`data directories that are replaced by ${what} lose a file as before`, [], async () => {
    using world = await redeclared(before, after);
    rmSync(world.path("data/logs/d1/1"));
    writeFileSync(world.path("data/deep/raw/d2/2"), "changed");
    const first = await world.syncSummary();
    expect(first).toMatchObject({ code: 0, copied: { files: 1 } });
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
    expect((await world.explain(world.path("data/logs/d1/1"))).files).toMatchObject([{ state: "absent" }]);
    expect(readFileSync(join(world.copies("backup", "data/deep/raw"), "d2/2"), "utf8")).toBe("changed");
  });

  wholeTest(`a large loss right after data directories were replaced by ${what} holds the brake`, [], async () => {
    using world = await redeclared(before, after);
    const lost = after === INSIDE ? "data/logs/d1" : "data/logs";
    const frozen = after === INSIDE ? "data/logs" : "data";
    const many = after === INSIDE ? "11 of 50" : "50 of 100";
    if (after === INSIDE) rmSync(world.path("data/logs/d2/2"));
    renameSync(world.path(lost), world.path("away"));
    for (const _ of ["at once", "for as long as it lasts"]) {
      const outcome = await world.sync();
      expect(outcome.code, outcome.stdout).toBe(3);
      expect(conditionsOf(world, frozen)).toMatchObject([{ reason: "LossBrake", message: expect.stringContaining(many) }]);
      expect((await world.explain(world.path("data/logs/d1/1"))).files).toMatchObject([{ state: "settled" }]);
    }
    renameSync(world.path("away"), world.path(lost));
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect((await world.explain(world.path("data/logs/d1/1"))).files).toMatchObject([{ state: "settled" }]);
  });
}

wholeTest("what was a data directory and is excluded in the one that holds it now is no loss", [], async () => {
  using world = await redeclared(INSIDE, ["data"]);
  world.declare({ hosts: { [HOST]: ["data"] }, scan: { exclude: ["logs"] } });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect((await world.explain(world.path("data/logs/d1/1"))).files).toMatchObject([{ state: "excluded" }]);
});

wholeTest("a plan for a volume that is declared elsewhere now is what a sync does: nothing", [], async () => {
  using world = new World();
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  renameSync(world.path("backup"), world.path("moved"));
  world.declare({ replicas: ["moved"], replicaKeys: { moved: { reserve: "9000 TB" } } });
  expect(await world.plan()).toMatchObject({ converged: true, replicas: [{ ready: true, copy: { files: 0 }, fits: true }] });
  expect(rows(world)).toBe("2 2 1");
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
  // The same for a verification, which writes nothing there either.
  renameSync(world.path("moved"), world.path("again"));
  world.declare({ replicas: ["again"] });
  expect(await world.run("verify")).toMatchObject({ code: 0 });
  expect(rows(world)).toBe("2 2 1");
});

wholeTest("a plan takes no volume for a replica that nobody knows, nor one that another replica has", [], async () => {
  using world = new World();
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  mkdirSync(world.path("clone"));
  copyFileSync(world.path(`backup/${MARKER}`), world.path(`clone/${MARKER}`));
  world.declare({ replicas: ["backup", "clone"] });
  expect(await world.plan()).toMatchObject({
    converged: false,
    replicas: [{ ready: true }, { ready: false, copy: { files: 2 } }],
  });
  mkdirSync(world.path("fresh"));
  world.declare({ replicas: ["backup", "fresh"] });
  expect(await world.plan()).toMatchObject({ replicas: [{ ready: true }, { ready: true, copy: { files: 2 } }] });
  expect(existsSync(world.path(`fresh/${MARKER}`))).toBe(false);
});

wholeTest(
  "a data directory that is a link is not gone because the directory around it is declared in its place",
  [],
  async () => {
    const folders = ["logs", "telem", "cacao", "old1", "old2", "raw"].map((name) => `data/${name}`);
    using world = new World({ hosts: { [HOST]: folders } });
    rmSync(world.path("data/raw"), { recursive: true, force: true });
    mkdirSync(world.path("data"), { recursive: true });
    mkdirSync(world.path("disk"));
    symlinkSync(world.path("disk"), world.path("data/raw"));
    for (const folder of [...folders.slice(0, 5), "disk"]) world.makeTree(folder, FIFTY);
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 300 } });
    world.declare({ hosts: { [HOST]: ["data"] } });
    writeFileSync(world.path("disk/new"), "new");
    for (const _ of ["at once", "for as long as it lasts"]) {
      const outcome = await world.sync();
      expect(outcome.code, outcome.stdout).toBe(3);
      const message = expect.stringContaining(`${world.path("data/raw")} is a symbolic link now, which is not followed`);
      expect(conditionsOf(world, "data")).toMatchObject([{ reason: "PartlyUnreadable", message }]);
      expect((await world.explain(world.path("data/raw/d1/1"))).files).toMatchObject([{ state: "settled" }]);
    }
    const safe = await world.run("safe", `path=${world.path("data")}`);
    expect(safe.stdout).toMatch(/NotDeclared +50 /);
    expect(safe.code).not.toBe(0);
    // Gone meanwhile, it was a data directory all the same.
    renameSync(world.path("data/raw"), world.path("link"));
    expect(await world.sync()).toMatchObject({ code: 3 });
    const message = expect.stringContaining(`50 of 50 files of ${world.path("data/raw")}, which was a data directory of its own`);
    expect(conditionsOf(world, "data")).toMatchObject([{ reason: "LossBrake", message }]);
    renameSync(world.path("link"), world.path("data/raw"));
    // What the message says to do.
    world.declare({ hosts: { [HOST]: folders } });
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
    world.declare({ hosts: { [HOST]: ["data"] } });
    expect(await world.run("scan", `accept_loss=${world.path("data")}`)).toMatchObject({ code: 0 });
    expect((await world.explain(world.path("data/raw/d1/1"))).files).toMatchObject([{ state: "absent" }]);
    expect(await world.sync()).toMatchObject({ code: 0 });
  },
);

wholeTest("a directory that was moved to another disk, with a link in its place, is not gone", [], async () => {
  using world = new World();
  world.makeTree("data", FIFTY);
  world.files({ path: "few/x", content: "x" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  renameSync(`${world.data}/few`, world.path("few"));
  symlinkSync(world.path("few"), `${world.data}/few`);
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout).toBe(3);
  expect(outcome.stdout).toContain(`${world.data}/few is a symbolic link now`);
  expect((await world.explain(`${world.data}/few/x`)).files).toMatchObject([{ state: "settled" }]);
  world.declare({ scan: { exclude: ["few"] } });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect((await world.explain(`${world.data}/few/x`)).files).toMatchObject([{ state: "excluded" }]);
});
