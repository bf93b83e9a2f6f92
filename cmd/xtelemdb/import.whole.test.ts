/** A backup that was there before: what becomes of it, and that nothing of it or of its origins is ever harmed. */
import { expect } from "bun:test";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { ImportSummary, VerifySummary } from "../../internal/agent/mod.ts";
import { usualCases } from "../../internal/testing/chosen-cases.ts";
import {
  command,
  HOST,
  inventoryExecute,
  inventoryIntegrity,
  jsonOf,
  SshServer,
  type Tree,
  until,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

async function importOrigins(world: World, ...words: string[]): Promise<ImportSummary & { readonly code: number | null }> {
  const outcome = await world.run("import_origins", "--json", ...words);
  return { ...jsonOf<ImportSummary>(outcome), code: outcome.code };
}

function write(path: string, content: string, mtime = 1_700_000_000): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  utimesSync(path, mtime, mtime);
}

/** The backup as it is, but for the files that are the agent's own. */
const foreignFiles = (tree: Tree): unknown => [...tree].filter(([path]) => !path.includes(".xtelemdb"));

/** A world whose backup holds, by hand, what the data directory has. */
function backedUp(files: Readonly<Record<string, string>>): World {
  const world = new World();
  for (const [path, content] of Object.entries(files)) write(join(world.data, path), content);
  mkdirSync(dirname(world.copies()), { recursive: true });
  cpSync(world.data, world.copies(), { recursive: true, preserveTimestamps: true });
  return world;
}

wholeTest("a backup becomes known without a byte being copied, and the scan of its host settles it", [], async () => {
  using world = backedUp({ one: "1", "deep/two": "22", "deep/er/three": "333" });
  const before = foreignFiles(world.tree("backup"));
  const dry = await importOrigins(world, "dry_run=true");
  expect(dry).toMatchObject({ code: 0, outcome: "complete", dryRun: true });
  expect(dry.replicas[0]?.folders).toMatchObject([
    { folder: HOST, host: HOST, declared: true, imported: { files: 3, bytes: 6 } },
  ]);
  expect(existsSync(world.path("backup/.xtelemdb-replica.json"))).toBe(false);
  const first = await importOrigins(world, `prefix=${world.path("backup")}`);
  expect(first).toMatchObject({ code: 0, outcome: "complete" });
  expect(first.replicas[0]?.folders).toMatchObject([{ imported: { files: 3 }, known: 0, conflicts: 0 }]);
  const { files } = await world.explain(`${world.data}/one`);
  expect(files).toMatchObject([{ state: "imported", replicas: [{ state: "current", pending: false, imported: "unconfirmed" }] }]);
  expect(files[0]?.message).toContain("neither missing nor deleted");
  expect(files[0]?.replicas[0]?.message).toContain("unverified");
  const status = await world.status();
  expect(status.hosts[0]?.dataDirectories[0]).toMatchObject({
    imported: { files: 3 },
    settled: { files: 0 },
    absent: { files: 0 },
  });
  expect(await importOrigins(world)).toMatchObject({ replicas: [{ folders: [{ imported: { files: 0 }, known: 3 }] }] });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
  expect(foreignFiles(world.tree("backup"))).toEqual(before);
  expect((await world.explain(`${world.data}/one`)).files).toMatchObject([
    { state: "settled", replicas: [{ state: "current", imported: "confirmed", digest: null }] },
  ]);
  // From now on it is a copy as any other.
  write(join(world.data, "one"), "1 and more", 1_700_000_500);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("another size or time is a conflict: listed, and never overwritten on either side", [], async () => {
  using world = backedUp({ same: "1", longer: "1", touched: "1" });
  appendFileSync(join(world.copies(), "longer"), " and more");
  utimesSync(join(world.copies(), "touched"), 1_700_000_009, 1_700_000_009);
  await world.run("scan");
  const origin = world.originFiles();
  const copies = world.copiedFiles();
  const done = await importOrigins(world);
  expect(done).toMatchObject({ code: 3, outcome: "conflicts" });
  expect(done.replicas[0]).toMatchObject({ conflicts: 2, folders: [{ linked: { files: 1 }, imported: { files: 0 } }] });
  const messages = done.replicas[0]?.firstConflicts.map(({ path, message }) => [path.split("/").at(-1), message]) ?? [];
  expect(Object.fromEntries(messages)).toEqual({
    longer: "the copy has 10 bytes, its origin 1 (settled)",
    touched: "the copy is of 2023-11-14T22:13:29Z, its origin of 2023-11-14T22:13:20Z (settled)",
  });
  const table = await world.run("import_origins");
  expect(table.stdout).toContain("2 conflicts");
  expect(await world.syncSummary()).toMatchObject({ code: 3, copied: { files: 0 }, failed: { files: 2 } });
  expect([world.originFiles(), world.copiedFiles()]).toEqual([origin, copies]);
});

wholeTest("an imported copy whose origin turns out to be another is suspect, and waits for a person", [], async () => {
  using world = backedUp({ one: "1", two: "2" });
  appendFileSync(join(world.copies(), "one"), "!");
  expect(await importOrigins(world)).toMatchObject({ code: 0 });
  expect(await world.syncSummary()).toMatchObject({ code: 3, copied: { files: 0 }, failed: { files: 1 } });
  expect(readFileSync(join(world.copies(), "one"), "utf8")).toBe("1!");
  const [file] = (await world.explain(`${world.data}/one`)).files;
  expect(file?.replicas).toMatchObject([{ state: "suspect", pending: true, attempts: { reason: "UnknownFileInTheWay" } }]);
  expect(file?.replicas[0]?.finding?.message).toContain("the copy has 2 bytes, its origin 1");
  renameSync(join(world.copies(), "one"), world.path("aside"));
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("what is gone at its origin becomes a tombstone; no other replica copies what is only imported", [], async () => {
  using world = backedUp({ here: "1", gone: "2", "old/gone": "3" });
  rmSync(join(world.data, "gone"));
  rmSync(join(world.data, "old"), { recursive: true });
  mkdirSync(world.path("second"));
  world.declare({ replicas: ["backup", "second"] });
  expect(await importOrigins(world, `prefix=${world.path("backup")}`)).toMatchObject({ code: 0 });
  const plan = await world.plan();
  expect(plan.replicas.map(({ copy }) => copy.files)).toEqual([0, 1]);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(Object.keys(world.copiedFiles("second"))).toEqual(["here"]);
  expect(Object.keys(world.copiedFiles())).toEqual(["gone", "here", "old/gone"]);
  for (const path of ["gone", "old/gone"]) {
    expect((await world.explain(join(world.data, path))).files[0]?.state).toBe("absent");
  }
});

wholeTest(
  "a dry run tells of what the import itself would put in the way of the rest of it, and records nothing",
  [],
  async () => {
    using world = new World();
    mkdirSync(world.path("second"));
    world.declare({ hostKeys: { [HOST]: { aliases: ["aoc"] } }, replicas: ["backup", "second"] });
    const names = ["one", "two", "three"];
    for (const name of names) {
      write(world.path(`backup/aoc/data/${name}`), name);
      write(world.path(`backup/${HOST}/data/${name}`), name);
      write(world.path(`second/${HOST}/data/${name}`), name);
    }
    write(world.path("backup/aoc/data/only"), "only");
    const totals = ({ replicas }: ImportSummary) =>
      replicas.map(({ url, conflicts, folders }) => ({
        url,
        conflicts,
        imported: folders.reduce((sum, one) => sum + one.imported.files, 0),
        linked: folders.reduce((sum, one) => sum + one.linked.files, 0),
      }));
    const rows = () =>
      inventoryExecute(
        world.database,
        "select (select count(*) from file_origin), (select count(*) from directory), (select count(*) from file_replica), (select coalesce(sum(files), 0) from tally), (select count(*) from import_progress)",
      );
    const dry = await importOrigins(world, "dry_run=true");
    expect(dry).toMatchObject({ code: 3, outcome: "conflicts", dryRun: true });
    expect(totals(dry)).toEqual([
      { url: world.path("backup"), conflicts: 3, imported: 4, linked: 0 },
      { url: world.path("second"), conflicts: 0, imported: 0, linked: 3 },
    ]);
    expect(rows().trim()).toBe("0\t0\t0\t0\t0");
    expect(await importOrigins(world, "dry_run=true")).toMatchObject({ code: 3 });
    const real = await importOrigins(world);
    expect(real).toMatchObject({ code: 3, outcome: "conflicts", dryRun: false });
    expect(totals(real)).toEqual(totals(dry));
    expect(await importOrigins(world, "dry_run=true")).toMatchObject({
      code: 3,
      replicas: [{ conflicts: 3 }, { folders: [{ known: 3 }] }],
    });
    expect(inventoryIntegrity(world.database)).toBe("ok");
  },
);

wholeTest(
  "aliases, layouts and rules say what a folder is; hosts that nobody declared are kept through every declaration",
  [],
  async () => {
    using world = new World();
    const backup = (path: string): string => world.path(`backup/${path}`);
    write(backup("aoc/logs/one"), "1");
    write(backup("aoc/opt/MagAOX/logs/two"), "2");
    write(backup("aoc/cacao/outside"), "3");
    write(backup("stranger/logs/x"), "4");
    const keys = (layout: string, ...rewrite: string[]) =>
      world.declare({
        hostKeys: { [HOST]: { aliases: ["aoc"] } },
        replicaKeys: { backup: { import_layout: layout, import_rewrite: rewrite } },
      });
    keys("hostname");
    const hostname = await importOrigins(world, "dry_run=true");
    expect(hostname.replicas[0]?.folders).toMatchObject([
      {
        folder: "aoc",
        host: HOST,
        declared: true,
        examples: [{}, { path: "aoc/logs", origin: "/logs" }, {}],
        imported: { files: 3 },
      },
      { folder: "stranger", host: "stranger", declared: false, imported: { files: 1 } },
    ]);
    keys("short");
    const short = await importOrigins(world);
    expect(short.replicas[0]?.folders).toMatchObject([{ folder: "aoc", imported: { files: 2 } }]);
    const outside = short.replicas[0]?.skipped.find(({ kind }) => kind === "outside")?.examples.map(({ path }) => path);
    expect(outside?.toSorted()).toEqual(["aoc/cacao", "stranger"]);
    const [one] = (await world.explain("/opt/MagAOX/logs/one")).files;
    expect(one).toMatchObject({ host: HOST, state: "imported", replicas: [{ path: backup("aoc/logs/one") }] });
    // A copy is read back where it lies.
    expect((await world.run("verify")).code).toBe(0);
    keys("hostname", "/cacao -> /opt/MagAOX/cacao", "/logs -> /opt/MagAOX/logs");
    expect(await importOrigins(world)).toMatchObject({
      code: 0,
      replicas: [{ folders: [{ known: 2, imported: { files: 1 } }, {}] }],
    });
    expect((await world.explain("/opt/MagAOX/cacao/outside")).files).toMatchObject([{ host: HOST, state: "imported" }]);
    world.declare({ hosts: { [HOST]: ["data", "more"] } });
    await world.run("scan");
    expect((await world.explain("/opt/MagAOX/logs/x")).files).toMatchObject([
      { host: "stranger", state: "imported", declared: false },
    ]);
    expect(inventoryIntegrity(world.database)).toBe("ok");
  },
);

wholeTest("a copy in an old layout stays where it is; what its origin becomes goes where all copies go", [], async () => {
  using world = new World();
  write(join(world.data, "one"), "1");
  const old = world.path("backup/aoc/logs/one");
  write(old, "1");
  write(world.path("backup/aoc/logs/deep/two"), "2");
  world.declare({
    hostKeys: { [HOST]: { aliases: ["aoc"] } },
    replicaKeys: { backup: { import_layout: "role", import_rewrite: [`/logs -> ${world.data}`] } },
  });
  expect(await importOrigins(world, "hash=true")).toMatchObject({ code: 0 });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  expect((await world.explain(join(world.data, "one"))).files[0]?.replicas[0]).toMatchObject({ state: "current", path: old });
  expect((await world.run("verify")).code).toBe(0);
  write(join(world.data, "one"), "1 and more", 1_700_000_500);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect([readFileSync(old, "utf8"), readFileSync(join(world.copies(), "one"), "utf8")]).toEqual(["1", "1 and more"]);
  const again = await importOrigins(world);
  expect(again).toMatchObject({ code: 3, replicas: [{ conflicts: 1 }] });
  expect(again.replicas[0]?.firstConflicts).toMatchObject([{ path: "aoc/logs/one" }]);
  // A copy that is lost in its old place is made anew in the new one, if its origin has it.
  write(join(world.data, "deep/two"), "2");
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  rmSync(world.path("backup/aoc/logs/deep/two"));
  expect((await world.run("verify", "level=listed")).code).toBe(3);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(readFileSync(join(world.copies(), "deep/two"), "utf8")).toBe("2");
});

wholeTest("names that are no text keep every byte", [], async () => {
  using world = new World();
  world.files({ path: new Uint8Array([0x62, 0xff, 0x0a, 0x78]), content: "1" }, { path: "é/ü", content: "2" });
  mkdirSync(dirname(world.copies()), { recursive: true });
  command("cp", "-a", world.data, world.copies());
  expect(await importOrigins(world)).toMatchObject({ code: 0, replicas: [{ folders: [{ imported: { files: 2 } }] }] });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
  expect((await world.run("verify")).code).toBe(0);
});

wholeTest("links, leftovers and our own files are named and left", [], async () => {
  using world = backedUp({ one: "1" });
  const strange = [".image.xrif.Ab12Cd", ".~tmp~/image", ".xtelemdb-0123456789abcdef.part"];
  for (const path of strange) write(join(world.copies(), path), "x");
  symlinkSync("/etc", join(world.copies(), "link"));
  symlinkSync("/etc", world.path("backup/linked-host"));
  write(world.path("backup/lost+found/x"), "x");
  write(world.path("backup/stray"), "x");
  const { code, replicas } = await importOrigins(world);
  expect(code).toBe(0);
  expect(replicas[0]?.folders).toMatchObject([{ folder: HOST, found: { files: 1 } }]);
  const counts = Object.fromEntries(replicas[0]?.skipped.map(({ kind, count }) => [kind, count]) ?? []);
  expect(counts).toEqual({ leftover: 4, symlink: 2, outside: 1, own: 3 });
});

wholeTest("hash=true reads each copy once, and verify then has something to compare with", [], async () => {
  using world = backedUp({ one: "1", "deep/two": "22" });
  const done = await importOrigins(world, "hash=true");
  expect(done).toMatchObject({ code: 0, replicas: [{ hashed: { files: 2, bytes: 3, complete: true } }] });
  const [file] = (await world.explain(`${world.data}/one`)).files;
  expect(file?.replicas[0]?.digest).toBe("sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b");
  expect(await importOrigins(world, "hash=true")).toMatchObject({ replicas: [{ hashed: { files: 0 } }] });
  const changed = join(world.copies(), "one");
  writeFileSync(changed, "x");
  utimesSync(changed, 1_700_000_000, 1_700_000_000);
  expect((await world.run("verify")).code).toBe(3);
});

/** Before the Nth of these system calls the kernel kills the program. */
const MOMENTS = [
  "getdents64:signal=SIGKILL:when=30",
  "pwrite64:signal=SIGKILL:when=12",
  // In the middle of making the database, too.
  "pwrite64:signal=SIGKILL:when=50",
] as const;

for (const moment of usualCases(MOMENTS, 1)) {
  wholeTest(`killed at ${moment.replace(":signal=SIGKILL:when=", " number ")}, an import goes on`, ["strace"], async () => {
    using world = new World();
    const files = Array.from({ length: 40 }, (_, index) => ({ path: `d${index % 20}/${index}`, size: index, seed: index }));
    world.files(...files);
    for (const host of [HOST, "exao2", "exao3"]) {
      mkdirSync(dirname(world.copies("backup", "data", host)), { recursive: true });
      command("cp", "-a", world.data, world.copies("backup", "data", host));
    }
    const outcome = await world.traced(["import_origins"], { inject: [moment] });
    expect(outcome.signal === "SIGKILL" || outcome.code === 137, outcome.stdout + outcome.stderr).toBe(true);
    expect(inventoryIntegrity(world.database)).toBe("ok");
    const after = await importOrigins(world);
    expect(after).toMatchObject({ code: 0, outcome: "complete" });
    const again = await importOrigins(world);
    expect(again.replicas[0]?.wentOn).toBe(false);
    expect(again.replicas[0]?.folders.map(({ known, imported }) => [known, imported.files])).toEqual([
      [40, 0],
      [40, 0],
      [40, 0],
    ]);
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  });
}

wholeTest("killed in the middle of a folder, an import goes on behind what is recorded", ["strace"], async () => {
  using world = new World();
  world.files(...Array.from({ length: 2_600 }, (_, index) => ({ path: `d${index % 50}/${index}/x`, size: 1 })));
  mkdirSync(dirname(world.copies()), { recursive: true });
  command("cp", "-a", world.data, world.copies());
  const outcome = await world.traced(["import_origins"], { inject: ["getdents64:signal=SIGKILL:when=4600"] });
  expect(outcome.signal === "SIGKILL" || outcome.code === 137, outcome.stdout + outcome.stderr).toBe(true);
  expect(inventoryIntegrity(world.database)).toBe("ok");
  const after = await importOrigins(world);
  expect(after).toMatchObject({ code: 0, outcome: "complete", replicas: [{ wentOn: true }] });
  const [folder] = after.replicas[0]?.folders ?? [];
  // What came before the place was not looked at again.
  expect(folder?.found.files).toBeGreaterThan(0);
  expect(folder?.found.files).toBeLessThan(2_600);
  expect(await importOrigins(world)).toMatchObject({ replicas: [{ folders: [{ known: 2_600, imported: { files: 0 } }] }] });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
});

wholeTest("told to stop, an import ends soon, says so, and the next one goes on", ["strace"], async () => {
  using world = new World();
  world.files(...Array.from({ length: 1_500 }, (_, index) => ({ path: `d${index % 50}/${index}/x`, size: 1 })));
  mkdirSync(dirname(world.copies()), { recursive: true });
  command("cp", "-a", world.data, world.copies());
  const running = world.startTraced(["import_origins", "--json"], { inject: ["getdents64:delay_enter=3000"] });
  process.kill(await until("its process", () => world.statusFromFile()?.agent.process?.pid), "SIGTERM");
  const outcome = await running.ended;
  expect(jsonOf<ImportSummary>(outcome)).toMatchObject({ outcome: "stopped", replicas: [{ complete: false }] });
  const after = await importOrigins(world);
  expect(after).toMatchObject({ code: 0, outcome: "complete" });
  expect(await importOrigins(world)).toMatchObject({ replicas: [{ folders: [{ known: 1_500 }] }] });
});

wholeTest("stopped between two folders, it goes on with the second", [], async () => {
  using world = backedUp({ one: "1" });
  write(world.path(`backup/exao2${world.data}/two`), "2");
  expect(await importOrigins(world)).toMatchObject({ code: 0 });
  // As a kill between the two would have left it.
  inventoryExecute(world.database, "insert into import_progress values (1, 'exao1', null, 1)");
  const done = await importOrigins(world);
  expect(done.replicas[0]).toMatchObject({ wentOn: true, folders: [{ outcome: "before" }, { outcome: "complete", known: 1 }] });
});

wholeTest("over ssh, with whole seconds only, an import is confirmed by the scan and copies nothing", ["sshd"], async () => {
  using world = new World();
  const server = await SshServer.start(world.path("sshd"));
  const url = `ssh://127.0.0.1/${world.path("far")}/`;
  mkdirSync(world.path("far"));
  world.declare({ replicas: [url], replicaKeys: { [url]: { ssh_options: server.options() } } });
  const mtime = 1_700_000_000_987_654_321n;
  world.files(
    { path: "one", content: "1", mtime },
    ...Array.from({ length: 30 }, (_, index) => ({ path: `d${index % 7}/e/${index}`, size: 100 + index, seed: index, mtime })),
  );
  mkdirSync(dirname(world.copies("far")), { recursive: true });
  command("cp", "-a", world.data, world.copies("far"));
  const done = await importOrigins(world, `prefix=${url}`, "hash=true");
  expect(done).toMatchObject({ code: 0, replicas: [{ folders: [{ imported: { files: 31 } }], hashed: { files: 31 } }] });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
  expect((await world.explain(`${world.data}/one`)).files).toMatchObject([
    { state: "settled", replicas: [{ state: "current", imported: "confirmed", keptModified: "2023-11-14T22:13:20.000000000Z" }] },
  ]);
  expect((await world.run("verify")).code).toBe(0);
  server.stop();
});

wholeTest("with import_origins in the configuration, a sync imports before it copies, and no second time", [], async () => {
  using world = backedUp({ one: "1" });
  write(world.path(`backup/exao2${world.data}/two`), "2");
  world.declare({ replicaKeys: { backup: { import_origins: true } } });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
  expect((await world.explain(`${world.data}/two`)).files).toMatchObject([{ host: "exao2", state: "imported" }]);
  expect((await world.run("events")).stdout).toContain("OriginsImported");
  write(world.path(`backup/exao2${world.data}/three`), "3");
  await world.sync();
  expect((await world.explain(`${world.data}/three`)).files).toEqual([]);
});

wholeTest("the running agent imports a replica that is added with import_origins=true", [], async () => {
  using world = backedUp({ one: "1" });
  world.declare({ replicas: [] });
  const agent = world.start("sync", "continuous=true");
  await until("the data directory is scanned", () => world.statusFromFile()?.hosts[0]?.dataDirectories[0]?.settled.files === 1);
  const added = await world.run("add_replica", `prefix=${world.path("backup")}`, "import_origins=true");
  expect(added.code, added.stdout + added.stderr).toBe(0);
  expect(added.stdout).toContain("by the agent that is running");
  await until("the copy is known", () => world.statusFromFile()?.replicas[0]?.current.files === 1);
  agent.signal("SIGTERM");
  await agent.ended;
  expect((await world.explain(`${world.data}/one`)).files).toMatchObject([{ replicas: [{ imported: "confirmed" }] }]);
});

wholeTest("what belongs to another inventory is refused, and the other folders are imported", [], async () => {
  using world = backedUp({ one: "1" });
  write(world.path(`backup/exao2${world.data}/two`), "2");
  const claim = {
    format: 1,
    inventory: "theirs",
    machine: "m",
    hostname: "exao2",
    database: "/d",
    since: "2026-11-01T00:00:00.000Z",
  };
  writeFileSync(world.path("backup/.xtelemdb-writer-exao2.json"), JSON.stringify(claim));
  const done = await importOrigins(world);
  expect(done).toMatchObject({ code: 3, outcome: "incomplete" });
  expect(done.replicas[0]?.folders).toMatchObject([
    { folder: HOST, outcome: "complete", imported: { files: 1 } },
    { folder: "exao2", outcome: "refused", problem: { reason: "WrittenByAnotherInventory" } },
  ]);
});

wholeTest(
  "a host that got an agent of its own after its copies were imported here does not stop the reading of the others",
  [],
  async () => {
    using world = backedUp({ one: "1" });
    write(world.path(`backup/exao2${world.data}/two`), "2");
    expect(await importOrigins(world)).toMatchObject({ code: 0 });
    const claim = {
      format: 1,
      inventory: "theirs",
      machine: "m",
      hostname: "exao2",
      database: "/d",
      since: "2026-11-01T00:00:00.000Z",
    };
    writeFileSync(world.path("backup/.xtelemdb-writer-exao2.json"), JSON.stringify(claim));
    expect(await world.sync()).toMatchObject({ code: 0 });
    const verified = jsonOf<VerifySummary>(await world.run("verify", "--json"));
    expect(verified).toMatchObject({
      outcome: "incomplete",
      replicas: [{ problem: null, read: { files: 1 }, unread: { files: 1 }, standing: 0 }],
    });
  },
);

wholeTest("a replica that is not there, or not declared, is told", [], async () => {
  using world = new World();
  rmSync(world.path("backup"), { recursive: true });
  expect(await importOrigins(world)).toMatchObject({ code: 3, replicas: [{ problem: { reason: "RootMissing" } }] });
  expect((await world.run("import_origins", "prefix=/nowhere")).code).toBe(2);
});
