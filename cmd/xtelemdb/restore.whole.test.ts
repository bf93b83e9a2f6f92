/** `restore` brings files back as they were, from the best copy, over nothing that it was not told to replace; and nothing is copied again afterwards. */
import { expect } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { RestoredFile, RestoreSummary } from "../../internal/agent/mod.ts";
import {
  command,
  FAR_FILES,
  FarWorld,
  HOST,
  inventoryExecute,
  mountMemory,
  python,
  RunningAgent,
  temporaryFiles,
  until,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

interface Answer {
  readonly code: number | null;
  /** "path: kind", and the reason of what is left. */
  readonly files: string[];
  readonly lines: readonly RestoredFile[];
  readonly summary: RestoreSummary;
}

async function restore(world: World, ...given: string[]): Promise<Answer> {
  const outcome = await world.run("restore", "--json", ...given);
  const lines: (RestoredFile | ({ kind: "summary" } & RestoreSummary))[] = outcome.stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const summary = lines.find((line) => line.kind === "summary");
  if (summary?.kind !== "summary") throw new Error(`no summary (${outcome.code}):\n${outcome.stdout}${outcome.stderr}`);
  const files = lines.flatMap((line) => (line.kind === "summary" ? [] : [line]));
  const names = files.map(({ path, kind, reason }) => `${path.slice(world.data.length + 1)}: ${reason ?? kind}`);
  return { code: outcome.code, files: names.toSorted(), lines: files, summary };
}

/** Changes the first byte, and leaves size and modification time as they were. */
const rot = (path: string): string =>
  command(
    ...python(
      "import os,sys; s=os.stat(sys.argv[1]); f=open(sys.argv[1],'r+b'); b=f.read(1); f.seek(0); f.write(bytes([b[0]^1])); f.close(); os.utime(sys.argv[1], ns=(s.st_atime_ns, s.st_mtime_ns))",
      path,
    ),
  );

const OLD = 1_700_000_000_123_456_789n;
const FILES = [
  { path: "one", content: "first", mtime: OLD, mode: 0o640 },
  { path: "deep/er/two", content: "second", mtime: OLD + 1n },
  { path: "deep/empty", content: "" },
  { path: "wild\n\"'", content: "x" },
  { path: "sparse", size: 20_000_000, sparse: true },
];

async function synced(replicas = ["backup"]): Promise<World> {
  const world = new World({ replicas });
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  return world;
}

const empty = (folder: string): void => {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
};

wholeTest("files come back as they were, and nothing is copied again", [], async () => {
  using world = await synced();
  mkdirSync(join(world.data, "kept"));
  chmodSync(join(world.data, "deep"), 0o750);
  const before = world.originFiles();
  chmodSync(`${world.copies()}/deep`, 0o750);
  empty(world.data);
  const plan = await restore(world, "dry_run=true");
  expect(plan).toMatchObject({ code: 0, summary: { dryRun: true, restored: { files: 5 } } });
  expect(plan.files).toContain("one: would-restore");
  expect(world.originFiles()).toEqual({});
  expect(await restore(world)).toMatchObject({ code: 0, summary: { outcome: "complete", restored: { files: 5 }, unproven: 0 } });
  expect(world.originFiles()).toEqual(before);
  expect(statSync(join(world.data, "deep")).mode & 0o777).toBe(0o750);
  expect(statSync(join(world.data, "sparse")).blocks).toBeLessThan(10_000);
  expect(temporaryFiles(world.data)).toEqual([]);
  // What came back is what is recorded.
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
  expect(await restore(world)).toMatchObject({ code: 0, summary: { restored: { files: 0 }, present: { files: 5 } } });
});

wholeTest("a deleted file that a scan has seen gone comes back, and is settled again", [], async () => {
  using world = await synced();
  rmSync(join(world.data, "one"));
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  const text = await world.run("restore", `path=${world.data}/one`);
  expect(text).toMatchObject({ code: 0 });
  expect(text.stdout).toContain("complete: restored 1 file of exao1 (5 B)");
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  expect((await world.explain(`${world.data}/one`)).files[0]).toMatchObject({
    state: "settled",
    replicas: [{ state: "current" }],
  });
});

wholeTest("what is there is left alone, unless the operator says otherwise", [], async () => {
  using world = await synced();
  const path = (name: string): string => join(world.data, name);
  writeFileSync(path("one"), "newer and other");
  writeFileSync(path("deep/er/two"), "an older one");
  utimesSync(path("deep/er/two"), 1_000, 1_000);
  rmSync(path("deep/empty"));
  mkdirSync(path("deep/empty"));
  const never = await restore(world);
  expect(never).toMatchObject({ code: 3, summary: { outcome: "incomplete", present: { files: 2 } } });
  expect(never.files.filter((line) => line.includes("InTheWay"))).toEqual([
    "deep/empty: FileInTheWay",
    "deep/er/two: FileInTheWay",
    "one: FileInTheWay",
  ]);
  expect(readFileSync(path("one"), "utf8")).toBe("newer and other");
  const older = await restore(world, "overwrite=older");
  expect(older.files).toContain("deep/er/two: restored");
  expect(older.files).toContain("one: FileInTheWay");
  expect(readFileSync(path("deep/er/two"), "utf8")).toBe("second");
  const all = await restore(world, "overwrite=all");
  expect(all.files.filter((line) => !line.endsWith("restored"))).toEqual(["deep/empty: FileInTheWay"]);
  expect(readFileSync(path("one"), "utf8")).toBe("first");
  expect(temporaryFiles(world.data)).toEqual([]);
});

wholeTest("a copy with other contents is not published; the next best is, and it is told", [], async () => {
  using world = await synced(["backup", "other"]);
  const before = world.originFiles();
  expect(await world.run("verify", `prefix=${world.path("other")}`)).toMatchObject({ code: 0 });
  // The one that was read back last goes first.
  rot(`${world.copies("other")}/one`);
  rot(`${world.copies("other")}/deep/er/two`);
  rot(`${world.copies("backup")}/deep/er/two`);
  empty(world.data);
  const done = await restore(world);
  expect(done).toMatchObject({ code: 3, summary: { restored: { files: 4 }, left: { files: 1 }, badCopies: 3 } });
  const one = done.lines.find(({ path }) => path.endsWith("/one"));
  expect(one).toMatchObject({ kind: "restored", replica: world.path("backup"), proven: true });
  expect(one?.tried).toMatchObject([{ replica: world.path("other"), message: expect.stringContaining("sha256") }]);
  const two = done.lines.find(({ path }) => path.endsWith("/two"));
  expect(two).toMatchObject({ kind: "left", reason: "CopyUnusable" });
  expect(two?.tried).toHaveLength(2);
  expect(existsSync(join(world.data, "deep/er/two"))).toBe(false);
  expect(temporaryFiles(world.data)).toEqual([]);
  expect(readFileSync(join(world.data, "one"), "utf8")).toBe("first");
  expect(Object.keys(before)).toHaveLength(5);
  mkdirSync(world.path("to"));
  const text = await world.run("restore", `to=${world.path("to")}`);
  expect(text.stdout).toContain("CopyUnusable");
  expect(text.stdout).toContain("not from");
});

wholeTest("a copy that was edited or touched is told of by its own path, by the dry run, too", [], async () => {
  using world = await synced(["backup", "other"]);
  const copy = (name: string, replica = "backup"): string => `${world.copies(replica)}/${name}`;
  writeFileSync(copy("one"), "edited there");
  writeFileSync(copy("one", "other"), "edited there, too");
  utimesSync(copy("deep/er/two"), 1_000, 1_000);
  rmSync(copy("deep/er/two", "other"));
  utimesSync(copy("deep/empty"), 1_000, 1_000);
  empty(world.data);
  for (const [given, came] of [
    [["dry_run=true"], "would-restore"],
    [[], "restored"],
  ] as const) {
    const done = await restore(world, ...given);
    expect(done).toMatchObject({ code: 3, summary: { outcome: "incomplete", restored: { files: 3 }, left: { files: 2 } } });
    expect(done.files).toContain("one: CopyUnusable");
    expect(done.files).toContain("deep/er/two: CopyUnusable");
    expect(done.files).toContain(`deep/empty: ${came}`);
    const messages = done.lines.flatMap(({ tried }) => tried.map(({ message }) => message));
    expect(messages.join("\n")).toContain(`${copy("one")} is not what was recorded there: it is 12 bytes, of `);
    expect(messages.join("\n")).toContain(`${copy("deep/er/two")} is not what was recorded there: it is 6 bytes, of 1970-`);
    expect(messages.join("\n")).not.toMatch(/scan|settle|next attempt/);
    expect(done.summary.reasons[0]?.help).toContain('"xtelemdb verify" judges each');
  }
  // It was only touched: verify takes it for good, and restore gives it.
  await world.run("verify");
  expect(await restore(world, `path=${world.data}/deep/er/two`)).toMatchObject({ code: 0, summary: { restored: { files: 1 } } });
});

wholeTest("what verify has found wrong, old versions and disks that are away are not used", ["root"], async () => {
  using world = new World({ replicas: ["backup", "other"] });
  const disk = mountMemory(world.path("other"));
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  rot(`${world.copies()}/one`);
  expect(await world.run("verify", `prefix=${world.path("backup")}`)).toMatchObject({ code: 3 });
  empty(world.data);
  disk.unmount();
  const planned = await restore(world, "dry_run=true");
  expect(planned).toMatchObject({ code: 3, summary: { restored: { files: 4 } } });
  expect(planned.files).toContain("one: ReplicaNotMounted");
  const away = await restore(world);
  expect(away).toMatchObject({ code: 3, summary: { restored: { files: 4 }, replicas: [{ replica: world.path("other") }] } });
  expect(away.files).toContain("one: ReplicaNotMounted");
  expect(await restore(world, `from=${world.path("backup")}`)).toMatchObject({
    code: 3,
    summary: { reasons: [{ reason: "NoGoodCopy", files: 1 }] },
  });
  inventoryExecute(world.database, "delete from finding");
  inventoryExecute(world.database, "delete from file_replica where state <> 1");
  expect(await restore(world, `from=${world.path("backup")}`)).toMatchObject({
    code: 3,
    summary: { reasons: [{ reason: "NoCopy" }] },
  });
});

wholeTest("elsewhere, each file is at its whole origin path; before, after and path choose", [], async () => {
  using world = await synced();
  mkdirSync(world.path("to"));
  expect(await restore(world, `to=${world.path("to")}`, "before=2023-12-01")).toMatchObject({
    code: 0,
    summary: { restored: { files: 2 } },
  });
  expect(readFileSync(`${world.path("to")}${world.data}/deep/er/two`, "utf8")).toBe("second");
  expect(await restore(world, `to=${world.path("to")}`, `path=${world.data}/deep`, "after=2023-12-01")).toMatchObject({
    code: 0,
    files: ["deep/empty: restored"],
  });
  expect(await restore(world, `to=${world.path("to")}`, `path=${world.data}/deep`)).toMatchObject({
    summary: { present: { files: 2 } },
  });
  // No folder is made, and no replica gets files that nobody knows.
  expect(await restore(world, `to=${world.path("not/there")}`)).toMatchObject({ code: 1, summary: { outcome: "failed" } });
  expect(await world.run("restore", `to=${world.path("backup")}/x`)).toMatchObject({ code: 2, stdout: "" });
  renameSync(world.data, world.path("away"));
  expect(await restore(world)).toMatchObject({ code: 1, summary: { reasons: [{ reason: "DestinationUnavailable", files: 5 }] } });
  expect(existsSync(world.data)).toBe(false);
});

wholeTest("no folder is taken from which what comes back would be copied again as new files", [], async () => {
  using world = await synced();
  const refused = async (...given: string[]): Promise<void> => {
    const outcome = await world.run("restore", ...given);
    expect(outcome, given.join(" ")).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain(`would lie in the data directory ${world.data}`);
    expect(outcome.stderr).toContain("leave to= out");
  };
  await refused(`to=${world.data}`);
  await refused(`to=${world.data}/deep`, "dry_run=true");
  // Not in it, but what comes back would be.
  await refused("to=/");
  await refused("to=/", `path=${world.data}/deep/er/two`);
  symlinkSync(join(world.data, "deep"), world.path("link"));
  await refused(`to=${world.path("link")}`);
  // What is named by its link, as data directories often are.
  renameSync(world.data, world.path("disk"));
  symlinkSync(world.path("disk"), world.data);
  await refused(`to=${world.path("disk/deep")}`);
  mkdirSync(world.path("disk-beside"));
  expect(await restore(world, `to=${world.path("disk-beside")}`)).toMatchObject({ code: 0, summary: { restored: { files: 5 } } });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
});

wholeTest("a disk that is mounted below a data directory gets its files back, flushed there", ["root", "strace"], async () => {
  using world = new World();
  const below = mountMemory(world.path("data/rawimages"));
  world.files(...Array.from({ length: 8 }, (_, index) => ({ path: `rawimages/night-${index}/frame`, content: String(index) })));
  expect((await world.sync()).code).toBe(0);
  const origin = world.originFiles();
  below.unmount();
  below.mount();
  const traced = await world.traced(["restore"], { calls: "fsync,syncfs" });
  expect(traced.code, traced.stdout + traced.stderr).toBe(0);
  expect(world.originFiles()).toEqual(origin);
  // A flush of the data directory's own file system does not reach it: each file, and the name of each.
  const flushed = traced.calls.filter((line) => line.startsWith("fsync(") && line.includes("/rawimages/night-"));
  expect(flushed.filter((line) => line.includes(".xtelemdb-"))).toHaveLength(8);
  expect(flushed.filter((line) => !line.includes(".xtelemdb-")).length).toBeGreaterThanOrEqual(8);
});

wholeTest("a host that is away or is not declared any more is restored to a folder", [], async () => {
  using world = await synced();
  mkdirSync(world.path("to"));
  world.declare({ hostname: "lab", hosts: { lab: ["lab"] } });
  expect(await world.run("restore", `host=${HOST}`)).toMatchObject({ code: 2, stdout: "" });
  expect(await restore(world, `host=${HOST}`, `to=${world.path("to")}`)).toMatchObject({
    code: 0,
    summary: { host: HOST, restored: { files: 5 } },
  });
  expect(readFileSync(`${world.path("to")}${world.data}/one`, "utf8")).toBe("first");
});

wholeTest("imported copies come back, without a digest by size and time alone, and from where they lie", [], async () => {
  using world = await synced();
  const other = new World();
  using _other = other;
  // A backup in the old layout, of which nothing but its files is known.
  command("cp", "-a", `${world.data}/.`, other.path("source"));
  rmSync(other.path("backup"), { recursive: true });
  mkdirSync(other.path("backup/aoc/logs"), { recursive: true });
  command("cp", "-a", `${world.data}/.`, other.path("backup/aoc/logs"));
  other.declare({
    hosts: { [HOST]: ["data"] },
    hostKeys: { [HOST]: { aliases: ["aoc"] } },
    replicaKeys: { backup: { import_layout: "short", import_rewrite: [`/logs -> ${other.data}`] } },
  });
  expect(await other.run("import_origins")).toMatchObject({ code: 0 });
  const done = await restore(other);
  expect(done).toMatchObject({ code: 0, summary: { restored: { files: 5 }, unproven: 5 } });
  expect(other.originFiles()).toEqual(world.originFiles());
  expect(await other.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
});

wholeTest(
  "a running agent sees what comes back as it was, and never takes a temporary file for one of the instrument",
  [],
  async () => {
    await using agent = await RunningAgent.start({ scan: { interval: "1h", settle: "0s" } }, (world) => world.files(...FILES));
    const { world } = agent;
    await agent.becomes("one", "current");
    const copiedAt = async () => (await world.explain(`${world.data}/one`)).files[0]?.replicas[0]?.copiedAt;
    const before = await copiedAt();
    rmSync(join(world.data, "one"));
    writeFileSync(join(world.data, ".xtelemdb-0123456789abcdef.part"), "unfinished");
    expect(await restore(world)).toMatchObject({ code: 0, summary: { restored: { files: 1 } } });
    // What happened before this has been looked at by then.
    writeFileSync(join(world.data, "later"), "");
    await agent.becomes("later", "current");
    expect(await agent.stateOf("one")).toBe("current");
    expect(await copiedAt()).toBe(before);
    // A run that was killed has left it; this one has removed it.
    expect(temporaryFiles(world.data)).toEqual([]);
    expect(temporaryFiles(world.path("backup"))).toEqual([]);
    expect(inventoryExecute(world.database, "select count(*) from file_origin where name like '.xtelemdb%'")).toBe("0");
  },
);

wholeTest("a restore that is killed leaves nothing torn, and the next one ends it", [], async () => {
  using world = new World();
  world.files({ path: "deep/large", size: 400_000_000 }, { path: "one", content: "1" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const before = world.originFiles();
  empty(world.data);
  const running = world.start("restore");
  await until("it writes the large one", () => temporaryFiles(world.data).some((path) => path.startsWith("deep/")));
  running.signal("SIGKILL");
  await running.ended;
  expect(existsSync(join(world.data, "deep/large"))).toBe(false);
  expect(temporaryFiles(world.data)).not.toEqual([]);
  expect(await restore(world)).toMatchObject({ code: 0, summary: { left: { files: 0 } } });
  expect(world.originFiles()).toEqual(before);
  expect(temporaryFiles(world.data)).toEqual([]);
});

wholeTest("files come back from a replica behind ssh, with times to the nanosecond", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FAR_FILES, { path: "exact", content: "3", mtime: OLD });
  await world.expectHealed();
  const before = world.originFiles();
  empty(world.data);
  expect(await restore(world, `from=${world.url}`)).toMatchObject({ code: 0, summary: { restored: { files: 4 } } });
  expect(world.originFiles()).toEqual(before);
  empty(world.data);
  // Nearer is better, until it has other contents.
  rot(`${world.copies("backup")}/exact`);
  const mixed = await restore(world);
  expect(mixed).toMatchObject({ code: 0, summary: { restored: { files: 4 }, badCopies: 1 } });
  expect(mixed.lines.find(({ path }) => path.endsWith("/one"))?.replica).toBe(world.path("backup"));
  expect(mixed.lines.find(({ path }) => path.endsWith("/exact"))?.replica).toBe(world.url);
  expect(world.originFiles()).toEqual(before);
  world.server.stop();
  empty(world.data);
  expect(await restore(world, `from=${world.url}`)).toMatchObject({
    code: 3,
    summary: { reasons: [{ reason: "ReplicaNotMounted", files: 4 }] },
  });
});

wholeTest("an origin that is reached over ssh gets its files back there", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const hosts = { icc: ["icc-data"] };
  const hostKeys = { icc: { address: "ssh://127.0.0.1", ssh_options: world.server.options() } };
  world.declare({ hosts: { [HOST]: ["data"], ...hosts }, hostKeys, replicas: ["backup"] });
  mkdirSync(world.path("icc-data/deep"), { recursive: true });
  writeFileSync(world.path("icc-data/deep/x"), "far");
  utimesSync(world.path("icc-data/deep/x"), 1_700_000_000, 1_700_000_000);
  expect(await world.sync()).toMatchObject({ code: 0 });
  rmSync(world.path("icc-data/deep"), { recursive: true });
  expect(await restore(world, "host=icc")).toMatchObject({ code: 0, summary: { restored: { files: 1 } } });
  expect(readFileSync(world.path("icc-data/deep/x"), "utf8")).toBe("far");
  expect(statSync(world.path("icc-data/deep/x")).mtimeMs).toBe(1_700_000_000_000);
  expect(await restore(world, "host=icc")).toMatchObject({ code: 0, summary: { present: { files: 1 } } });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
});

wholeTest("slips of the pen are told", [], async () => {
  using world = await synced();
  const wrong = async (...given: string[]): Promise<string> => {
    const outcome = await world.run("restore", ...given);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    return outcome.stderr;
  };
  expect(await wrong("overwite=all")).toContain('did you mean "overwrite="?');
  expect(await wrong("overwrite=some")).toContain("never, older, all");
  expect(await wrong("host=exao2")).toContain('did you mean "exao1"?');
  expect(await wrong(`from=${world.path("backpu")}`)).toContain("did you mean");
  expect(await wrong("path=deep")).toContain("not absolute");
  expect(await wrong(`path=${world.data}/nothing`)).toContain("nothing is recorded");
});
