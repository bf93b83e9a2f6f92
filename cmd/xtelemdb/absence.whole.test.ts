/** Absence needs proof (law 5): what vanishes in masses freezes its data directory until an operator accepts the loss. */
import { expect } from "bun:test";
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { command, mountMemory, RunningAgent, until, World, wholeTest } from "../../internal/testing/mod.ts";

const HUNDRED = Array.from({ length: 100 }, (_, index) => ({ path: `d${index % 5}/${index}`, content: String(index) }));

const dataDirectory = (world: World, index = 0) => world.statusFromFile()?.hosts[0]?.dataDirectories[index];

wholeTest("a few files that vanish become tombstones, and their copies are kept", [], async () => {
  using world = new World();
  world.files(...HUNDRED);
  expect(await world.sync()).toMatchObject({ code: 0 });
  const before = world.copiedFiles();
  for (let index = 0; index < 20; index++) rmSync(`${world.data}/d${index % 5}/${index}`);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(dataDirectory(world)).toMatchObject({ settled: { files: 80 }, absent: { files: 20 } });
  expect(world.replicaStatus()).toMatchObject({ current: { files: 80 }, kept: { files: 20 }, pending: { files: 0 } });
  expect(world.copiedFiles()).toEqual(before);
  const explained = (await world.explain(`${world.data}/d1/1`)).files[0];
  expect(explained).toMatchObject({ state: "absent", size: 1, replicas: [{ state: "current", pending: false }] });
  world.files(...HUNDRED.slice(0, 20));
  expect(await world.syncSummary()).toMatchObject({ code: 0 });
  expect(dataDirectory(world)).toMatchObject({ settled: { files: 100 }, absent: { files: 0 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest(
  "a replica that was away while files went at their origin has fewer of them, which is told, with what to do",
  [],
  async () => {
    using world = new World({ replicas: ["backup", "away"], scan: { max_loss: "100%" } });
    world.files({ path: "old", content: "old" }, { path: "changed", content: "before" });
    expect(await world.sync()).toMatchObject({ code: 0 });
    renameSync(world.path("away"), world.path("shelf"));
    world.files({ path: "night", content: "night" }, { path: "changed", content: "and after" });
    expect(await world.sync()).toMatchObject({ code: 3 });
    for (const gone of ["night", "changed"]) rmSync(`${world.data}/${gone}`);
    renameSync(world.path("shelf"), world.path("away"));
    expect(await world.sync()).toMatchObject({ code: 0 });
    const status = (await world.run("status")).stdout;
    expect(status).toContain(
      `${world.path("away")}: of 2 files that are gone at their origin and kept at ${world.path("backup")} it has 1`,
    );
    for (const [path, state] of [
      ["night", "missing"],
      ["changed", "stale"],
    ])
      expect((await world.explain(`${world.data}/${path}`)).files[0]?.replicas[1]).toMatchObject({
        state,
        pending: false,
        message: expect.stringContaining(`${world.path("backup")} has it`),
        help: expect.stringContaining("xtelemdb restore"),
      });
    // As it is told.
    for (const gone of ["night", "changed"])
      expect(await world.run("restore", `path=${world.data}/${gone}`)).toMatchObject({ code: 0 });
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 2 } });
    expect(world.copiedFiles("away")).toEqual(world.originFiles());
    expect((await world.run("status")).stdout).not.toContain("gone at their origin");
  },
);

wholeTest("more than max_loss freezes the data directory, new files are copied on, and accepting thaws it", [], async () => {
  using world = new World({ hosts: { exao1: ["data", "other"] } });
  world.files(...HUNDRED);
  await Bun.write(world.path("other/x"), "x");
  expect(await world.sync()).toMatchObject({ code: 0 });
  rmSync(`${world.data}/d1`, { recursive: true });
  rmSync(`${world.data}/d2/2`);
  world.files({ path: "new", content: "new" });
  const frozen = await world.sync();
  expect(frozen.code, frozen.stdout + frozen.stderr).toBe(3);
  expect(dataDirectory(world)).toMatchObject({ settled: { files: 101 }, absent: { files: 0 } });
  expect(dataDirectory(world)?.conditions).toMatchObject([{ type: "Scanned", status: "False", reason: "LossBrake" }]);
  expect(frozen.stdout).toContain("LossBrake");
  expect(frozen.stdout).toContain("accept_loss");
  expect(await Bun.file(`${world.copies()}/new`).text()).toBe("new");
  // It stays frozen, and says since when.
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect((await world.run("scan", `accept_loss=${world.path("other")}`)).code).toBe(3);
  expect(dataDirectory(world)).toMatchObject({ absent: { files: 0 } });
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  expect(dataDirectory(world)).toMatchObject({ settled: { files: 80 }, absent: { files: 21 } });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(Object.keys(world.copiedFiles())).toHaveLength(101);
});

wholeTest("explain tells of a file that a frozen data directory lacks, and of no other in it", [], async () => {
  using world = new World();
  world.files(...["1", "2", "3", "deep/er/4", "5"].map((path) => ({ path, content: path })));
  expect(await world.sync()).toMatchObject({ code: 0 });
  rmSync(`${world.data}/1`);
  rmSync(`${world.data}/deep`, { recursive: true });
  expect(await world.sync()).toMatchObject({ code: 3 });
  for (const path of ["1", "deep/er/4"]) {
    const explained = await world.run("explain", `${world.data}/${path}`);
    expect([explained.code, path]).toEqual([3, path]);
    expect(explained.stdout).toContain("not seen by the last scan");
    expect(explained.stdout).toContain("the data directory is frozen (LossBrake): 2 of 5 files were not seen any more");
    expect(explained.stdout).toContain(`xtelemdb scan accept_loss=${world.data}`);
  }
  expect((await world.run("explain", `${world.data}/2`)).code).toBe(0);
  expect((await world.explain(`${world.data}/2`)).files[0]).toMatchObject({ state: "settled", unseen: null });
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  expect((await world.explain(`${world.data}/1`)).files[0]).toMatchObject({ state: "absent", unseen: null });
});

wholeTest("accepting a loss of what is no data directory is refused, with those that are", [], async () => {
  using world = new World();
  const refused = await world.run("scan", "accept_loss=/nowhere");
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(world.data);
});

wholeTest("files that come back end the freeze by themselves", [], async () => {
  using world = new World();
  world.files(...HUNDRED);
  expect(await world.sync()).toMatchObject({ code: 0 });
  renameSync(`${world.data}/d3`, world.path("away"));
  renameSync(`${world.data}/d4`, world.path("away4"));
  expect(await world.sync()).toMatchObject({ code: 3 });
  renameSync(world.path("away"), `${world.data}/d3`);
  renameSync(world.path("away4"), `${world.data}/d4`);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(dataDirectory(world)).toMatchObject({ settled: { files: 100 }, absent: { files: 0 } });
});

wholeTest("a data directory whose volume is not mounted is empty, and that proves nothing", ["root"], async () => {
  using world = new World({ hosts: { exao1: [] } });
  mkdirSync(world.data);
  const volume = mountMemory(world.data);
  world.declare({});
  world.files(...HUNDRED);
  expect(await world.sync()).toMatchObject({ code: 0 });
  volume.unmount();
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout).toBe(3);
  expect(dataDirectory(world)).toMatchObject({ settled: { files: 100 }, absent: { files: 0 } });
  expect(dataDirectory(world)?.conditions).toMatchObject([{ reason: "LossBrake" }]);
});

/** Each level is a listing of its own. */
const DEEP = Array.from({ length: 12 }, (_, index) => `deep${index}`).join("/");

/** Another disk's contents of the same files: newer, and none that was copied. */
const OTHER = "of another disk";

wholeTest("another disk, mounted over a data directory, replaces no copy while an agent still scans it", ["root"], async () => {
  const scan = { interval: "1s", settle: "0s", workers: 1 };
  await using agent = await RunningAgent.start({ scan }, (world) => {
    for (const [folder, content] of [
      ["data", "good"],
      ["other", OTHER],
    ] as const) {
      world.makeTree(
        folder,
        Array.from({ length: 1_800 }, (_, index) => ({ path: `night${index % 60}/${index}`, content })),
      );
      mkdirSync(world.path(`${folder}/${DEEP}`), { recursive: true });
    }
    // A scan comes to these last; on the other disk there is none of them.
    world.makeTree(
      `data/${DEEP}`,
      Array.from({ length: 900 }, (_, index) => ({ path: `${index}`, content: "good" })),
    );
    world.makeTree("other/night0", [{ path: "new", content: "new" }]);
  });
  const { world } = agent;
  const reason = () => dataDirectory(world)?.conditions[0]?.reason;
  const before = world.copiedFiles();
  const replaced = () => {
    const { "night0/new": _new, ...after } = world.copiedFiles();
    return Object.keys(after).filter((path) => after[path] !== before[path]).length;
  };
  command("mount", "--bind", world.path("other"), world.data);
  await until("the brake holds", () => reason() === "LossBrake");
  await agent.becomes("night0/new", "current");
  await agent.rest();
  expect(replaced()).toBe(0);
  expect(await agent.stateOf("night1/1")).toBe("stale");
  // Nor does it after a start, before a scan has ended.
  agent.signal("SIGKILL");
  await using again = RunningAgent.in(world);
  await until("it has begun", () => again.status?.agent.process?.pid === again.pid);
  await again.rest();
  expect(replaced()).toBe(0);
  // A scan may be in it.
  command("umount", "-l", world.data);
  await again.becomes("night1/1", "current");
  expect(replaced()).toBe(0);
});

wholeTest("what a scan found that did not come to its end waits for one that does, and explain says so", [], async () => {
  using world = new World();
  world.files(...Array.from({ length: 1_100 }, (_, index) => ({ path: `${index}`, content: "before" })));
  expect(await world.sync()).toMatchObject({ code: 0 });
  world.declare({ scan: { max_entries: 1_000 } });
  world.files({ path: "7", content: "after that" }, { path: "new", content: "new" });
  for (const _ of ["at once", "for as long as it lasts"]) {
    expect(await world.sync()).toMatchObject({ code: 3 });
    expect(readFileSync(`${world.copies()}/7`, "utf8")).toBe("before");
    expect(readFileSync(`${world.copies()}/new`, "utf8")).toBe("new");
  }
  expect(await world.plan()).toMatchObject({ converged: false, replicas: [{ copy: { files: 0 }, replace: { files: 0 } }] });
  const [explained] = (await world.explain(`${world.data}/7`)).files[0]?.replicas ?? [];
  expect(explained).toMatchObject({ state: "stale", pending: true });
  expect(explained?.message).toContain(`it waits for the end of a full scan of ${world.data}`);
  expect(explained?.message).toContain("max_entries");
  world.declare({});
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(readFileSync(`${world.copies()}/7`, "utf8")).toBe("after that");
});
