/** A sample of the worlds of scripts/faults. */
import { expect } from "bun:test";
import { World, wholeTest } from "../../internal/testing/mod.ts";
import { DISK_NEEDS, Disk, diskCaseOf, runDiskCase } from "../../internal/testing/worlds/mod.ts";

for (const name of ["disk:ext4:unmounted:5", "disk:tmpfs:full:5", "disk:vfat:died:5"]) {
  const given = diskCaseOf(name);
  if (given === undefined) throw new Error(`${name} is no case`);
  wholeTest(`a disk is ${given.deed} in the middle of a run (${given.kind})`, DISK_NEEDS[given.kind], async () => {
    const result = await runDiskCase(given);
    expect(result).toEqual({ name, disturbed: true, torn: 0, lost: 0, falseCurrent: 0, failures: [] });
  });
}

wholeTest("names that the replica's file system takes for one never share a copy", DISK_NEEDS.vfat, async () => {
  using world = new World({ replicas: ["backup", "second"] });
  await Disk.make(world.path("backup"), "vfat");
  const mtime = 1_700_000_000_000_000_000n;
  // The same contents and times: each could be taken for the copy of the other.
  world.files({ path: "A", content: "one", mtime }, { path: "Folder/x", content: "two", mtime });
  expect((await world.sync()).code).toBe(0);
  world.files({ path: "a", content: "one", mtime }, { path: "folder/x", content: "two", mtime });
  expect((await world.sync()).code).toBe(3);
  const stateOf = async (path: string, index = 0) => (await world.explain(`${world.data}/${path}`)).files[0]?.replicas[index];
  for (const path of ["a", "folder/x"]) {
    expect(await stateOf(path)).toMatchObject({ state: "missing", pending: true, message: expect.stringContaining("NameTaken") });
    expect((await stateOf(path))?.help).toContain("rename one of the two");
    expect(await stateOf(path, 1)).toMatchObject({ state: "current" });
  }
  // The one that was there first goes on being copied.
  world.files({ path: "A", content: "one, and more" });
  expect((await world.sync()).code).toBe(3);
  expect(await stateOf("A")).toMatchObject({ state: "current" });
  expect(Object.keys(world.copiedFiles()).toSorted()).toEqual(["A", "Folder/x"]);
});

wholeTest("two such names that come at once: one is copied, the other says why not", DISK_NEEDS.vfat, async () => {
  using world = new World();
  await Disk.make(world.path("backup"), "vfat");
  world.files(...["B", "b", "C", "c"].map((path) => ({ path, content: `contents of ${path}` })));
  expect((await world.sync()).code).toBe(3);
  expect(world.readyReason()).toBe("FilesFailed");
  const copies = world.copiedFiles();
  expect(Object.keys(copies)).toHaveLength(2);
  for (const name of ["B", "b", "C", "c"]) {
    const at = (await world.explain(`${world.data}/${name}`)).files[0]?.replicas[0];
    if (copies[name] === undefined) expect(at?.message).toContain("NameTaken");
    else expect(at?.state).toBe("current");
  }
});

wholeTest(
  "times that the replica keeps in steps of two seconds are known: nothing is copied twice",
  DISK_NEEDS.vfat,
  async () => {
    using world = new World();
    await Disk.make(world.path("backup"), "vfat");
    world.files(
      ...[0n, 1n, 2n, 3n].map((odd) => ({
        path: `f${odd}`,
        content: "x",
        mtime: 1_700_000_000_123_456_789n + odd * 1_000_000_000n,
      })),
    );
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 4 } });
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
    expect((await world.run("verify")).code).toBe(0);
  },
);
