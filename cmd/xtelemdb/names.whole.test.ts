/** Names, contents and metadata come through as they are. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import {
  filesOf,
  HARD_FILES,
  jsonOf,
  mountImage,
  mountMemory,
  type Outcome,
  type Requirement,
  temporaryFiles,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

const SECOND = 1_000_000_000n;
const at = (iso: string, nanoseconds = 0n): bigint => BigInt(Date.parse(iso)) * 1_000_000n + nanoseconds;

/** One world with a replica on each kind of file system. */
function namesOn(name: string, needs: readonly Requirement[], mount: (path: string) => unknown): void {
  wholeTest(`names, contents, sizes, modes and nanoseconds are the same at a replica ${name}`, needs, async () => {
    using world = new World({ replicas: [] });
    mount(world.path("volume"));
    world.declare({ replicas: ["volume"] });
    world.files(...HARD_FILES);
    const outcome = await world.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
    const origin = world.originFiles();
    expect(Object.keys(origin)).toHaveLength(HARD_FILES.length);
    expect(world.copiedFiles("volume")).toEqual(origin);
    expect(temporaryFiles(world.path("volume"))).toEqual([]);
    expect(await world.syncSummary()).toMatchObject({
      code: 0,
      copied: { files: 0 },
      adopted: { files: 0 },
      failed: { files: 0 },
    });
  });
}

namesOn("in memory (tmpfs)", ["root"], (path) => mountMemory(path));
namesOn("on ext4", ["loop"], (path) => mountImage(path, "ext4"));
namesOn("on xfs", ["loop", "xfs"], (path) => mountImage(path, "xfs"));
namesOn("on btrfs", ["loop", "btrfs"], (path) => mountImage(path, "btrfs"));

/** Runs the program with bytes as its last argument, which no string can hold: a shell makes them of their octal numbers. */
async function runWithBytes(world: World, last: Uint8Array, ...given: string[]): Promise<Outcome> {
  const octal = Array.from(last, (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  // Before its last argument the program gets the world's own.
  world.runWith({ wrapper: ["sh", "-c", 'exec "$@" "$(printf "$0")"', octal] });
  const outcome = await world.run(...given);
  world.runWith({});
  return outcome;
}

for (const [name, printed] of [
  ["n\xe9vada.log", "n\\xe9vada.log"],
  ["dir\xff\n/inner \xe9\x85 b\\s", "dir\\xff\\x0a/inner \\xe9\\x85 b\\\\s"],
] as const) {
  wholeTest(`a file can be asked for by its name and as it is printed: ${printed}`, [], async () => {
    using world = new World();
    world.files({ path: new Uint8Array(Buffer.from(name, "latin1")), content: "raw" }, { path: "other", content: "x" });
    expect(await world.sync()).toMatchObject({ code: 0 });
    const ask = async (form: "itself" | "printed", command: string, key: string, ...given: string[]): Promise<Outcome> =>
      form === "printed"
        ? world.run(command, `${key}${world.data}/${printed}`, ...given)
        : runWithBytes(world, Buffer.from(`${key}${world.data}/${name}`, "latin1"), command, ...given);
    for (const form of ["itself", "printed"] as const) {
      const explained = await ask(form, "explain", "");
      expect(explained, form).toMatchObject({ code: 0, stdout: expect.stringContaining(`${world.data}/${printed}\n`) });
      const verified = await ask(form, "verify", "path=", "--json");
      expect(jsonOf(verified), form).toMatchObject({ outcome: "good", replicas: [{ looked: { files: 1 } }] });
      mkdirSync(world.path(form));
      expect(await ask(form, "restore", "path=", `to=${world.path(form)}`), form).toMatchObject({ code: 0 });
      expect(filesOf(world.tree(`${form}${world.data}`))).toMatchObject({
        [Object.keys(world.originFiles()).find((path) => path !== "other") ?? ""]: expect.anything(),
      });
      const safe = await ask(form, "safe", "path=", "--json");
      const summary = JSON.parse(safe.stdout.trim().split("\n").at(-1) ?? "");
      expect(summary.safe.files + summary.blocked.files, form).toBe(1);
    }
    const missing = await world.run("explain", `${world.data}/${printed}.not`);
    expect(missing).toMatchObject({ code: 3, stdout: expect.stringContaining("there was no regular file") });
  });
}

wholeTest("a name that looks like another as it is printed is taken for what it is", [], async () => {
  using world = new World();
  world.files({ path: Uint8Array.of(0x6e, 0xe9), content: "a byte" }, { path: "n\\xe9", content: "four characters" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const sizes = ["n\\xe9", "n\\\\xe9"].map(async (path) => (await world.explain(`${world.data}/${path}`)).files[0]?.size);
  expect(await Promise.all(sizes)).toEqual([15, 15]);
});

wholeTest("directories keep their modes and owners", ["root"], async () => {
  using world = new World();
  world.files({ path: "group/inner/file", content: "x" }, { path: "group", kind: "directory", mode: 0o2770 });
  world.files({ path: "group/inner", kind: "directory", mode: 0o711 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const copies = world.tree(world.copies());
  expect(copies.get("group")).toMatchObject({ kind: "directory", mode: 0o2770 });
  expect(copies.get("group/inner")).toMatchObject({ kind: "directory", mode: 0o711 });
});

wholeTest("a sparse file of 1 GiB stays sparse, and its contents are the same", [], async () => {
  using world = new World();
  world.files({ path: "sparse", size: 2 ** 30, sparse: true, seed: 4 }, { path: "hole", size: 50 << 20, sparse: true, seed: 5 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const copies = world.tree(world.copies());
  expect(world.copiedFiles()).toEqual(world.originFiles());
  for (const name of ["sparse", "hole"]) expect(copies.get(name)?.allocated).toBeLessThan(1 << 20);
});

wholeTest("a file that changed within the same second to other content of the same size is copied again", [], async () => {
  using world = new World();
  const second = at("2026-11-01T08:20:15Z");
  world.files({ path: "x", content: "before", mtime: second + 1n });
  expect(await world.sync()).toMatchObject({ code: 0 });
  world.files({ path: "x", content: "after!", mtime: second + 2n });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  // Back in time is a change as well, and one that is told: see gone-back.whole.test.ts.
  world.files({ path: "x", content: "former", mtime: second - 5n * SECOND });
  expect(await world.syncSummary()).toMatchObject({ code: 3, copied: { files: 0 }, failed: { files: 1 } });
  expect(readFileSync(`${world.copies()}/x`, "utf8")).toBe("after!");
});

wholeTest("symbolic links and special files are counted, never followed, and block nothing", [], async () => {
  using world = new World();
  world.files({ path: "file", content: "x" }, { path: "link", target: "file" }, { path: "outside", target: "/etc" });
  world.files({ path: "loop", target: "." }, { path: "dangling", target: "nowhere" }, { path: "pipe", kind: "fifo" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect([...world.tree(world.copies()).keys()]).toEqual(["file"]);
  const [host] = (await world.status()).hosts;
  expect(host?.dataDirectories[0]?.scan).toMatchObject({ symlinks: 4, special: 1 });
  const explained = await world.run("explain", `${world.data}/link`);
  expect(explained).toMatchObject({ code: 3 });
});

wholeTest("a data directory that is a symbolic link is followed, and keeps the name that the operator gave it", [], async () => {
  using world = new World({ hosts: { exao1: ["real"] } });
  world.files();
  world.declare({ hosts: { exao1: ["opt/rawimages"] } });
  Bun.spawnSync(["sh", "-c", "mkdir opt && ln -s ../real opt/rawimages && echo x > real/file"], { cwd: world.folder });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(Object.keys(world.copiedFiles("backup", "opt/rawimages"))).toEqual(["file"]);
});

wholeTest("patterns leave files and directories out, and what matches nothing is told", [], async () => {
  using world = new World({ scan: { exclude: ["*.tmp", "cache", "logs/*.old", "*.typo"] } });
  world.files(
    { path: "keep", content: "x" },
    { path: "a.tmp", content: "x" },
    { path: "sub/b.tmp", content: "x" },
    { path: "sub/cache/c", content: "x" },
    { path: "logs/d.old", content: "x" },
    { path: "sub/d.old", content: "x" },
  );
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(Object.keys(world.copiedFiles())).toEqual(["keep", "sub/d.old"]);
  const status = await world.status();
  expect(status.conditions.find(({ type }) => type === "PatternsMatch")).toMatchObject({
    status: "False",
    reason: "PatternMatchesNothing",
    message: expect.stringContaining("*.typo"),
  });
  expect(existsSync(`${world.copies()}/sub/cache`)).toBe(false);
});
