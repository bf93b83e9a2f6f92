/** Durable before recorded, also where a flush of the whole file system reaches nobody, for what is removed, and for what somebody else has copied. */
import { describe, expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  command,
  inventoryExecute,
  MARKER,
  mountDisk,
  type Traced,
  temporaryFiles,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

/** The thread that did what the pattern says, from there on. */
const since = ({ threads }: Traced, pattern: RegExp): readonly string[] => {
  const thread = threads.find((lines) => lines.some((line) => pattern.test(line))) ?? [];
  return thread.slice(thread.findIndex((line) => pattern.test(line)));
};

const wasKilled = ({ code, signal }: Traced): boolean => signal === "SIGKILL" || code === 128 + 9;

wholeTest(
  "behind FUSE, where syncfs reaches nobody, each file and each directory is flushed by itself",
  ["fuse", "strace"],
  async () => {
    using world = new World();
    command("bindfs", world.path("backup"), world.path("backup"));
    world.files({ path: "a/1", size: 5000, seed: 1 }, { path: "a/2", size: 5000, seed: 2 }, { path: "b/3", size: 5000, seed: 3 });
    const traced = await world.traced(["sync"], { calls: "fsync,syncfs,renameat2,mkdirat" });
    expect(traced.code).toBe(0);
    // Not the times: libfuse 2, which bindfs is made with, may forget them (utimensat with UTIME_OMIT).
    const contents = (files: Record<string, string>) =>
      Object.entries(files).map(([path, said]) => [path, said.split(", ").at(-1)]);
    expect(contents(world.copiedFiles())).toEqual(contents(world.originFiles()));
    const lines = traced.calls.filter((line) => line.includes(`<${world.path("backup")}`));
    expect(lines.filter((line) => line.startsWith("syncfs"))).toEqual([]);
    const flushed = lines.filter((line) => line.startsWith("fsync")).map((line) => /<(.*)>\)/.exec(line)?.[1] ?? line);
    const copies = world.copies();
    for (const folder of ["a", "b"]) {
      const files = folder === "a" ? 2 : 1;
      expect(flushed.filter((path) => path.startsWith(`${copies}/${folder}/.xtelemdb-`))).toHaveLength(files);
      // Once more under its name: bindfs does not flush directories, and the kernel does not tell.
      expect(flushed.filter((path) => ["1", "2", "3"].some((name) => path === `${copies}/${folder}/${name}`))).toHaveLength(
        files,
      );
      // And every directory from there up to the root, whose names have changed.
      for (let path = `${copies}/${folder}`; path.length >= world.path("backup").length; path = join(path, ".."))
        expect(flushed).toContain(path);
    }
  },
);

wholeTest("a copy behind FUSE whose name could not be flushed is not recorded", ["fuse", "strace"], async () => {
  using world = new World();
  command("bindfs", world.path("backup"), world.path("backup"));
  world.files({ path: "a/1", content: "1" }, { path: "a/2", content: "2" });
  expect((await world.sync()).code).toBe(0);
  world.files({ path: "a/1", content: "one" });
  // The first is opened to make the temporary file, the second to flush it under its name.
  const refused = { inject: ["openat:error=EMFILE:when=2"], paths: [`${world.copies()}/a`] };
  const traced = await world.traced(["sync"], refused);
  expect(traced.calls.find((line) => line.includes("(INJECTED)"))).toContain(`"1", O_RDONLY`);
  expect(traced.code, traced.stdout + traced.stderr).toBe(3);
  const at = (await world.explain(`${world.data}/a/1`)).files[0]?.replicas[0];
  expect([at?.state, at?.pending]).toEqual(["stale", true]);
  expect((await world.sync()).code).toBe(0);
});

wholeTest("a replica on a disk that is mounted without flushes is told to be less guarded", ["loop"], async () => {
  using world = new World({ replicas: ["backup"] });
  const volume = mountDisk(world.path("backup"));
  world.files({ path: "a", content: "1" });
  expect((await world.sync()).code).toBe(0);
  const guarded = () => world.replicaStatus().conditions.find(({ type }) => type === "Guarded");
  expect(guarded()).toMatchObject({ status: "True" });
  volume.remount("nobarrier");
  expect((await world.sync()).code).toBe(0);
  expect(guarded()).toMatchObject({ status: "False", reason: "WeakerGuards", message: expect.stringContaining('"nobarrier"') });
});

describe("what is removed does not come back with a power cut: the directory is flushed", () => {
  const REMOVED = /^unlinkat\(.*\.xtelemdb-[0-9a-f]{16}\.part"/;

  wholeTest("after the temporary files of a killed run are cleaned away", ["strace"], async () => {
    using world = new World({ scan: { max_loss: "100%" } });
    world.files({ path: "keep/1", content: "1" });
    await world.sync();
    world.files({ path: "d/1", content: "1" });
    expect(wasKilled(await world.traced(["sync"], { inject: ["renameat2:signal=SIGKILL:when=1"] }))).toBe(true);
    expect(temporaryFiles(world.path("backup"))).toHaveLength(1);
    // Nothing is published there any more, which would flush the directory by and by.
    rmSync(join(world.data, "d"), { recursive: true });
    const traced = await world.traced(["sync"], { calls: "unlinkat,fsync" });
    expect(temporaryFiles(world.path("backup"))).toEqual([]);
    expect(since(traced, REMOVED).slice(1, 2)).toEqual([expect.stringContaining(`<${world.copies()}/d>`)]);
  });

  wholeTest("after the temporary file of a copy that failed was taken away", ["strace"], async () => {
    using world = new World();
    world.files({ path: "d/1", size: 3000, seed: 1 });
    await world.sync();
    world.files({ path: "d/1", size: 4000, seed: 2 });
    // The first is that of the generation.
    const refused = { inject: ["fchmod:error=EIO:when=2+"], calls: "unlinkat,fsync,syncfs" };
    const traced = await world.traced(["sync"], refused);
    expect(traced.code).toBe(3);
    const calls = since(traced, REMOVED).slice(1);
    expect(calls.filter((line) => line.includes(`<${world.copies()}/d>`) || line.startsWith("syncfs")).length).toBeGreaterThan(0);
  });
});

wholeTest("a claim that was cut off before it had its name leaves nothing behind", ["strace"], async () => {
  using world = new World({ replicas: [] });
  mkdirSync(world.path("backup"));
  world.files({ path: "a", content: "1" });
  expect((await world.run("add_replica", `prefix=${world.path("backup")}`)).code).toBe(0);
  expect(readdirSync(world.path("backup"))).toEqual([MARKER]);
  expect(wasKilled(await world.traced(["sync"], { inject: ["renameat2:signal=SIGKILL:when=1"] }))).toBe(true);
  expect(temporaryFiles(world.path("backup"))).toHaveLength(1);
  expect((await world.sync()).code).toBe(0);
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
});

wholeTest("an inventory that was begun and not made is none", [], async () => {
  using world = new World();
  world.files({ path: "a", content: "1" });
  mkdirSync(join(world.database, ".."));
  inventoryExecute(world.database, "pragma journal_mode = wal");
  const status = await world.run("status");
  expect([status.code, status.stderr]).toEqual([3, ""]);
  const check = await world.run("inventory", "check");
  expect([check.code, check.stderr]).toEqual([4, expect.stringContaining("there is no inventory")]);
  expect((await world.sync()).code).toBe(0);
  expect((await world.status()).converged).toBe(true);
});

wholeTest("what an import finds is flushed before it is recorded: somebody copied it a moment ago", ["strace"], async () => {
  using world = new World();
  world.makeTree(`backup/exao1${world.data}`, [{ path: "a", content: "1" }]);
  const traced = await world.traced(["import_origins"], { calls: "syncfs" });
  expect(traced.code).toBe(0);
  expect(traced.calls.filter((line) => line.includes(`<${world.path("backup")}>`)).length).toBeGreaterThan(0);
});

wholeTest(
  "a rebuild that is cut off puts no inventory in its place: its rows may say what is not so any more",
  ["strace"],
  async () => {
    using world = new World();
    world.files({ path: "a", content: "1" }, { path: "b", content: "2" });
    await world.sync();
    rmSync(join(world.copies(), "b"));
    rmSync(world.database);
    const killed = await world.traced(["inventory", "rebuild"], { inject: ["getdents64:signal=SIGKILL:when=3"] });
    expect(wasKilled(killed)).toBe(true);
    expect(existsSync(world.database)).toBe(false);
    const again = await world.run("inventory", "rebuild");
    expect(again.code).toBe(3);
    expect(readdirSync(join(world.database, "..")).filter((name) => name.includes("rebuild"))).toEqual([]);
    const current = "select count(*) from file_replica where state = 1";
    expect(inventoryExecute(world.database, current)).toBe("1");
  },
);

wholeTest(
  "the temporary files of processes that are gone are taken away, beside the configuration and the status file",
  [],
  async () => {
    using world = new World({ replicas: [] });
    mkdirSync(world.path("backup"));
    const gone = 2 ** 30;
    const left = [`.xtelemdb.toml.${gone}.tmp`, `status.json.${gone}.tmp`];
    const others = [`.xtelemdb.toml.${process.pid}.tmp`, "status.json.old.tmp", `.other.toml.${gone}.tmp`];
    for (const name of [...left, ...others]) writeFileSync(world.path(name), "{");
    expect((await world.run("add_replica", `prefix=${world.path("backup")}`)).code).toBe(0);
    expect((await world.sync()).code).toBe(0);
    expect([...left, ...others].filter((name) => existsSync(world.path(name)))).toEqual(others);
  },
);

wholeTest("a status file that a power cut has left empty, or in part, hinders nobody", [], async () => {
  using world = new World();
  world.files({ path: "a", content: "1" });
  await world.sync();
  const whole = readFileSync(world.statusFile, "utf8");
  for (const text of ["", whole.slice(0, 300), "\0".repeat(4096)]) {
    writeFileSync(world.statusFile, text);
    const status = await world.run("status");
    expect([status.code, status.stderr]).toEqual([0, ""]);
    expect((await world.run("healthz")).stderr).not.toContain("a fault of xtelemdb itself");
    expect((await world.sync()).code).toBe(0);
    expect(world.statusFromFile()?.converged).toBe(true);
  }
});
