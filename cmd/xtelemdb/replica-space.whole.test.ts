/** A replica that is full takes what fits, names the first that does not, and heals when there is room. */
import { expect } from "bun:test";
import { mountMemory, temporaryFiles, World, wholeTest } from "../../internal/testing/mod.ts";

const KIB = 1024;

wholeTest("a full replica gets what fits, names what does not, and does not hold up the other", ["root"], async () => {
  using world = new World({ replicas: ["other"] });
  const volume = mountMemory(world.path("backup"), { size: "2m" });
  world.declare({ replicas: ["backup", "other"] });
  world.files({ path: "big", size: 3 * KIB * KIB }, { path: "a", size: 10 * KIB }, { path: "z", size: 20 * KIB });
  const plan = await world.plan();
  const planned = plan.replicas.find(({ url }) => url === world.path("backup"));
  expect(planned).toMatchObject({ fits: false, firstThatDoesNotFit: { path: `${world.data}/big`, size: 3 * KIB * KIB } });
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(Object.keys(world.copiedFiles())).toEqual(["a", "z"]);
  expect(world.copiedFiles("other")).toEqual(world.originFiles());
  const full = world.replicaStatus();
  expect(full).toMatchObject({ ready: false, current: { files: 2 }, pending: { files: 1 }, failed: { files: 1 } });
  expect(full.lastError).toMatchObject({ path: `${world.data}/big`, reason: "NoSpace" });
  expect(full.conditions.find(({ type }) => type === "SpaceAvailable")).toMatchObject({ status: "False", reason: "NoSpace" });
  expect(outcome.stdout).toContain(`${world.data}/big`);
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
  volume.remount("size=8m");
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("many small files that do not all fit leave no torn and no temporary file behind", ["root"], async () => {
  using world = new World({ replicas: [] });
  const volume = mountMemory(world.path("backup"), { size: "1m" });
  world.declare({ replicas: ["backup"] });
  world.files(...Array.from({ length: 400 }, (_, index) => ({ path: `d${index % 7}/${index}`, size: 5 * KIB, seed: index })));
  expect(await world.sync()).toMatchObject({ code: 3 });
  const origin = world.originFiles();
  const copied = world.copiedFiles();
  expect(Object.keys(copied).length).toBeGreaterThan(50);
  for (const [path, file] of Object.entries(copied)) expect(file).toBe(origin[path] ?? "not at the origin");
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
  expect(world.readyReason()).toMatch(/^(NoSpace|FilesFailed)$/);
  volume.remount("size=16m");
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(origin);
});

wholeTest("a reserve stays free", ["root"], async () => {
  using world = new World({ replicas: [] });
  mountMemory(world.path("backup"), { size: "4m" });
  world.files({ path: "a", size: 10 * KIB }, { path: "b", size: 2 * KIB * KIB });
  world.declare({ replicas: ["backup"] });
  await Bun.write(world.configuration, `${await Bun.file(world.configuration).text()}reserve = "3 MiB"\n`);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(Object.keys(world.copiedFiles())).toEqual(["a"]);
  expect(world.replicaStatus().lastError).toMatchObject({ reason: "NoSpace", path: `${world.data}/b` });
});

wholeTest("a reserve stays free whatever many workers write at a time", ["root"], async () => {
  using world = new World({ replicas: [] });
  mountMemory(world.path("backup"), { size: "100m" });
  // Two groups, of which each would fit alone.
  world.files(...Array.from({ length: 2 * 4096 }, (_, index) => ({ path: `d${index % 2}/${index}`, size: 8 * KIB })));
  world.declare({ replicas: ["backup"], replicaKeys: { backup: { reserve: "60 MiB", workers: 2 } } });
  expect(await world.sync()).toMatchObject({ code: 3 });
  // 40 MiB were to spare. What the manifests take is not asked for here.
  const { files } = world.replicaStatus().current;
  expect(files).toBeLessThanOrEqual((40 * KIB) / 8);
  expect(files).toBeGreaterThan((39 * KIB) / 8);
  expect(world.readyReason()).toMatch(/^(NoSpace|FilesFailed)$/);
});

wholeTest("a replica without free inodes says so, and heals when there are some", ["root"], async () => {
  using world = new World({ replicas: ["other"] });
  const volume = mountMemory(world.path("backup"), { inodes: 20 });
  world.declare({ replicas: ["backup", "other"] });
  world.files(...Array.from({ length: 40 }, (_, index) => ({ path: `file ${index}`, content: String(index) })));
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(world.copiedFiles("other")).toEqual(world.originFiles());
  const status = world.replicaStatus();
  expect(status.conditions.find(({ type }) => type === "SpaceAvailable")).toMatchObject({ status: "False", reason: "NoInodes" });
  expect(outcome.stdout).toContain("NoInodes");
  expect(Object.keys(world.copiedFiles()).length).toBeGreaterThan(5);
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
  volume.remount("nr_inodes=200");
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});
