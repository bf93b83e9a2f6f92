/**
 * A clone of a replica that was made earlier, or a snapshot of it that was rolled back, has the right marker and fewer copies. It is not believed: nothing is said to be
 * there that is not, and nothing is written to it before an operator says that it is the replica from now on.
 */
import { expect } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { MARKER, until, World, wholeTest } from "../../internal/testing/mod.ts";

const CLAIM = ".xtelemdb-writer-exao1.json";

const claimOf = (world: World, replica = "backup"): { generation?: number; since: string } =>
  JSON.parse(readFileSync(world.path(`${replica}/${CLAIM}`), "utf8"));

const clone = (world: World, from: string, to: string): void => void execFileSync("cp", ["-a", world.path(from), world.path(to)]);

/** Puts the disk `other` in the place of the replica, and keeps that one as `away`. */
function swap(world: World, other: string, away: string): void {
  renameSync(world.path("backup"), world.path(away));
  renameSync(world.path(other), world.path("backup"));
}

/** Four files at the replica, and a clone of it from when there were three. */
async function clonedWorld(): Promise<World> {
  const world = new World();
  world.files({ path: "one", content: "1" }, { path: "deep/two", content: "22" }, { path: "three", content: "333" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  clone(world, "backup", "clone");
  world.files({ path: "four", content: "4444" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  return world;
}

wholeTest("an older clone in the place of the replica is told, and neither believed nor written to", [], async () => {
  using world = await clonedWorld();
  swap(world, "clone", "newest");
  const untouched = world.tree("backup");
  const outcome = await world.sync();
  expect(outcome, outcome.stdout).toMatchObject({ code: 3 });
  expect(world.readyReason()).toBe("ReplicaWentBack");
  expect(outcome.stdout).toContain(`${world.path(`backup/${CLAIM}`)} counts 1`);
  expect(outcome.stdout).toContain("xtelemdb verify");
  expect(world.replicaStatus().conditions.find(({ type }) => type === "Stalled")).toMatchObject({ status: "True" });
  expect((await world.run("plan")).stdout).toContain("an older state of itself");
  // A look that accepts nothing says why, and changes nothing.
  const verified = await world.run("verify");
  expect(verified, verified.stdout).toMatchObject({ code: 3 });
  expect(verified.stdout).toContain("ReplicaWentBack");
  expect((await world.run("verify", "level=listed", "accept_loss=true")).code).toBe(3);
  expect((await world.run("verify", `path=${world.data}`, "accept_loss=true")).code).toBe(3);
  world.files({ path: "five", content: "55555" });
  expect(await world.sync()).toMatchObject({ code: 3 });
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

wholeTest(
  "an operator takes the older clone: what it lacks is copied again, and the former disk is the older one then",
  [],
  async () => {
    using world = await clonedWorld();
    swap(world, "clone", "newest");
    const verified = await world.run("verify", `prefix=${world.path("backup")}`, "accept_loss=true");
    expect(verified, verified.stdout + verified.stderr).toMatchObject({ code: 3 });
    expect(verified.stdout).toContain("lost");
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect(world.copiedFiles()).toEqual(world.originFiles());
    expect(claimOf(world).generation).toBeGreaterThan(claimOf(world, "newest").generation ?? 0);
    swap(world, "newest", "clone");
    expect(await world.sync()).toMatchObject({ code: 3 });
    expect(world.readyReason()).toBe("ReplicaWentBack");
  },
);

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

wholeTest("a claim that is gone, with all that was copied since, is an older state as well", [], async () => {
  using world = await clonedWorld();
  const marker = readFileSync(world.path(`backup/${MARKER}`));
  rmSync(world.path("backup"), { recursive: true });
  mkdirSync(world.path("backup"));
  writeFileSync(world.path(`backup/${MARKER}`), marker);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.readyReason()).toBe("ReplicaWentBack");
  expect(existsSync(world.path(`backup/${CLAIM}`))).toBe(false);
  expect(world.statusFromFile()?.replicas[0]?.conditions.find(({ type }) => type === "Ready")?.message).toContain("there is no");
});

wholeTest(
  "a volume that is ahead of the inventory is the right one: an inventory that was restored from a backup goes on",
  [],
  async () => {
    using world = await clonedWorld();
    const generation = claimOf(world).generation ?? 0;
    // Nothing to copy counts nothing.
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect(claimOf(world).generation).toBe(generation);
    writeFileSync(world.path(`backup/${CLAIM}`), JSON.stringify({ ...claimOf(world), generation: 40 }));
    world.files({ path: "five", content: "55555" });
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect(claimOf(world).generation).toBe(41);
  },
);

wholeTest("a declaration under another name takes the volume over, but not an older state of it", [], async () => {
  using world = await clonedWorld();
  world.declare({ replicas: ["clone"] });
  const untouched = world.tree("clone");
  world.files({ path: "five", content: "55555" });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.readyReason("clone")).toBe("ReplicaWentBack");
  expect(world.tree("clone")).toEqual(untouched);
});
