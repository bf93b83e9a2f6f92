/** Manifests on a replica: checked by sha256sum alone, written when they are due, and enough to know everything again. */
import { describe, expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ImportSummary } from "../../internal/agent/mod.ts";
import { HOST, inventoryExecute, jsonOf, until, World, wholeTest } from "../../internal/testing/mod.ts";

const folderOf = (world: World, replica = "backup"): string => join(world.path(replica), ".xtelemdb-manifest", HOST);

const manifests = (world: World): string[] =>
  readdirSync(folderOf(world))
    .toSorted()
    .map((name) => join(folderOf(world), name));

/** What coreutils say of the copies; nothing when all is well. */
function sha256sum(world: World): { code: number; text: string } {
  const script = "sha256sum --check --quiet --strict .xtelemdb-manifest/*/*.sha256 2>&1";
  const done = Bun.spawnSync(["sh", "-c", script], { cwd: world.path("backup"), stdout: "pipe" });
  return { code: done.exitCode, text: done.stdout.toString() };
}

/** Everything that the inventory knows of files and copies, but what depends on when somebody looked. */
const rows = (world: World): string =>
  inventoryExecute(
    world.database,
    `select h.name, d.path, hex(f.name), f.size, f.mtime_seconds, f.mtime_nanoseconds, r.state, r.size, r.mtime_seconds, r.mtime_nanoseconds,
      r.kept_mtime_seconds, r.kept_mtime_nanoseconds, hex(r.digest), r.digest_algorithm, r.copied_at, r.verified_at, r.imported, r.created_at
      from file_replica r join file_origin f on f.id = r.file_origin_id join directory d on d.id = f.directory_id join host h on h.id = d.host_id
      order by h.name, d.path, f.name`,
  );

const loseInventory = (world: World): void => {
  for (const end of ["", "-wal", "-shm"]) rmSync(world.database + end, { force: true });
};

const HARD = [
  { path: "plain.log", content: "plain" },
  { path: "new\nline", content: "1" },
  { path: "back\\slash", content: "2" },
  { path: "return\r", content: "3" },
  { path: "deep/er/x", content: "4", mtime: 1_700_000_000_123_456_789n },
  { path: "empty", content: "" },
] as const;

const withBytes = (world: World): void =>
  writeFileSync(Buffer.concat([Buffer.from(`${world.data}/`), Buffer.from([0xff, 0xfe, 0x41])]), "no text");

wholeTest("sha256sum checks every copy, whatever its name is, and finds the one that is not what it was", [], async () => {
  using world = new World();
  world.files(...HARD);
  withBytes(world);
  expect((await world.sync()).code).toBe(0);
  expect(sha256sum(world)).toEqual({ code: 0, text: "" });
  expect(manifests(world)).toHaveLength(2);
  for (const file of manifests(world)) expect(statSync(file).mode & 0o777).toBe(0o640);
  writeFileSync(join(world.copies(), "plain.log"), "PLAIN");
  const found = sha256sum(world);
  expect(found.code).toBe(1);
  expect(found.text).toContain("plain.log: FAILED");
});

wholeTest(
  "a sync that has nothing to do writes no manifest, and one that has writes those of the directories that changed",
  [],
  async () => {
    using world = new World();
    world.files({ path: "a/x", content: "1" }, { path: "b/x", content: "1" });
    await world.sync();
    const before = manifests(world).map((file) => [file, statSync(file).ino]);
    await world.sync();
    expect(manifests(world).map((file) => [file, statSync(file).ino])).toEqual(before);
    expect(inventoryExecute(world.database, "select count(*) from manifest where due_since is not null")).toBe("0");
    world.files({ path: "b/y", content: "2" });
    await world.sync();
    const after = manifests(world).map((file) => [file, statSync(file).ino]);
    expect(after.filter(([file, inode]) => !before.some(([name, old]) => name === file && old === inode))).toHaveLength(1);
    expect(sha256sum(world)).toEqual({ code: 0, text: "" });
  },
);

wholeTest("killed while manifests are written, the next sync writes them and leaves nothing behind", [], async () => {
  using world = new World();
  world.files(...Array.from({ length: 40 }, (_, index) => ({ path: `d${index}/x`, content: String(index) })));
  for (const call of ["renameat", "fsync", "openat"]) {
    // The first manifest of all is about to get its name, or is written to.
    const running = world.start("sync");
    await until("a manifest is begun", () => {
      try {
        return readdirSync(folderOf(world)).length > 0;
      } catch {
        return false;
      }
    }).catch(() => undefined);
    running.signal("SIGKILL");
    await running.ended;
    world.files({ path: `more-${call}/x`, content: call });
  }
  expect((await world.sync()).code).toBe(0);
  expect(readdirSync(folderOf(world)).filter((name) => !name.endsWith(".sha256"))).toEqual([]);
  expect(manifests(world)).toHaveLength(43);
  expect(sha256sum(world)).toEqual({ code: 0, text: "" });
});

wholeTest("manifests that somebody has removed are written again with the next change", [], async () => {
  using world = new World();
  world.files({ path: "a/x", content: "1" }, { path: "b/x", content: "2" });
  await world.sync();
  rmSync(folderOf(world), { recursive: true });
  world.files({ path: "c/x", content: "3" });
  await world.sync();
  await world.sync();
  expect(manifests(world)).toHaveLength(3);
  expect(sha256sum(world)).toEqual({ code: 0, text: "" });
});

wholeTest("an agent that goes on for ever writes them beside its copying", [], async () => {
  using world = new World();
  world.files({ path: "x", content: "1" });
  await world.sync();
  const [file = ""] = manifests(world);
  const agent = world.start("sync", "continuous=true");
  world.files({ path: "y", content: "2" });
  await until("the manifest tells of it", () => readFileSync(file, "utf8").includes("/y\n"));
  agent.signal("SIGTERM");
  expect((await agent.ended).code).toBe(0);
  expect(sha256sum(world)).toEqual({ code: 0, text: "" });
});

describe("an inventory that was lost", () => {
  wholeTest(
    "is made again from a replica alone: import_origins takes everything from the manifests, and sync copies nothing",
    [],
    async () => {
      using world = new World();
      world.files(...HARD);
      withBytes(world);
      await world.sync();
      // The verified moments get into the manifests with the next change.
      expect((await world.run("verify")).code).toBe(0);
      world.files({ path: "late", content: "late" }, { path: "deep/er/late", content: "late" });
      await world.sync();
      const before = rows(world);
      loseInventory(world);
      const summary = jsonOf<ImportSummary>(await world.run("import_origins", "--json"));
      expect(summary.outcome).toBe("complete");
      expect(summary.replicas[0]?.folders[0]?.proven).toBe(9);
      expect(rows(world)).toBe(before);
      const synced = await world.syncSummary();
      expect([synced.code, synced.copied.files, synced.adopted.files]).toEqual([0, 0, 0]);
      expect(rows(world)).toBe(before);
      expect(sha256sum(world)).toEqual({ code: 0, text: "" });
    },
  );

  wholeTest("believes no manifest over the disk: what differs, is damaged or is gone is named and not used", [], async () => {
    using world = new World();
    world.files(...["same", "longer", "damaged", "gone"].map((path) => ({ path, content: path })));
    await world.sync();
    loseInventory(world);
    writeFileSync(join(world.copies(), "longer"), "longer now");
    rmSync(join(world.copies(), "gone"));
    const [file = ""] = manifests(world);
    writeFileSync(file, readFileSync(file, "utf8").replace(/^(#: [0-9a-f]{8}) 7 /m, "$1 8 "));
    const summary = jsonOf<ImportSummary>(await world.run("import_origins", "--json"));
    expect(summary.outcome).toBe("conflicts");
    const [replica] = summary.replicas;
    const said = replica?.firstConflicts.map(({ message }) => message.replace(/the manifest \S+/, "the manifest")).toSorted();
    expect(said).toEqual([
      "it stands in the manifest and is not there",
      expect.stringMatching(/^line \d+ is damaged: it is not used$/),
      "the manifest tells of another size or time: it is not used",
    ]);
    expect(replica?.folders[0]?.proven).toBe(1);
    const digests = "select f.name from file_replica r join file_origin f on f.id = r.file_origin_id where r.digest is not null";
    expect(inventoryExecute(world.database, digests)).toBe("same");
  });

  wholeTest("comes back from a replica that is mounted elsewhere, too", [], async () => {
    using world = new World();
    world.files(...HARD);
    await world.sync();
    const before = rows(world);
    loseInventory(world);
    renameSync(world.path("backup"), world.path("elsewhere"));
    mkdirSync(world.path("backup"));
    world.declare({ replicas: ["elsewhere"] });
    expect((await world.run("import_origins")).code).toBe(0);
    expect(rows(world)).toBe(before);
  });
});
