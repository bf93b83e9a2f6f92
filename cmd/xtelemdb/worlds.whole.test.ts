/** A sample of the worlds of scripts/faults. */
import { expect } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SyncSummary } from "../../internal/agent/mod.ts";
import { usualCases } from "../../internal/testing/chosen-cases.ts";
import {
  command,
  jsonOf,
  mountImage,
  mountMemory,
  type Requirement,
  SshServer,
  TcpProxy,
  temporaryFiles,
  until,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";
import {
  countBelow,
  DISK_NEEDS,
  Disk,
  diskCaseOf,
  disturbInTheMiddle,
  otherCaseOf,
  runDiskCase,
} from "../../internal/testing/worlds/mod.ts";

for (const name of usualCases(["disk:ext4:unmounted:5", "disk:tmpfs:full:5", "disk:vfat:died:5"], 2)) {
  const given = diskCaseOf(name);
  if (given === undefined) throw new Error(`${name} is no case`);
  wholeTest(`a disk is ${given.deed} in the middle of a run (${given.kind})`, DISK_NEEDS[given.kind], async () => {
    const result = await runDiskCase(given);
    expect(result).toEqual({ name, disturbed: true, torn: 0, lost: 0, falseCurrent: 0, failures: [] });
  });
}

const NEEDS: Readonly<Record<string, readonly Requirement[]>> = {
  clock: ["faketime"],
  running: ["root", "loop"],
  hang: ["fuse"],
  late: ["sshd"],
};

for (const name of usualCases(
  ["running:origin-unmounted:0", "agent:same-inventory:3", "clock:to-1970:0", "hang:origin:5", "late:far-end:5"],
  1,
)) {
  const given = otherCaseOf(name);
  if (given === undefined) throw new Error(`${name} is no case`);
  const needs = NEEDS[name.slice(0, name.indexOf(":"))] ?? [];
  wholeTest(`a world that changes in the middle of a run: ${name}`, needs, async () => {
    expect(await given.run()).toMatchObject({ name, torn: 0, lost: 0, falseCurrent: 0, failures: [] });
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

wholeTest("a disk that dies is the replica's trouble, and no file's", DISK_NEEDS.vfat, async () => {
  using world = new World({ replicas: ["backup", "second"] });
  const disk = await Disk.make(world.path("backup"), "vfat");
  world.files({ path: "first", content: "1" });
  expect((await world.sync()).code).toBe(0);
  world.declare({ replicas: ["backup", "second"], replicaKeys: { backup: { bandwidth: "2 MB" } } });
  world.files(...Array.from({ length: 40 }, (_, index) => ({ path: `d${index % 5}/${index}`, size: 60_000, seed: index })));
  const { disturbed, outcome } = await disturbInTheMiddle(
    world.start("sync", "--json"),
    () => countBelow(disk.hidden) > 8,
    async () => {
      await disk.die();
      return undefined;
    },
  );
  expect([disturbed, outcome.code]).toEqual([true, 3]);
  expect(world.readyReason("backup")).toBe("VolumeFailed");
  expect(world.replicaStatus("backup").failed).toMatchObject({ files: 0 });
  expect(jsonOf<SyncSummary>(outcome).failed).toMatchObject({ files: 0 });
  expect(world.readyReason("second")).toBe("Converged");
  await disk.revive();
  expect(await world.syncSummary()).toMatchObject({ code: 0 });
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
});

wholeTest("what is mounted below a replica's root is not written to: no guard and no flush reaches it", ["root"], async () => {
  using world = new World({ replicas: ["backup", "second"] });
  world.files({ path: "d/one", content: "1" }, { path: "e/one", content: "1" });
  expect((await world.sync()).code).toBe(0);
  const below = mountMemory(join(world.copies("backup"), "d"));
  world.files({ path: "d/two", content: "2" }, { path: "d/deep/three", content: "3" }, { path: "e/two", content: "2" });
  // What equals its source there is not taken for a copy, either: nothing would make it durable.
  command("cp", "-a", `${world.data}/d/two`, below.path);
  expect((await world.sync()).code).toBe(3);
  expect(readdirSync(below.path)).toEqual(["two"]);
  for (const path of ["d/two", "d/deep/three"]) {
    const at = (await world.explain(`${world.data}/${path}`)).files[0]?.replicas;
    expect(at?.[0]).toMatchObject({ state: "missing", message: expect.stringContaining("MountedBelow") });
    expect(at?.[1]).toMatchObject({ state: "current" });
  }
  expect(world.copiedFiles()["e/two"]).toBeDefined();
  below.unmount();
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 2 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a btrfs subvolume below a replica's root is the same file system", ["root", "loop", "btrfs"], async () => {
  using world = new World();
  mountImage(world.path("backup"), "btrfs");
  world.files({ path: "e/one", content: "1" });
  expect((await world.sync()).code).toBe(0);
  command("btrfs", "subvolume", "create", join(world.copies("backup"), "d"));
  world.files({ path: "d/two", content: "2" });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
});

wholeTest("what failed of a file is forgotten when the file is gone at its origin", [], async () => {
  using world = new World({ scan: { max_loss: "100%" } });
  world.files({ path: "d/one", content: "1" });
  expect((await world.sync()).code).toBe(0);
  world.files({ path: "d/two", content: "22" });
  writeFileSync(join(world.copies(), "d/two"), "somebody else's");
  expect((await world.sync()).code).toBe(3);
  rmSync(join(world.data, "d/two"));
  expect((await world.sync()).code).toBe(0);
  expect(world.replicaStatus().failed).toMatchObject({ files: 0 });
  const { files } = await world.explain(join(world.data, "d/two"));
  expect(files[0]).toMatchObject({ state: "absent", replicas: [{ pending: false, attempts: null }] });
});

wholeTest("every file of an origin that cannot be reached says so", ["sshd"], async () => {
  using world = new World();
  const server = await SshServer.start(world.path("sshd"));
  const proxy = await TcpProxy.start(server.port);
  mkdirSync(world.path("remote"));
  world.declare({
    hosts: { exao1: ["data"], icc: ["remote"] },
    hostKeys: { icc: { address: "ssh://127.0.0.1", ssh_options: [`Port=${proxy.port}`, ...server.options()], timeout: "5s" } },
    replicaKeys: { backup: { bandwidth: "2 MB" } },
  });
  const names = Array.from({ length: 40 }, (_, index) => String(index));
  world.makeTree(
    "remote",
    names.map((path) => ({ path, size: 100_000 })),
  );
  const running = world.start("sync");
  await until("files are on their way", () => proxy.returned > 800_000);
  proxy.weather = { cutAfterBytes: 0 };
  expect((await running.ended).code).toBe(3);
  proxy.stop();
  expect((await world.sync()).code).toBe(3);
  for (const name of ["0", "20", "39"]) {
    const at = (await world.explain(world.path(`remote/${name}`))).files[0]?.replicas[0];
    if (at?.pending === true) expect(at.message).toContain("OriginUnreachable");
  }
  const { files } = await world.explain(world.path("remote/39"));
  expect(files[0]?.replicas[0]?.pending).toBe(true);
  server.stop();
});
