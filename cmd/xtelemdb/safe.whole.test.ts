/** `safe` says yes only where every file has enough good copies on other disks, seen a moment ago; and it tells why not. */
import { describe, expect } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { BlockedFile, SafeFile, SafeSummary } from "../../internal/agent/mod.ts";
import {
  command,
  type Declaration,
  FAR_FILES,
  FarWorld,
  HOST,
  inventoryExecute,
  MARKER,
  mountDisk,
  mountImage,
  mountMemory,
  programPath,
  python,
  RunningAgent,
  start,
  until,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

type Line =
  | ({ readonly kind: "safe" } & SafeFile)
  | ({ readonly kind: "blocked" } & BlockedFile)
  | ({ readonly kind: "summary" } & SafeSummary);

interface Answer {
  readonly code: number | null;
  readonly safe: string[];
  /** "path: reason". */
  readonly blocked: string[];
  readonly lines: readonly Line[];
  readonly summary: SafeSummary;
}

async function safe(world: World, ...given: string[]): Promise<Answer> {
  const outcome = await world.run("safe", "--json", ...given);
  const lines: Line[] = outcome.stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const summary = lines.find((line) => line.kind === "summary");
  if (summary === undefined) throw new Error(`no summary (${outcome.code}):\n${outcome.stdout}${outcome.stderr}`);
  const name = (path: string): string => path.replace(`${world.folder}/`, "");
  return {
    code: outcome.code,
    safe: lines.flatMap((line) => (line.kind === "safe" ? [name(line.path)] : [])).toSorted(),
    blocked: lines.flatMap((line) => (line.kind === "blocked" ? [`${name(line.path)}: ${line.reason}`] : [])).toSorted(),
    lines,
    summary,
  };
}

const FILES = [
  { path: "one", content: "first" },
  { path: "deep/two", content: "second" },
  { path: "deep/empty", content: "" },
];
const ALL = ["data/deep/empty", "data/deep/two", "data/one"];

/** Data on the scratch folder's file system, each replica on a disk of its own, all files copied. */
async function worldOfDisks(names: readonly string[] = ["backup", "other"], declaration: Declaration = {}): Promise<World> {
  const world = new World({ ...declaration, replicas: names });
  for (const name of names) mountDisk(world.path(name));
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  return world;
}

wholeTest("files with two good copies on two disks are safe, and the inventory is only read", ["loop"], async () => {
  using world = await worldOfDisks();
  expect(await safe(world, "copies=2")).toMatchObject({
    code: 0,
    safe: ALL,
    blocked: [],
    summary: { outcome: "safe", safe: { files: 3, bytes: 11 } },
  });
  const text = await world.run("safe", "copies=2");
  expect(text).toMatchObject({ code: 0 });
  expect(text.stdout).toContain("3 files of exao1 can be lost: 2 independent copies of each; 11 B could be freed");
  // Three are more than there are replicas.
  expect(await safe(world, "copies=3")).toMatchObject({ code: 3, safe: [], blocked: ALL.map((path) => `${path}: TooFewCopies`) });
});

wholeTest("it works beside a running agent", ["loop"], async () => {
  await using agent = await RunningAgent.start({ scan: { interval: "1h", settle: "0s" } }, (world) => {
    mountDisk(world.path("backup"));
    world.files(...FILES);
  });
  await agent.becomes("one", "current");
  expect(await safe(agent.world)).toMatchObject({ code: 0, safe: ALL });
});

wholeTest("a disk that was pulled out makes nothing safe, nor does another in its place", ["loop"], async () => {
  using world = new World({ replicas: ["backup", "other"] });
  const disk = mountDisk(world.path("backup"));
  mountDisk(world.path("other"));
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(await safe(world, "copies=2")).toMatchObject({ code: 0 });
  disk.unmount();
  const pulled = await safe(world, "copies=2");
  expect(pulled).toMatchObject({ code: 3, safe: [], blocked: ALL.map((path) => `${path}: ReplicaNotMounted`) });
  expect(pulled.summary.reasons).toMatchObject([{ reason: "ReplicaNotMounted", files: 3, bytes: 11 }]);
  expect(pulled.lines[0]).toMatchObject({ counted: 1 });
  // One copy is left, and one was asked for.
  expect(await safe(world)).toMatchObject({ code: 0 });
  command("cp", "-a", `${world.path("other")}/.`, world.path("backup"));
  writeFileSync(`${world.path("backup")}/${MARKER}`, JSON.stringify({ format: 1, uuid: crypto.randomUUID(), created: "x" }));
  expect(await safe(world, "copies=2")).toMatchObject({ code: 3, safe: [] });
});

wholeTest("a copy that was edited, touched or removed does not count", ["loop"], async () => {
  using world = await worldOfDisks(["backup"]);
  appendFileSync(`${world.copies()}/one`, "!");
  utimesSync(`${world.copies()}/deep/empty`, 5, 5);
  rmSync(`${world.copies()}/deep/two`);
  expect(await safe(world)).toMatchObject({
    code: 3,
    blocked: ["data/deep/empty: CopyDiffers", "data/deep/two: CopyMissing", "data/one: CopyDiffers"],
  });
});

wholeTest("what verify has found stands against a copy", ["loop"], async () => {
  using world = await worldOfDisks(["backup"]);
  const copy = `${world.copies()}/one`;
  command(
    ...python(
      "import os,sys; s=os.stat(sys.argv[1]); open(sys.argv[1],'r+b').write(b'F'); os.utime(sys.argv[1], ns=(s.st_atime_ns, s.st_mtime_ns))",
      copy,
    ),
  );
  // Nobody can see it from outside.
  expect(await safe(world)).toMatchObject({ code: 0 });
  expect(await safe(world, "verified_within=30d")).toMatchObject({ code: 3, blocked: ALL.map((path) => `${path}: NotVerified`) });
  expect(await world.run("verify")).toMatchObject({ code: 3 });
  expect(await safe(world, "verified_within=30d")).toMatchObject({
    code: 3,
    safe: ALL.slice(0, 2),
    blocked: ["data/one: CopyCorrupt"],
  });
  inventoryExecute(world.database, "update file_replica set verified_at = verified_at - 40 * 86400000 where state = 1");
  expect(await safe(world, "verified_within=30d")).toMatchObject({
    blocked: ["data/deep/empty: EvidenceTooOld", "data/deep/two: EvidenceTooOld", "data/one: CopyCorrupt"],
  });
  expect(await safe(world, "verified_within=50d")).toMatchObject({ safe: ALL.slice(0, 2) });
});

wholeTest("an origin that changed, grows, is new, excluded, or has gone without a scan is not safe", ["loop"], async () => {
  using world = await worldOfDisks(["backup"]);
  appendFileSync(`${world.data}/one`, "!");
  writeFileSync(`${world.data}/new`, "");
  rmSync(`${world.data}/deep/two`);
  symlinkSync("one", `${world.data}/link`);
  const changed = await safe(world);
  expect(changed).toMatchObject({
    code: 3,
    safe: ["data/deep/empty"],
    blocked: ["data/deep/two: OriginMissing", "data/new: NotScanned", "data/one: ChangedSinceScan"],
    summary: { symlinks: 1 },
  });
  await world.run("scan", `accept_loss=${world.data}`);
  // Known by now, and not copied.
  expect(await safe(world)).toMatchObject({ blocked: ["data/new: NotCopied", "data/one: CopyStale"] });
  await world.sync();
  expect(await safe(world)).toMatchObject({ code: 0 });
  world.declare({ scan: { exclude: ["*.tmp", "deep"] } });
  writeFileSync(`${world.data}/x.tmp`, "");
  expect(await safe(world)).toMatchObject({ blocked: ["data/deep/empty: Excluded", "data/x.tmp: Excluded"] });
  rmSync(`${world.data}/x.tmp`);
  world.declare({});
  // Nothing of the file has changed yet; the writer may be about to.
  const writer = start(
    python(`f = open(${JSON.stringify(`${world.data}/one`)}, "r+b"); print(flush=True); import time; time.sleep(80)`),
  );
  await until("the writer has it open", async () => (await safe(world)).blocked.includes("data/one: Growing"));
  writer.signal("SIGKILL");
  await writer.ended;
  expect(await safe(world)).toMatchObject({ code: 0 });
});

wholeTest("hard links and replicas on one disk count once, those on the origin's own disk not at all", ["loop"], async () => {
  using world = new World({ replicas: ["disk/a", "disk/b", "here"], hosts: { [HOST]: ["data"] } });
  rmSync(world.path("disk"), { recursive: true });
  mountDisk(world.path("disk"));
  for (const name of ["disk/a", "disk/b"]) mkdirSync(world.path(name));
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(await safe(world)).toMatchObject({ code: 0, safe: ALL });
  const two = await safe(world, "copies=2");
  expect(two).toMatchObject({ code: 3, blocked: ALL.map((path) => `${path}: NotIndependent`) });
  expect(two.lines[0]).toMatchObject({ counted: 1 });
  world.declare({ replicas: ["here"] });
  expect(await safe(world)).toMatchObject({ code: 3, blocked: ALL.map((path) => `${path}: NotIndependent`) });
  // The copy is the very file.
  for (const { path } of FILES) {
    rmSync(`${world.copies("here")}/${path}`);
    linkSync(`${world.data}/${path}`, `${world.copies("here")}/${path}`);
  }
  expect(await safe(world)).toMatchObject({ code: 3, safe: [] });
});

wholeTest("subvolumes of one btrfs are one disk", ["loop", "btrfs"], async () => {
  using world = new World({ replicas: ["disk/a", "disk/b"] });
  rmSync(world.path("disk"), { recursive: true });
  mountDisk(world.path("disk"), "btrfs");
  for (const name of ["a", "b"]) command("btrfs", "subvolume", "create", world.path(`disk/${name}`));
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(await safe(world)).toMatchObject({ code: 0 });
  expect(await safe(world, "copies=2")).toMatchObject({ code: 3, blocked: ALL.map((path) => `${path}: NotIndependent`) });
});

/** What may lie on the very disk of the origin, though its device has another number. */
describe("what only seems to be another disk is none", () => {
  async function blockedBy(world: World): Promise<string[]> {
    world.files(...FILES);
    expect(await world.sync()).toMatchObject({ code: 0 });
    const answer = await safe(world);
    expect(answer).toMatchObject({ code: 3, safe: [] });
    return answer.summary.reasons.map(({ reason }) => reason);
  }

  wholeTest("a file on the origin's file system that is used as a disk", ["loop"], async () => {
    using world = new World();
    mountImage(world.path("backup"), "ext4");
    expect(await blockedBy(world)).toEqual(["NotIndependent"]);
  });

  wholeTest("a file that was removed since, or in whose place another one is", ["loop"], async () => {
    using world = new World();
    mountDisk(world.path("store"));
    const image = world.path("store/image");
    mountImage(world.path("backup"), "ext4", image);
    rmSync(image);
    expect(await blockedBy(world)).toEqual(["NotIndependent"]);
    writeFileSync(`${image} (deleted)`, "too small");
    expect(await safe(world)).toMatchObject({ code: 3, safe: [] });
  });

  wholeTest("an overlay", ["root"], async () => {
    using world = new World();
    for (const name of ["lower", "upper", "work"]) mkdirSync(world.path(name));
    const folders = `lowerdir=${world.path("lower")},upperdir=${world.path("upper")},workdir=${world.path("work")}`;
    command("mount", "-t", "overlay", "-o", folders, "overlay", world.path("backup"));
    expect(await blockedBy(world)).toEqual(["NotIndependent"]);
  });

  wholeTest("a folder behind FUSE", ["fuse"], async () => {
    using world = new World();
    mkdirSync(world.path("behind"));
    command("bindfs", world.path("behind"), world.path("backup"));
    expect(await blockedBy(world)).toEqual(["NotIndependent"]);
  });

  wholeTest("memory, and a file in memory that is used as a disk", ["loop"], async () => {
    using world = new World();
    mountMemory(world.path("backup"));
    expect(await blockedBy(world)).toEqual(["InMemory"]);
    const guarded = (name: string) => world.replicaStatus(name).conditions.find(({ type }) => type === "Guarded");
    const inMemory = { status: "False", reason: "WeakerGuards", message: "it is in memory: gone with the next boot" };
    expect(guarded("backup")).toMatchObject(inMemory);
    mountMemory(world.path("memory"), { size: "200m" });
    mountImage(world.path("second"), "ext4", world.path("memory/image"));
    world.declare({ replicas: ["second"] });
    expect(await blockedBy(world)).toEqual(["InMemory"]);
    expect(guarded("second")).toMatchObject(inMemory);
  });
});

wholeTest("a file on another disk that is used as a disk counts, and shares that disk's fate", ["loop"], async () => {
  using world = new World({ replicas: ["backup", "store/replica"] });
  rmSync(world.path("store"), { recursive: true });
  mountDisk(world.path("store"), "xfs");
  mkdirSync(world.path("store/replica"));
  mountImage(world.path("backup"), "ext4", world.path("store/image"));
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(await safe(world)).toMatchObject({ code: 0, safe: ALL });
  expect(await safe(world, "copies=2")).toMatchObject({ code: 3, blocked: ALL.map((path) => `${path}: NotIndependent`) });
});

wholeTest("what is mounted below a root is looked at as closely as the root", ["fuse", "loop"], async () => {
  using world = new World();
  mountDisk(world.path("backup"));
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  command("cp", "-a", world.path(`backup/${HOST}`), world.path("behind"));
  expect(await safe(world)).toMatchObject({ code: 0 });
  command("bindfs", "-o", "nonempty", world.path("behind"), world.path(`backup/${HOST}`));
  expect(await safe(world)).toMatchObject({ code: 3, safe: [], summary: { reasons: [{ reason: "NotIndependent" }] } });
});

wholeTest("a replica below which another disk is mounted belongs to both", ["loop"], async () => {
  using world = new World({ replicas: ["backup", "other"] });
  for (const name of ["backup", "other"]) mountDisk(world.path(name));
  mkdirSync(world.path(`backup/${HOST}`));
  command("mount", "--bind", world.path("other"), world.path(`backup/${HOST}`));
  world.files(...FILES);
  await world.sync();
  expect(await safe(world, "copies=2")).toMatchObject({ code: 3, safe: [] });
});

wholeTest("what cannot be looked at is not safe, nor is what no scan has seen", ["loop", "setpriv"], async () => {
  using world = await worldOfDisks(["backup"]);
  renameSync(world.data, world.path("away"));
  const away = await safe(world);
  expect(away).toMatchObject({
    code: 3,
    blocked: ["data: OriginUnreachable", ...ALL.map((path) => `${path}: OriginUnreachable`)].toSorted(),
  });
  expect(away.summary).toMatchObject({ blocked: { files: 3 }, directories: 1 });
  // An empty mount point.
  mkdirSync(world.data);
  expect(await safe(world)).toMatchObject({ code: 3, blocked: ALL.map((path) => `${path}: OriginMissing`) });
  rmSync(world.data, { recursive: true });
  renameSync(world.path("away"), world.data);
  expect(await safe(world)).toMatchObject({ code: 0 });
  world.declare({ hosts: { [HOST]: ["data", "more"] } });
  mkdirSync(world.path("more"));
  expect(await safe(world)).toMatchObject({ code: 3, blocked: ["more: NotScanned"] });
  mkdirSync(world.path("less"));
  world.declare({ hosts: { [HOST]: ["less"] } });
  await world.sync();
  expect(await safe(world)).toMatchObject({ code: 3, blocked: ALL.map((path) => `${path}: NotDeclared`) });
  world.declare({});
  await world.sync();
  chmodSync(`${world.data}/deep`, 0o000);
  // SQLite's log beside the database takes a folder that can be written.
  command("chmod", "-R", "o+rwX", world.path("state"));
  const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  world.runWith({ wrapper: asNobody });
  const denied = await safe(world);
  expect(denied.code).toBe(3);
  expect(denied.blocked).toContain("data/deep: OriginUnreachable");
  expect(denied.blocked).toContain("data/deep/two: OriginUnreachable");
});

wholeTest(
  "a copy that was found counts once its bytes were read, and a file that may still grow does not",
  ["loop"],
  async () => {
    using world = new World();
    mountDisk(world.path("backup"));
    world.files(...FILES);
    mkdirSync(world.copies(), { recursive: true });
    command("cp", "-a", `${world.data}/.`, world.copies());
    expect(await world.run("import_origins")).toMatchObject({ code: 0 });
    expect(await safe(world)).toMatchObject({ code: 3, safe: [] });
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
    expect(await safe(world)).toMatchObject({ code: 3, blocked: ALL.map((path) => `${path}: NotVerified`) });
    expect(await world.run("verify")).toMatchObject({ code: 0 });
    expect(await safe(world, "verified_within=1h")).toMatchObject({ code: 0, safe: ALL });
    world.declare({ scan: { settle: "1h" } });
    appendFileSync(`${world.data}/one`, "!");
    await world.run("scan");
    expect(await safe(world)).toMatchObject({ code: 3, blocked: ["data/one: Growing"] });
  },
);

wholeTest("a host that this agent does not reach is not safe, whatever has its paths here", ["loop"], async () => {
  using world = await worldOfDisks(["backup"]);
  world.declare({ hosts: { [HOST]: ["data"], icc: ["data"] }, hostKeys: { icc: { aliases: ["camera"] } } });
  expect(await safe(world)).toMatchObject({ code: 0 });
  for (const name of ["icc", "camera"]) {
    const far = await safe(world, `host=${name}`);
    expect(far).toMatchObject({ code: 3, safe: [], summary: { host: "icc" } });
    expect(far.blocked).toContain("data: OriginUnreachable");
  }
});

wholeTest("before and path choose the files in question", ["loop"], async () => {
  using world = new World();
  mountDisk(world.path("backup"));
  const day = (text: string): bigint => BigInt(Date.parse(text)) * 1_000_000n;
  world.files(
    { path: "old", content: "1", mtime: day("2026-11-01T00:00:00Z") - 1n },
    { path: "new", content: "2", mtime: day("2026-11-01T00:00:00Z") },
    { path: "deep/old", content: "3", mtime: day("2026-10-01") },
    { path: "deeper/old", content: "4", mtime: day("2026-10-01") },
  );
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(await safe(world, "before=2026-11-01")).toMatchObject({
    code: 0,
    safe: ["data/deep/old", "data/deeper/old", "data/old"],
  });
  expect(await safe(world, "before=2026-11-01T00:00:01Z")).toMatchObject({ summary: { safe: { files: 4 } } });
  expect(await safe(world, `path=${world.data}/deep/`)).toMatchObject({ code: 0, safe: ["data/deep/old"] });
  expect(await safe(world, `path=${world.data}/deep/old`)).toMatchObject({ code: 0, safe: ["data/deep/old"] });
  // What is not in question does not block.
  writeFileSync(`${world.data}/fresh`, "");
  expect(await safe(world, "before=2026-11-01")).toMatchObject({ code: 0 });
  expect(await safe(world)).toMatchObject({ code: 3, blocked: ["data/fresh: NotScanned"] });
  expect(await world.run("safe", `path=${world.data}/deap`)).toMatchObject({ code: 2, stdout: "" });
  expect(await world.run("safe", "path=/elsewhere")).toMatchObject({ code: 2, stdout: "" });
});

wholeTest("--print0 gives names with every byte in them to the operator's own tool", ["loop"], async () => {
  using world = new World();
  mountDisk(world.path("backup"));
  const wild = new Uint8Array([...Buffer.from("wild\n -rf '\""), 0xff, 0x07]);
  world.files({ path: "a b\nc", content: "1" }, { path: wild, content: "2" }, { path: "-keep", content: "3" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  writeFileSync(`${world.data}/later`, "");
  const given = await world.run("safe", "--print0");
  expect((await world.run("safe", "print0=true")).stdout).toBe(given.stdout);
  expect(given.code).toBe(3);
  expect(given.stdout.split("\0").toSorted().slice(0, 3)).toEqual(["", `${world.data}/-keep`, `${world.data}/a b\nc`]);
  expect(given.stderr).toContain("not safe");
  const program = programPath();
  command("bash", "-c", `"$0" safe --print0 --config "$1" 2>/dev/null | xargs -0 -r rm --`, program, world.configuration);
  expect(command("ls", world.data)).toBe("later\n");
});

wholeTest("slips of the pen are told, and nothing is called safe by them", ["loop"], async () => {
  using world = await worldOfDisks(["backup"]);
  const wrong = async (...given: string[]): Promise<string> => {
    const outcome = await world.run("safe", ...given);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    return outcome.stderr;
  };
  expect(await wrong("copis=2")).toContain('did you mean "copies="?');
  expect(await wrong("verified_witin=30d")).toContain('did you mean "verified_within="?');
  expect(await wrong("host=exao2")).toContain('did you mean "exao1"?');
  expect(await wrong("copies=0")).toContain("at least 1");
  expect(await wrong("before=yesterday")).toContain("2026-11-01");
  expect(await wrong("path=data")).toContain("not absolute");
  expect(await wrong("--print0", "--json")).toContain("choose one");
  // A reader that goes away is no yes.
  const early = command(
    "bash",
    "-c",
    `"$0" safe copies=9 --json --config "$1" | true; echo "\${PIPESTATUS[0]}"`,
    programPath(),
    world.configuration,
  );
  expect(early.trim()).toBe("3");
});

wholeTest("copies over ssh count, unless they are on this machine's own disks", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FAR_FILES);
  await world.expectHealed();
  // The far folder is on the same file system as the data: the far end is this very machine.
  const near = await safe(world);
  expect(near).toMatchObject({ code: 3, safe: [] });
  expect(new Set(near.summary.reasons.map(({ reason }) => reason))).toEqual(new Set(["NotIndependent"]));
});

wholeTest("a copy on another disk behind ssh counts; the same disk by two ways counts once", ["sshd", "loop"], async () => {
  using world = await FarWorld.begin();
  mountDisk(world.path("far"));
  mountDisk(world.path("backup"));
  world.files(...FAR_FILES);
  await world.expectHealed();
  expect(await safe(world, "copies=2")).toMatchObject({ code: 0, blocked: [] });
  expect(await safe(world, "copies=2", "verified_within=1h")).toMatchObject({ code: 3 });
  expect(await world.run("verify")).toMatchObject({ code: 0 });
  expect(await safe(world, "copies=2", "verified_within=1h")).toMatchObject({ code: 0 });
  appendFileSync(`${world.copies("far")}/one`, "!");
  expect(await safe(world, "copies=2")).toMatchObject({ code: 3, blocked: ["data/one: CopyDiffers"] });
  world.server.stop();
  const gone = await safe(world, "copies=2");
  expect(gone).toMatchObject({ code: 3, safe: [] });
  expect(gone.summary.reasons).toMatchObject([{ reason: "ReplicaNotMounted" }]);
});
