/**
 * A clone of a replica that was made earlier, or a snapshot of it that was rolled back, has the right marker and fewer copies. It is not believed: nothing is said to be
 * there that is not, and nothing is written to it before an operator says that it is the replica from now on.
 */
import { expect } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { command, filesOf, inventoryExecute, MARKER, mountMemory, until, World, wholeTest } from "../../internal/testing/mod.ts";

const PREFIX = ".xtelemdb-generation-";

const generationFile = (world: World, folder = "backup"): string =>
  readdirSync(world.path(folder))
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => world.path(`${folder}/${name}`))
    .join();

const generationOf = (world: World, folder = "backup"): number =>
  JSON.parse(readFileSync(generationFile(world, folder), "utf8")).number;

const clone = (world: World, from: string, to: string): void => void execFileSync("cp", ["-a", world.path(from), world.path(to)]);

/** Puts the disk `other` in the place of the replica, and keeps that one as `away`. */
function swap(world: World, other: string, away: string): void {
  renameSync(world.path("backup"), world.path(away));
  renameSync(world.path(other), world.path("backup"));
}

/** Four files at the replica, and a clone of it from when there were three. */
async function clonedWorld(declaration: ConstructorParameters<typeof World>[0] = {}): Promise<World> {
  const world = new World(declaration);
  world.files({ path: "one", content: "1" }, { path: "deep/two", content: "22" }, { path: "three", content: "333" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  clone(world, "backup", "clone");
  world.files({ path: "four", content: "4444" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  return world;
}

const prefix = (world: World): string => `prefix=${world.path("backup")}`;

const take = (world: World) => world.run("verify", prefix(world), "accept_loss=true");

const lost = (world: World): number | undefined => world.replicaStatus().verification?.findings.lost;

async function expectWentBack(world: World): Promise<void> {
  const outcome = await world.sync();
  expect(outcome, outcome.stdout + outcome.stderr).toMatchObject({ code: 3 });
  expect(world.readyReason()).toBe("ReplicaWentBack");
}

wholeTest("an older clone in the place of the replica is told, and neither believed nor written to", [], async () => {
  using world = await clonedWorld();
  swap(world, "clone", "newest");
  const untouched = world.tree("backup");
  const outcome = await world.sync();
  expect(outcome, outcome.stdout).toMatchObject({ code: 3 });
  expect(world.readyReason()).toBe("ReplicaWentBack");
  expect(outcome.stdout).toContain(`${generationFile(world)} says ${generationOf(world)}`);
  expect(outcome.stdout).toContain("xtelemdb verify");
  expect(world.replicaStatus().conditions.find(({ type }) => type === "Stalled")).toMatchObject({ status: "True" });
  expect((await world.run("plan")).stdout).toContain("an older state of itself");
  expect(await world.run("safe", `path=${world.data}/one`)).toMatchObject({ code: 3 });
  // A look that accepts nothing, or not the whole, says why, and changes nothing.
  const verified = await world.run("verify");
  expect(verified, verified.stdout).toMatchObject({ code: 3 });
  expect(verified.stdout).toContain("ReplicaWentBack");
  for (const half of [[], [prefix(world), "level=metadata"]]) {
    const refused = await world.run("verify", "accept_loss=true", ...half);
    expect(refused, refused.stdout).toMatchObject({ code: 3, stdout: expect.stringContaining("only by its prefix") });
  }
  world.files({ path: "five", content: "55555" });
  await expectWentBack(world);
  expect(world.tree("backup")).toEqual(untouched);
  expect((await world.explain(`${world.data}/five`)).files[0]?.replicas[0]).toMatchObject({
    pending: true,
    message: expect.stringContaining("ReplicaWentBack"),
  });

  // The right disk again: as if nothing had been.
  swap(world, "newest", "clone");
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("an operator takes the older clone, and the former disk is the older one then", [], async () => {
  using world = await clonedWorld();
  // Of this one there will be no other copy than on the newest disk.
  rmSync(`${world.data}/four`);
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  world.files({ path: "five", content: "55555" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  swap(world, "clone", "newest");
  const verified = await take(world);
  expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 3 });
  expect(lost(world)).toBe(2);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  expect(generationOf(world)).toBeGreaterThan(generationOf(world, "newest"));

  // That was a mistake: what is on the other disk, and was read there, is not lost.
  swap(world, "newest", "clone");
  await expectWentBack(world);
  const again = await take(world);
  expect(again, again.stdout + again.stderr).toMatchObject({ code: 0 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const [four] = (await world.explain(`${world.data}/four`)).files;
  expect(four).toMatchObject({ state: "absent", replicas: [{ state: "current", finding: null }] });
  expect(await world.run("restore", `path=${world.data}/four`)).toMatchObject({ code: 0 });
  expect(readFileSync(`${world.data}/four`, "utf8")).toBe("4444");
});

wholeTest("a volume that cannot be taken judges nothing", ["setpriv"], async () => {
  using world = await clonedWorld();
  swap(world, "clone", "newest");
  command("chown", "-R", "65534:65534", world.folder);
  world.runWith({ wrapper: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] });
  // Its root may not be written to.
  chmodSync(world.path("backup"), 0o555);
  expect(await take(world)).toMatchObject({ code: 3, stdout: expect.stringContaining("NotPermitted") });
  await expectWentBack(world);
  expect(lost(world)).toBe(0);
  chmodSync(world.path("backup"), 0o755);
  // Not all of it can be read: it is the replica by now, and nothing is copied before it was.
  chmodSync(`${world.copies()}/deep`, 0);
  expect(await take(world)).toMatchObject({ code: 3, stdout: expect.stringContaining("not every copy was read") });
  expect(await world.sync()).toMatchObject({ code: 3, stdout: expect.stringContaining("TakingUnfinished") });
  chmodSync(`${world.copies()}/deep`, 0o755);
  expect(await take(world)).toMatchObject({ code: 3, stdout: expect.stringContaining("lost") });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a taking that is broken off says nothing of the former volume, and the next goes on with it", [], async () => {
  using world = new World();
  const many = Array.from({ length: 1_100 }, (_, index) => ({ path: `many/${index}`, content: "12345678" }));
  // What comes after the first group takes so long that its end cannot be missed.
  const slow = Array.from({ length: 100 }, (_, index) => ({ path: `slow/${index}`, size: 800 }));
  world.files({ path: "back", content: "again" }, ...many, ...slow);
  expect(await world.sync()).toMatchObject({ code: 0 });
  clone(world, "backup", "clone");
  world.files({ path: "four", content: "4444" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  // Lost on the newest disk, and there on the clone.
  rmSync(`${world.copies()}/back`);
  expect(await world.run("verify")).toMatchObject({ code: 3 });
  swap(world, "clone", "newest");
  const taking = world.start("verify", prefix(world), "accept_loss=true", "bandwidth=8kB");
  const position = (): number => Number(inventoryExecute(world.database, "select scrub_position from replica"));
  await until("the first group is committed", () => position() > 0);
  taking.signal("SIGKILL");
  await taking.ended;
  swap(world, "newest", "clone");
  await expectWentBack(world);
  swap(world, "clone", "newest");
  expect(await world.sync()).toMatchObject({ code: 3, stdout: expect.stringContaining("TakingUnfinished") });
  expect(await take(world)).toMatchObject({ code: 3 });
  expect(lost(world)).toBe(1);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a replica that is full has its rows, though its generation has no room", ["root"], async () => {
  using world = new World();
  mountMemory(world.path("backup"), { size: "1m" });
  world.files(...Array.from({ length: 400 }, (_, index) => ({ path: `${index}`, content: "x".repeat(4_096) })));
  expect(await world.sync()).toMatchObject({ code: 3, stdout: expect.stringContaining("NoSpace") });
  expect(world.replicaStatus().current.files).toBeGreaterThan(100);
});

wholeTest("what was lost and is there again, or was imported, is not believed of an older volume either", [], async () => {
  using world = await clonedWorld();
  rmSync(`${world.copies()}/four`);
  expect(await world.run("verify")).toMatchObject({ code: 3 });
  clone(world, "backup", "snapshot");
  execFileSync("cp", ["-a", `${world.data}/four`, `${world.copies()}/four`]);
  expect(await world.run("verify")).toMatchObject({ code: 0 });
  swap(world, "snapshot", "newest");
  await expectWentBack(world);
  swap(world, "newest", "snapshot");
  // Copies of a host that is served elsewhere.
  clone(world, "backup", "before");
  world.makeTree("backup/exao9/data", [{ path: "theirs", content: "t" }]);
  expect(await world.run("import_origins", prefix(world))).toMatchObject({ code: 0 });
  swap(world, "before", "newest");
  await expectWentBack(world);
});

wholeTest("a clone that is swapped in under a running agent is told before it is written to", [], async () => {
  using world = await clonedWorld();
  const agent = world.start("sync", "continuous=true");
  await until("it has converged", () => world.statusFromFile()?.converged === true);
  swap(world, "clone", "newest");
  const untouched = world.tree("backup");
  world.files({ path: "five", content: "55555" });
  await until("it has told", () => world.readyReason() === "ReplicaWentBack");
  expect(world.tree("backup")).toEqual(untouched);
  agent.signal("SIGTERM");
  await agent.ended;
});

wholeTest("a snapshot that is taken in the middle of a pass is older than the pass", [], async () => {
  using world = new World({ replicaKeys: { backup: { workers: 1 } } });
  // More directories than some groups have.
  world.files(...Array.from({ length: 2_000 }, (_, index) => ({ path: `${index}/file`, content: "1" })));
  const run = world.start("sync");
  await until("the first rows are recorded", () => generationFile(world) !== "" && generationOf(world) > 1);
  run.signal("SIGSTOP");
  clone(world, "backup", "clone");
  run.signal("SIGCONT");
  expect((await run.ended).code).toBe(0);
  expect(world.copiedFiles()).toEqual(world.originFiles());
  expect(Object.keys(filesOf(world.tree("clone"))).length).toBeLessThan(2_000);
  swap(world, "clone", "newest");
  await expectWentBack(world);
});

wholeTest("an empty volume with the marker is an older state as well", [], async () => {
  using world = await clonedWorld();
  const marker = readFileSync(world.path(`backup/${MARKER}`));
  rmSync(world.path("backup"), { recursive: true });
  mkdirSync(world.path("backup"));
  writeFileSync(world.path(`backup/${MARKER}`), marker);
  const outcome = await world.sync();
  expect(world.readyReason()).toBe("ReplicaWentBack");
  expect(outcome.stdout).toContain("is missing");
  expect(generationFile(world)).toBe("");
});

wholeTest(
  "a volume that is ahead of the inventory is the right one; one with the same number by another way is not",
  [],
  async () => {
    using world = await clonedWorld();
    const number = generationOf(world);
    // Nothing to copy raises nothing.
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect(generationOf(world)).toBe(number);
    const path = generationFile(world);
    const written = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...written, token: "another" }));
    await expectWentBack(world);
    // As after an inventory that was restored from a backup.
    writeFileSync(path, JSON.stringify({ ...written, number: 40 }));
    world.files({ path: "five", content: "55555" });
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect(generationOf(world)).toBeGreaterThan(40);
  },
);

wholeTest("a declaration under another name takes the volume over, but not an older state of it", [], async () => {
  using world = await clonedWorld();
  world.declare({ replicas: ["clone"] });
  const untouched = world.tree("clone");
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.readyReason("clone")).toBe("ReplicaWentBack");
  expect(world.tree("clone")).toEqual(untouched);
});

wholeTest("what an inventory that was rebuilt has taken from a volume is not believed of an older one", [], async () => {
  using world = await clonedWorld();
  rmSync(world.path("state"), { recursive: true });
  expect(await world.run("inventory", "rebuild")).toMatchObject({ code: 0 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  swap(world, "clone", "newest");
  await expectWentBack(world);
});

wholeTest("while the generation cannot be raised no copy is made, and all is made up for", [], async () => {
  using world = await clonedWorld();
  const uuid = generationFile(world).slice(world.path(`backup/${PREFIX}`).length, -".json".length);
  const hex = new Bun.CryptoHasher("sha256").update(`generation\n${uuid}`).digest("hex").slice(0, 16);
  // A folder in the place of its temporary file.
  world.makeTree(`backup/.xtelemdb-${hex}.part`, [{ path: "x", content: "x" }]);
  world.files({ path: "five", content: "55555" });
  const number = generationOf(world);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.copiedFiles().five).toBeUndefined();
  expect((await world.explain(`${world.data}/five`)).files[0]?.replicas[0]).toMatchObject({ state: "missing", pending: true });
  rmSync(world.path(`backup/.xtelemdb-${hex}.part`), { recursive: true });
  const healed = await world.sync();
  expect(healed, healed.stdout).toMatchObject({ code: 0 });
  expect(generationOf(world)).toBeGreaterThan(number);
  expect((await world.explain(`${world.data}/five`)).files[0]?.replicas[0]).toMatchObject({ state: "current" });
});

wholeTest("a taking that is killed around the moment of its generation leaves nothing that is believed", ["strace"], async () => {
  using world = await clonedWorld();
  const untouched = generationOf(world, "clone");
  swap(world, "clone", "newest");
  for (const [inject, paths] of [
    ["renameat:signal=SIGKILL:when=1", []],
    ["fsync:signal=SIGKILL:when=1", [world.path("backup")]],
  ] as const) {
    const given = ["verify", prefix(world), "accept_loss=true"];
    const killed = await world.traced(given, { inject: [inject], ...(paths.length > 0 && { paths }), calls: "fsync,renameat" });
    expect(killed.signal === "SIGKILL" || killed.code === 128 + 9, killed.calls.join("\n")).toBe(true);
    for (const known of [["sync"], ["status"], ["plan"]]) expect(await world.run(...known)).toMatchObject({ code: 3 });
    expect(await world.run("safe", `path=${world.data}/one`)).toMatchObject({ code: 3 });
    swap(world, "newest", "clone");
    await expectWentBack(world);
    swap(world, "clone", "newest");
  }
  expect(generationOf(world)).toBeGreaterThan(untouched);
  expect(await take(world)).toMatchObject({ code: 3, stdout: expect.stringContaining("lost") });
  expect(await world.run("status")).toMatchObject({ code: 3 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a taking is not ended by a look at a volume that is mounted read-only", ["root", "setpriv"], async () => {
  using world = await clonedWorld();
  const disk = mountMemory(world.path("disk"));
  execFileSync("cp", ["-a", `${world.path("clone")}/.`, world.path("disk")]);
  rmSync(`${world.path("disk")}/exao1${world.data}/deep/two`);
  world.declare({ replicas: ["disk"] });
  expect(await world.sync()).toMatchObject({ code: 3 });
  command("chown", "-R", "65534:65534", world.folder);
  world.runWith({ wrapper: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] });
  const deep = `${world.path("disk")}/exao1${world.data}/deep`;
  chmodSync(deep, 0);
  const given = ["verify", `prefix=${world.path("disk")}`, "accept_loss=true"];
  expect(await world.run(...given)).toMatchObject({ code: 3, stdout: expect.stringContaining("not every copy was read") });
  disk.remount("ro");
  expect(await world.run("verify")).toMatchObject({ code: 3, stdout: expect.stringContaining("TakingUnfinished") });
  disk.remount("rw");
  expect(await world.run(...given)).toMatchObject({ code: 3, stdout: expect.stringContaining("not every copy was read") });
  chmodSync(deep, 0o755);
  expect(await world.run(...given)).toMatchObject({ code: 3, stdout: expect.stringContaining("lost") });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles("disk")).toEqual(world.originFiles());
});
