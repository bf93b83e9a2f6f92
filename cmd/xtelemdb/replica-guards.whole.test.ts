/** A replica that is not the one that was declared, or takes no writes, is left alone; the others and the inventory are not disturbed. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { MARKER, mountMemory, RunningAgent, type Tree, until, World, wholeTest } from "../../internal/testing/mod.ts";

const FILES = [
  { path: "one", content: "1" },
  { path: "deep/two", content: "22" },
];
const MORE = { path: "deep/three", content: "333" };

/** A world with a `backup` that will be broken and an `other` that stays well; both complete. */
async function twoReplicas(world: World): Promise<void> {
  world.files(...FILES);
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  world.files(MORE);
}

/** The broken one says why and was not touched, the other is complete, and the exit code says that something is not so. */
async function expectNotReady(world: World, reason: string, untouched: Tree): Promise<void> {
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  const broken = world.replicaStatus("backup");
  expect(broken).toMatchObject({ declared: true, ready: false });
  const ready = broken.conditions.find(({ type }) => type === "Ready");
  expect(ready).toMatchObject({ status: "False", reason });
  expect(ready?.message).toContain(world.path("backup"));
  expect(ready?.help).not.toBe("");
  expect(outcome.stdout).toContain(reason);
  expect(world.tree("backup")).toEqual(untouched);
  expect(world.copiedFiles("other")).toEqual(world.originFiles());
  expect(world.readyReason("other")).toBe("Converged");
  const explained = await world.explain(`${world.data}/deep/three`);
  expect(explained.files[0]?.replicas.find(({ url }) => url === world.path("backup"))).toMatchObject({
    pending: true,
    message: expect.stringContaining(reason),
  });
}

async function expectHealed(world: World): Promise<void> {
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  for (const name of ["backup", "other"]) expect(world.copiedFiles(name)).toEqual(world.originFiles());
  expect(world.statusFromFile()).toMatchObject({ converged: true });
}

const TWO = { replicas: ["backup", "other"] };

wholeTest("a replica's root that is missing is never made, and the replica heals when it is back", [], async () => {
  using world = new World(TWO);
  await twoReplicas(world);
  renameSync(world.path("backup"), world.path("elsewhere"));
  await expectNotReady(world, "RootMissing", new Map());
  expect(existsSync(world.path("backup"))).toBe(false);
  renameSync(world.path("elsewhere"), world.path("backup"));
  await expectHealed(world);
});

wholeTest("a newly declared root that is missing is not made either; once it is there it gets its marker", [], async () => {
  using world = new World();
  world.files(...FILES);
  world.declare({ replicas: ["backup", "new"] });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(existsSync(world.path("new"))).toBe(false);
  expect(world.readyReason("new")).toBe("RootMissing");
  mkdirSync(world.path("new"));
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(JSON.parse(readFileSync(`${world.path("new")}/${MARKER}`, "utf8"))).toMatchObject({ format: 1 });
  expect(world.copiedFiles("new")).toEqual(world.originFiles());
});

wholeTest("a replica without its marker is not written to: its volume is not mounted", ["root"], async () => {
  using world = new World({ replicas: ["other"] });
  const volume = mountMemory(world.path("backup"));
  world.declare(TWO);
  await twoReplicas(world);
  volume.unmount();
  await expectNotReady(world, "MarkerMissing", new Map());
  // What was on the volume is gone with the memory: to the inventory it is another, empty one without a marker.
  volume.mount();
  await expectNotReady(world, "MarkerMissing", new Map());
});

wholeTest("a replica whose marker was removed heals when the marker is back", [], async () => {
  using world = new World(TWO);
  await twoReplicas(world);
  renameSync(`${world.path("backup")}/${MARKER}`, world.path("marker"));
  await expectNotReady(world, "MarkerMissing", world.tree("backup"));
  renameSync(world.path("marker"), `${world.path("backup")}/${MARKER}`);
  await expectHealed(world);
});

wholeTest("a replica with the marker of another volume is not written to", [], async () => {
  using world = new World(TWO);
  await twoReplicas(world);
  const marker = `${world.path("backup")}/${MARKER}`;
  const own = readFileSync(marker);
  const uuid = "11111111-2222-4333-8444-555555555555";
  writeFileSync(marker, JSON.stringify({ format: 1, uuid, created: "2026-01-01T00:00:00Z" }));
  await expectNotReady(world, "MarkerOfAnotherReplica", world.tree("backup"));
  expect(world.replicaStatus().conditions[0]?.message).toContain(uuid);
  writeFileSync(marker, own);
  await expectHealed(world);
});

wholeTest("two replicas that were swapped are both recognised and neither is written to", [], async () => {
  using world = new World(TWO);
  await twoReplicas(world);
  renameSync(world.path("backup"), world.path("aside"));
  renameSync(world.path("other"), world.path("backup"));
  renameSync(world.path("aside"), world.path("other"));
  const before = [world.tree("backup"), world.tree("other")];
  expect(await world.sync()).toMatchObject({ code: 3 });
  for (const name of ["backup", "other"]) expect(world.readyReason(name)).toBe("MarkerOfAnotherReplica");
  expect([world.tree("backup"), world.tree("other")]).toEqual(before);
});

wholeTest("a clone of a replica under a second declaration is not taken for a second replica", [], async () => {
  using world = new World();
  await twoReplicas(world);
  Bun.spawnSync(["cp", "-a", world.path("backup"), world.path("clone")]);
  const before = world.tree("clone");
  world.declare({ replicas: ["backup", "clone"] });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.readyReason("clone")).toBe("MarkerOfAnotherReplica");
  expect(world.tree("clone")).toEqual(before);
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a replica whose marker is empty, broken or from the future is not written to", [], async () => {
  using world = new World(TWO);
  await twoReplicas(world);
  const marker = `${world.path("backup")}/${MARKER}`;
  const own = readFileSync(marker);
  for (const text of ["", "{", '{"format":1}', '{"format":2,"uuid":"11111111-2222-4333-8444-555555555555","created":"x"}']) {
    writeFileSync(marker, text);
    await expectNotReady(world, "MarkerUnreadable", world.tree("backup"));
    expect(readFileSync(marker, "utf8")).toBe(text);
  }
  writeFileSync(marker, own);
  await expectHealed(world);
});

wholeTest("a marker that is a symbolic link or a directory is not trusted", [], async () => {
  using world = new World(TWO);
  await twoReplicas(world);
  const marker = `${world.path("backup")}/${MARKER}`;
  renameSync(marker, world.path("marker"));
  Bun.spawnSync(["ln", "-s", world.path("marker"), marker]);
  await expectNotReady(world, "MarkerUnreadable", world.tree("backup"));
  rmSync(marker);
  mkdirSync(marker);
  await expectNotReady(world, "MarkerUnreadable", world.tree("backup"));
});

wholeTest("a replica that is mounted read-only waits until it can be written to", ["root"], async () => {
  using world = new World({ replicas: ["other"] });
  const volume = mountMemory(world.path("backup"));
  world.declare(TWO);
  await twoReplicas(world);
  volume.remount("ro");
  await expectNotReady(world, "ReadOnly", world.tree("backup"));
  volume.remount("rw");
  await expectHealed(world);
});

wholeTest("a replica whose root is a file, or may not be entered, is not ready", [], async () => {
  using world = new World(TWO);
  await twoReplicas(world);
  renameSync(world.path("backup"), world.path("elsewhere"));
  writeFileSync(world.path("backup"), "not a folder");
  await expectNotReady(world, "RootUnreadable", new Map());
  rmSync(world.path("backup"));
  renameSync(world.path("elsewhere"), world.path("backup"));
  await expectHealed(world);
});

wholeTest(
  "a new volume at the path of one that is gone gets nothing until an operator says so, as every command tells",
  [],
  async () => {
    const foreign = JSON.stringify({ format: 1, uuid: "11111111-2222-4333-8444-555555555555", created: "2026-01-01T00:00:00Z" });
    for (const [reason, marker] of [
      ["MarkerMissing", undefined],
      ["MarkerOfAnotherReplica", foreign],
    ] as const) {
      using world = new World();
      const path = world.path("backup");
      const expectWay = (text: string): void => {
        for (const words of ["gone for good", "add_replica REPLICA new_volume=true"]) expect(text).toContain(words);
      };
      world.files(...FILES);
      expect(await world.sync()).toMatchObject({ code: 0 });
      renameSync(path, world.path("dead"));
      mkdirSync(path);
      if (marker !== undefined) writeFileSync(`${path}/${MARKER}`, marker);
      const before = world.tree("backup");
      const twice = await world.run("add_replica", `prefix=${path}`);
      expect(twice).toMatchObject({ code: 2, stdout: "" });
      expect(twice.stderr).toContain("xtelemdb status");
      expect(twice.stderr).toContain("new_volume=true");
      expect(await world.sync()).toMatchObject({ code: 3 });
      expect(world.readyReason()).toBe(reason);
      expectWay((await world.run("status")).stdout);
      // Declared anew at the same path it is still the one of before.
      expect(await world.run("remove_replica", `prefix=${path}`)).toMatchObject({ code: 0 });
      const again = await world.run("add_replica", `prefix=${path}`);
      expect(again.stdout).toContain("not ready yet: ");
      expect(again.stdout).not.toContain("next:");
      expectWay(again.stdout);
      expect(world.tree("backup")).toEqual(before);
      // As it is told. What is another replica's volume stays that before its marker is moved away.
      if (marker !== undefined) {
        const refused = await world.run("add_replica", path, "new_volume=true", "not_mounted=true");
        expect(refused).toMatchObject({ code: 1 });
        expect(refused.stdout).toContain("move ");
        expect(world.tree("backup")).toEqual(before);
        rmSync(`${path}/${MARKER}`);
      }
      const replaced = await world.run("add_replica", path, "new_volume=true", "not_mounted=true");
      expect(replaced, replaced.stdout + replaced.stderr).toMatchObject({ code: 0 });
      expect(replaced.stdout).toContain("in the place of");
      // Said twice it is not done twice.
      expect(await world.run("add_replica", path, "new_volume=true", "not_mounted=true")).toMatchObject({ code: 0 });
      expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: FILES.length } });
      expect(world.copiedFiles()).toEqual(world.originFiles());
      expect((await world.run("events", "reason=VolumeReplaced")).stdout).toContain("has taken the place of");
    }
  },
);

wholeTest(
  "a mount point where nothing is mounted is taken for a new volume only when an operator says that",
  ["root"],
  async () => {
    using world = new World();
    const path = world.path("backup");
    const volume = mountMemory(path);
    world.files(...FILES);
    expect(await world.sync()).toMatchObject({ code: 0 });
    volume.unmount();
    const order = ["add_replica", path, "new_volume=true"] as const;
    const refused = await world.run(...order);
    expect(refused).toMatchObject({ code: 1 });
    for (const words of [`nothing is mounted at ${path}: `, "is mounted at /", "not_mounted=true"])
      expect(refused.stdout).toContain(words);
    const asked = await world.run(...order, "dry_run=true");
    expect(asked).toMatchObject({ code: 1, stderr: expect.stringContaining(`nothing is mounted at ${path}: `) });
    expect(readdirSync(path)).toEqual([]);
    expect(await world.sync()).toMatchObject({ code: 3 });
    expect(world.readyReason()).toBe("MarkerMissing");
    // A new one that is mounted is taken without more words.
    const another = mountMemory(path);
    expect(await world.run(...order, "dry_run=true")).toMatchObject({ code: 0, stderr: "" });
    expect(readdirSync(path)).toEqual([]);
    expect(await world.run(...order)).toMatchObject({ code: 0 });
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: FILES.length } });
    another.unmount();
    const plain = await world.run(...order, "not_mounted=true");
    expect(plain).toMatchObject({ code: 0, stdout: expect.stringContaining("to the file system that is mounted at /") });
    expect(await world.run("add_replica", path, "not_mounted=true")).toMatchObject({ code: 2, stdout: "" });
  },
);

wholeTest("a volume that was replaced is known when it comes back, beside the new one or in its place", [], async () => {
  using world = new World();
  const path = world.path("backup");
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  // The volume that is known cannot take its own place.
  const former = await world.run("add_replica", path, "new_volume=true");
  expect(former).toMatchObject({ code: 1, stdout: expect.stringContaining("the volume that is known is mounted there") });
  renameSync(path, world.path("former"));
  mkdirSync(path);
  expect(await world.run("add_replica", path, "new_volume=true", "not_mounted=true", "dry_run=true")).toMatchObject({ code: 0 });
  expect(readdirSync(path)).toEqual([]);
  expect(await world.run("add_replica", path, "new_volume=true", "not_mounted=true")).toMatchObject({ code: 0 });
  world.files(MORE);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 3 } });
  const kept = (await world.run("replica_list")).stdout;
  expect(kept).toMatch(/volume [0-9a-f-]{36}, formerly at .* 2 .*kept/);

  expect(await world.run("add_replica", `prefix=${world.path("former")}`)).toMatchObject({ code: 0 });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect((await world.run("replica_list")).stdout).not.toContain("formerly at");
  for (const name of ["backup", "former"]) expect(world.copiedFiles(name)).toEqual(world.originFiles());

  // Back in its old place: what it has is not copied again.
  expect(await world.run("remove_replica", `prefix=${world.path("former")}`)).toMatchObject({ code: 0 });
  renameSync(path, world.path("second"));
  renameSync(world.path("former"), path);
  expect(await world.sync()).toMatchObject({ code: 3 });
  const back = await world.run("add_replica", path, "new_volume=true");
  expect(back, back.stdout + back.stderr).toMatchObject({ code: 0 });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  expect(world.statusFromFile()).toMatchObject({ converged: true });
  // An order is obeyed once: the other one is not taken again because it was ordered before.
  renameSync(path, world.path("former"));
  renameSync(world.path("second"), path);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.readyReason()).toBe("MarkerOfAnotherReplica");
  expect(await world.run("add_replica", path, "new_volume=true", "not_mounted=true")).toMatchObject({ code: 0 });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
});

for (const command of ["plan", "verify"])
  wholeTest(`a new volume that ${command} has seen is the only one that is taken from then on`, [], async () => {
    using world = new World();
    const path = world.path("backup");
    world.files(...FILES);
    expect(await world.sync()).toMatchObject({ code: 0 });
    renameSync(path, world.path("former"));
    mkdirSync(path);
    expect(await world.run("add_replica", path, "new_volume=true", "not_mounted=true")).toMatchObject({ code: 0 });
    await world.run(command);
    renameSync(path, world.path("new"));
    for (const wrong of ["former", "empty"]) {
      if (wrong === "empty") mkdirSync(path);
      else renameSync(world.path(wrong), path);
      const before = world.tree("backup");
      expect(await world.sync()).toMatchObject({ code: 3 });
      expect(world.tree("backup")).toEqual(before);
      renameSync(path, world.path(`was-${wrong}`));
    }
    renameSync(world.path("new"), path);
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: FILES.length } });
  });

wholeTest("a new volume that stands at another replica's path by mistake replaces nothing there", [], async () => {
  using world = new World();
  const [path, former] = [world.path("backup"), world.path("former")];
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  renameSync(path, former);
  mkdirSync(path);
  expect(await world.run("add_replica", path, "new_volume=true", "not_mounted=true")).toMatchObject({ code: 0 });
  expect(await world.run("add_replica", former)).toMatchObject({ code: 0 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  renameSync(former, world.path("aside"));
  renameSync(path, former);
  mkdirSync(path);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.readyReason("former")).toBe("MarkerOfAnotherReplica");
  expect(await world.run("add_replica", former, "new_volume=true", "not_mounted=true")).toMatchObject({ code: 1 });
  rmdirSync(path);
  renameSync(former, path);
  mkdirSync(former);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.readyReason("former")).toBe("MarkerMissing");
  rmdirSync(former);
  renameSync(world.path("aside"), former);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
});

wholeTest("files of which the only copy was on a volume that was replaced are told, with what to do", [], async () => {
  using world = new World({ scan: { max_loss: "100%" } });
  const path = world.path("backup");
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  rmSync(`${world.data}/one`);
  expect(await world.sync()).toMatchObject({ code: 0 });
  renameSync(path, world.path("former"));
  mkdirSync(path);
  expect(await world.run("add_replica", path, "new_volume=true", "not_mounted=true")).toMatchObject({ code: 0 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect((await world.run("events", "reason=VolumeReplaced")).stdout).toContain(
    "1 of them of files that are gone at their origin",
  );
  expect((await world.run("status")).stdout).toContain("(not declared) it has 0");
  const [there] = (await world.explain(`${world.data}/one`)).files[0]?.replicas ?? [];
  expect(there).toMatchObject({ message: expect.stringContaining("formerly at"), help: expect.stringContaining("add_replica") });
  // As it is told.
  expect(await world.run("add_replica", `prefix=${world.path("former")}`)).toMatchObject({ code: 0 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(await world.run("restore", `path=${world.data}/one`)).toMatchObject({ code: 0 });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
});

wholeTest("a volume of which only the marker was removed goes on with what is on it, as it is told", [], async () => {
  using world = new World({ scan: { max_loss: "100%" } });
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  rmSync(`${world.data}/one`);
  expect(await world.sync()).toMatchObject({ code: 0 });
  rmSync(`${world.path("backup")}/${MARKER}`);
  expect((await world.sync()).stdout).toContain("add import_origins=true");
  const added = await world.run(
    "add_replica",
    world.path("backup"),
    "new_volume=true",
    "not_mounted=true",
    "import_origins=true",
  );
  expect(added, added.stdout + added.stderr).toMatchObject({ code: 0 });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  expect((await world.explain(`${world.data}/one`)).files[0]?.replicas[0]).toMatchObject({ state: "current", declared: true });
  expect(await world.run("restore", `path=${world.data}/one`)).toMatchObject({ code: 0 });
  expect(readFileSync(`${world.data}/one`, "utf8")).toBe("1");
});

wholeTest("an agent that runs takes a new volume when an operator says so", [], async () => {
  await using agent = await RunningAgent.start({}, (world) => world.files(...FILES));
  const { world } = agent;
  await agent.becomes("one", "current");
  renameSync(world.path("backup"), world.path("former"));
  mkdirSync(world.path("backup"));
  expect(await world.run("add_replica", world.path("backup"), "new_volume=true", "not_mounted=true")).toMatchObject({ code: 0 });
  // It looks twice a minute.
  await until("it has the new volume", () => existsSync(`${world.copies()}/deep/two`), 60_000);
  await agent.becomes("one", "current");
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("add_replica tells a clone of a declared replica, and takes a volume that is only somewhere else now", [], async () => {
  using world = new World();
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  Bun.spawnSync(["cp", "-a", world.path("backup"), world.path("clone")]);
  const clone = await world.run("add_replica", `prefix=${world.path("clone")}`);
  expect(clone.stdout).toContain("one is a clone of the other");
  expect(clone.stdout).not.toContain("next:");
  expect(await world.run("remove_replica", `prefix=${world.path("clone")}`)).toMatchObject({ code: 0 });
  expect(await world.run("remove_replica", `prefix=${world.path("backup")}`)).toMatchObject({ code: 0 });
  renameSync(world.path("backup"), world.path("elsewhere"));
  const moved = await world.run("add_replica", `prefix=${world.path("elsewhere")}`);
  expect(moved.stdout).toContain("found the marker");
  expect(moved.stdout).toContain("next:");
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
});
