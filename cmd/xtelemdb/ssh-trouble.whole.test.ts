/** What is wrong with a far end, or with the way there, is told for what it is, and stays with what it concerns. */
import { expect } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  command,
  FAR_FILES,
  FarWorld,
  HOST,
  inventoryExecute,
  MARKER,
  mountHanging,
  mountMemory,
  PATIENT,
  RunningAgent,
  SFTP_SERVER,
  TcpProxy,
  until,
  wholeTest,
} from "../../internal/testing/mod.ts";

const NOBODY = 65_534;

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();

wholeTest("a marker that is missing, or another's, keeps everything out", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FAR_FILES);
  await world.expectHealed();
  world.files({ path: "more", content: "m" });
  renameSync(join(world.path("far"), MARKER), join(world.folder, "marker"));
  await world.expectTrouble("MarkerMissing", /not mounted/);
  expect(existsSync(join(world.copies("far"), "more"))).toBe(false);
  renameSync(join(world.folder, "marker"), join(world.path("far"), MARKER));
  renameSync(world.path("far"), world.path("away"));
  await world.expectTrouble("RootMissing", /does not exist/);
  renameSync(world.path("away"), world.path("far"));
  await world.expectHealed();
});

wholeTest(
  "an unknown and a changed host key, a refused login, a missing subsystem, no host: each says so",
  ["sshd"],
  async () => {
    using world = await FarWorld.begin();
    world.files(...FAR_FILES);
    const good = world.server.options();
    const without = (name: string): string[] => good.filter((option) => !option.startsWith(name));
    const empty = join(world.folder, "empty");
    writeFileSync(empty, "");
    world.reach([`UserKnownHostsFile=${empty}`, ...without("UserKnownHostsFile")]);
    await world.expectTrouble("HostKeyUnknown", /[Hh]ost key/);
    const other = join(world.folder, "other");
    command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other);
    writeFileSync(empty, `xtelemdb-test ${readFileSync(`${other}.pub`, "utf8")}`);
    await world.expectTrouble("HostKeyChanged", /[Hh]ost key/);
    world.reach([`IdentityFile=${other}`, ...without("IdentityFile")]);
    await world.expectTrouble("LoginRefused", /Permission denied/);
    world.reach(["Port=1", ...without("Port")]);
    await world.expectTrouble("HostUnreachable", /refused/);
    world.reach();
    await world.expectHealed();
  },
);

wholeTest("a far end without sftp, or with a login that prints, is told from one that is away", ["sshd"], async () => {
  using world = await FarWorld.begin({ subsystem: "/bin/echo Welcome to popeye, have a nice day" });
  world.files(...FAR_FILES);
  await world.expectTrouble("SftpMissing", /Welcome to popeye/);
});

wholeTest("what a server cannot promise is told: no flush, no replacing, no free space", ["sshd"], async () => {
  const missing = "fsync,posix-rename,statvfs,limits";
  using world = await FarWorld.begin({ subsystem: `${SFTP_SERVER} -P ${missing}` });
  world.files(...FAR_FILES);
  await world.expectHealed();
  const guarded = world.replicaStatus(world.url).conditions.find(({ type }) => type === "Guarded");
  expect(guarded).toMatchObject({ status: "False", reason: "WeakerGuards" });
  for (const name of ["fsync@", "posix-rename@", "statvfs@"]) expect(guarded?.message).toContain(name);
  writeFileSync(join(world.data, "one"), "changed");
  const outcome = await world.sync();
  expect(outcome.code).toBe(3);
  expect(readFileSync(join(world.copies("far"), "one"), "utf8")).toBe("1");
  const explained = await world.explain(join(world.data, "one"));
  expect(explained.files[0]?.replicas.find(({ url }) => url === world.url)?.message).toContain("ReplaceNotPossible");
});

wholeTest(
  "a server that cannot replace keeps manifests and the inventory's copies all the same, and takes a moved database",
  ["sshd"],
  async () => {
    using world = await FarWorld.begin({ subsystem: `${SFTP_SERVER} -P posix-rename` });
    const far = { replicas: [world.url], replicaKeys: { [world.url]: { ssh_options: world.server.options() } } };
    world.declare(far);
    world.files(...FAR_FILES);
    const own = (folder: string): string[] => filesBelow(join(world.path("far"), folder));
    const manifests = (): string =>
      own(".xtelemdb-manifest")
        .map((path) => readFileSync(path, "utf8"))
        .join("");
    await world.expectHealed();
    expect(own(".xtelemdb-manifest")).toHaveLength(2);
    const [copy = "", ...others] = own(".xtelemdb-inventory");
    expect(others).toEqual([]);
    const first = statSync(copy).ino;
    inventoryExecute(world.database, "update replica set inventory_copied_at = inventory_copied_at - 86400000");
    world.files({ path: "more", content: "m" });
    await world.expectHealed();
    expect(manifests()).toContain("/more");
    expect(statSync(copy).ino).not.toBe(first);
    expect(own(".xtelemdb-inventory")).toEqual([copy]);
    const check = ["sh", "-c", "sha256sum --check --quiet --strict .xtelemdb-manifest/*/*.sha256"];
    expect(Bun.spawnSync(check, { cwd: world.path("far") }).exitCode).toBe(0);
    const events = await world.run("events");
    expect(events.stdout).not.toMatch(/ManifestNotWritten|InventoryNotCopied/);
    expect(world.replicaStatus(world.url).conditions.find(({ type }) => type === "Guarded")?.message).toContain("manifest");

    renameSync(join(world.folder, "state"), join(world.folder, "moved"));
    const text = readFileSync(world.configuration, "utf8");
    writeFileSync(world.configuration, text.replaceAll("/state/inventory.db", "/moved/inventory.db"));
    world.files({ path: "again", content: "a" });
    await world.expectHealed();
    expect(readFileSync(join(world.path("far"), ".xtelemdb-writer-exao1.json"), "utf8")).toContain("/moved/inventory.db");
  },
);

wholeTest("a far disk that fills up, or is read-only, stops only its own replica", ["sshd", "root"], async () => {
  using world = await FarWorld.begin();
  const disk = mountMemory(world.path("far"), { size: "1m" });
  world.files(...FAR_FILES);
  await world.expectHealed();
  world.files({ path: "large", content: "x".repeat(3 << 20) });
  const outcome = await world.sync();
  expect(outcome.code).toBe(3);
  const space = world.replicaStatus(world.url).conditions.find(({ type }) => type === "SpaceAvailable");
  expect(space).toMatchObject({ status: "False", reason: "NoSpace" });
  expect(world.copiedFiles("backup")).toEqual(world.originFiles());
  disk.remount("ro,size=8m");
  await world.expectTrouble("ReadOnly", /read-only/);
  disk.remount("rw,size=8m");
  await world.expectHealed();
});

wholeTest("a far directory without permission blocks its own files only", ["sshd", "root", "setpriv"], async () => {
  using world = await FarWorld.begin({ asNobody: true, lines: ["ForceCommand internal-sftp"], subsystem: "internal-sftp" });
  chownSync(world.path("far"), NOBODY, NOBODY);
  world.files(...FAR_FILES, { path: "shut/in", content: "s" }, { path: "set-id", content: "x", mode: 0o4755 });
  await world.expectHealed();
  // What cannot be its origin's owner's is not set-id for somebody else.
  expect(statSync(join(world.copies("far"), "set-id"))).toMatchObject({ uid: NOBODY, mode: 0o100755 });
  chownSync(join(world.copies("far"), "shut"), 0, 0);
  world.files({ path: "shut/more", content: "m" }, { path: "deep/more", content: "m" });
  const outcome = await world.sync();
  expect(outcome.code).toBe(3);
  expect(readFileSync(join(world.copies("far"), "deep/more"), "utf8")).toBe("m");
  const explained = await world.explain(join(world.data, "shut/more"));
  expect(explained.files[0]?.replicas.find(({ url }) => url === world.url)?.message).toContain("NotPermitted");
  chownSync(join(world.copies("far"), "shut"), NOBODY, NOBODY);
  await world.expectHealed();
});

wholeTest("a file where a directory should be is left alone", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FAR_FILES);
  await world.expectHealed();
  writeFileSync(join(world.copies("far"), "shut"), "a file");
  world.files({ path: "shut/more", content: "m" }, { path: "deep/more", content: "m" });
  expect((await world.sync()).code).toBe(3);
  expect(readFileSync(join(world.copies("far"), "deep/more"), "utf8")).toBe("m");
  expect(readFileSync(join(world.copies("far"), "shut"), "utf8")).toBe("a file");
});

wholeTest("links at the far end lead nowhere", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FAR_FILES);
  await world.expectHealed();
  mkdirSync(world.path("elsewhere"));
  symlinkSync(world.path("elsewhere"), join(world.copies("far"), "linked"));
  world.files({ path: "linked/file", content: "l" });
  const outcome = await world.sync();
  expect(outcome.code).toBe(3);
  expect(readdirSync(world.path("elsewhere"))).toEqual([]);
});

wholeTest("a frozen far end is given up after its timeout, and nobody else waits for it", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const proxy = await TcpProxy.start(world.server.port);
  world.reach([`Port=${proxy.port}`, ...world.server.options()], { timeout: "5s" });
  world.files(
    ...FAR_FILES,
    ...Array.from({ length: 40 }, (_, index) => ({ path: `many/${index}`, content: "x".repeat(50_000) })),
  );
  proxy.weather = { freezeAfterBytes: 1_000_000 };
  await world.expectTrouble("NoProgress", /without a word/);
  proxy.weather = {};
  await world.expectHealed();
  proxy.stop();
});

wholeTest("a far server that is stopped is given up too, and found again when it goes on", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.reach(world.server.options(), { timeout: "5s", bandwidth: "2 MB" });
  world.files(
    ...FAR_FILES,
    ...Array.from({ length: 40 }, (_, index) => ({ path: `many/${index}`, content: "x".repeat(100_000) })),
  );
  const running = world.start("sync");
  await world.arrived(5);
  for (const pid of world.server.servers()) process.kill(pid, "SIGSTOP");
  const outcome = await running.ended;
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(world.readyReason(world.url)).toBe("NoProgress");
  expect(world.readyReason("backup")).toBe("Converged");
  world.server.cut();
  world.reach();
  await world.expectHealed();
});

wholeTest("a far directory that cannot be flushed fails its own files only", ["sshd", "root", "setpriv"], async () => {
  using world = await FarWorld.begin({ asNobody: true, lines: ["ForceCommand internal-sftp"], subsystem: "internal-sftp" });
  chownSync(world.path("far"), NOBODY, NOBODY);
  world.files(...FAR_FILES, { path: "shut/in", content: "s" });
  await world.expectHealed();
  // Names may be made in it, but it may not be opened, which a flush needs.
  chmodSync(join(world.copies("far"), "shut"), 0o333);
  world.files({ path: "shut/more", content: "m" }, { path: "deep/more", content: "m" });
  expect((await world.sync()).code).toBe(3);
  const stateOf = async (path: string) =>
    (await world.explain(join(world.data, path))).files[0]?.replicas.find(({ url }) => url === world.url)?.state;
  expect(await stateOf("deep/more")).toBe("current");
  expect(await stateOf("shut/more")).not.toBe("current");
  chmodSync(join(world.copies("far"), "shut"), 0o755);
  await world.expectHealed();
  expect(await stateOf("shut/more")).toBe("current");
});

/** What the process has started and not heard the end of. */
const zombiesOf = (pid: number): string[] =>
  readdirSync("/proc").filter((name) => {
    try {
      const [state, parent] = readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      return state === "Z" && parent === String(pid);
    } catch {
      return false;
    }
  });

wholeTest("the ssh processes of a worker that was given up are no zombies", ["fuse", "sshd"], async () => {
  await using agent = await RunningAgent.start({ top: { stall_timeout: "10s" } }, (world) => {
    writeFileSync(world.path("ssh"), "#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n", { mode: 0o755 });
    mkdirSync(world.path("far"));
    for (const name of ["a", "b", "c", "d", "e", "f"]) world.makeTree("behind", [{ path: name, size: 4 << 20, seed: 1 }]);
    world.runWith({ environment: { XTELEMDB_SSH: world.path("ssh") } });
  });
  const { world } = agent;
  const url = `ssh://far/${world.path("far")}/`;
  await using mount = await mountHanging(world.path("behind"), world.path("mounted"));
  agent.redeclare({
    scan: { ...PATIENT, settle: "0s" },
    hosts: { [HOST]: ["mounted"] },
    replicas: [url],
    replicaKeys: { [url]: { bandwidth: "4 MB" } },
  });
  await until("it is copying", () => agent.status?.agent.phase === "copying" && existsSync(world.copies("far", "mounted")));
  mount.hang();
  const isNoticed = (): boolean =>
    agent.status?.hosts.some(({ dataDirectories }) =>
      dataDirectories.some(({ conditions }) => conditions.some(({ reason }) => reason === "WorkerStalled")),
    ) === true;
  await until("it is noticed", isNoticed, 60_000);
  mount.letGo();
  await until("it goes on", () => agent.status?.converged === true, 90_000);
  // Who is idle ends its connections after a moment, and hears of their end.
  await until("nothing is left of what had ended", () => zombiesOf(agent.pid).length === 0, 10_000);
});

wholeTest("an agent that is stopped leaves no ssh behind, not even one that takes nothing in", [], async () => {
  await using agent = await RunningAgent.start({}, (world) => {
    writeFileSync(world.path("ssh"), `#!/bin/sh\necho $$ > ${world.path("pid")}\nexec sleep 1000\n`, { mode: 0o755 });
    world.runWith({ environment: { XTELEMDB_SSH: world.path("ssh") } });
  });
  const pid = agent.world.path("pid");
  agent.redeclare({ replicas: ["backup", "ssh://far//backup"] });
  const started = await until("it is started", () =>
    existsSync(pid) ? Number(readFileSync(pid, "utf8")) || undefined : undefined,
  );
  expect(existsSync(`/proc/${started}`)).toBe(true);
  expect(await agent.stop()).toMatchObject({ code: 0 });
  expect(existsSync(`/proc/${started}`)).toBe(false);
});
