/** A replica on another host works as one on this machine does: real ssh, real sshd, nothing of ours at the far end. */
import { expect } from "bun:test";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  command,
  HARD_FILES,
  MARKER,
  mountMemory,
  SFTP_SERVER,
  SshServer,
  type SshServerOptions,
  TcpProxy,
  temporaryFiles,
  until,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

/** A world whose replica `far` is reached through ssh; beside it a local one, which must never suffer. */
class FarWorld extends World {
  readonly url = `ssh://127.0.0.1/${this.path("far")}/`;

  private constructor(readonly server: SshServer) {
    super();
  }

  static async begin(options: SshServerOptions = {}): Promise<FarWorld> {
    const scratch = new World();
    const server = await SshServer.start(join(scratch.folder, "sshd"), options);
    const world = new FarWorld(server);
    mkdirSync(world.path("far"));
    world.reach();
    return world;
  }

  override [Symbol.dispose](): void {
    this.server.stop();
    super[Symbol.dispose]();
  }

  /** Declares both replicas, the far one with these options for ssh. */
  reach(options: readonly string[] = this.server.options(), more: Readonly<Record<string, string | number>> = {}): void {
    this.declare({ replicas: ["backup", this.url], replicaKeys: { [this.url]: { ssh_options: options, ...more } } });
  }

  /** The far replica is not ready for this reason, in the far end's words; the local one has everything. */
  async expectTrouble(reason: string, words: RegExp): Promise<void> {
    const outcome = await this.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
    const ready = this.replicaStatus(this.url).conditions.find(({ type }) => type === "Ready");
    expect(ready).toMatchObject({ status: "False", reason });
    expect(ready?.message).toMatch(words);
    expect(ready?.help).not.toBe("");
    expect(this.copiedFiles("backup")).toEqual(this.originFiles());
    expect(this.readyReason("backup")).toBe("Converged");
  }

  /** Waits until so many files stand in the far folder `many`. */
  async arrived(count: number): Promise<void> {
    const folder = join(this.copies("far"), "many");
    await until(
      `${count} files arrive`,
      () => existsSync(folder) && readdirSync(folder).filter((name) => !name.startsWith(".")).length >= count,
    );
  }

  /** Everything is there, byte for byte, with the times that SFTP can keep. */
  async expectHealed(): Promise<void> {
    const outcome = await this.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
    command("diff", "-r", this.data, this.copies("far"));
    expect(temporaryFiles(this.path("far"))).toEqual([]);
  }
}

const NOBODY = 65_534;

const FILES = [
  { path: "one", content: "1" },
  { path: "deep/two", content: "22" },
  { path: "deep/empty", content: "" },
];

wholeTest("an ssh replica gets every file, and a second run copies nothing", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FILES);
  await world.expectHealed();
  expect(world.readyReason(world.url)).toBe("Converged");
  expect(existsSync(join(world.path("far"), MARKER))).toBe(true);
  expect(statSync(join(world.copies("far"), "one")).mtime.getTime()).toBe(
    Math.floor(statSync(join(world.data, "one")).mtime.getTime() / 1000) * 1000,
  );
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
});

wholeTest("a changed file replaces its copy, a deleted one stays, a foreign one is not touched", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FILES);
  await world.expectHealed();
  writeFileSync(join(world.data, "one"), "changed");
  rmSync(join(world.data, "deep/two"));
  writeFileSync(join(world.data, "new"), "ours");
  writeFileSync(join(world.copies("far"), "new"), "theirs");
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(readFileSync(join(world.copies("far"), "one"), "utf8")).toBe("changed");
  expect(readFileSync(join(world.copies("far"), "deep/two"), "utf8")).toBe("22");
  expect(readFileSync(join(world.copies("far"), "new"), "utf8")).toBe("theirs");
  const explained = await world.explain(join(world.data, "new"));
  expect(explained.files[0]?.replicas.find(({ url }) => url === world.url)?.message).toContain("UnknownFileInTheWay");
});

wholeTest("names of every kind, modes and old times cross the way", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(
    { path: "-rf $(id) `x`; 'quoted' \"twice\"", content: "a" },
    { path: "  two spaces\nand a line", content: "b" },
    { path: "Ünïcödé/日本語", content: "c" },
    { path: "deep/mode", content: "d", mode: 0o640 },
    { path: "old", content: "e" },
    { path: "late", content: "f" },
  );
  writeFileSync(Buffer.concat([Buffer.from(`${world.data}/raw-`), Buffer.from([0xff, 0xfe])]), "g");
  command("touch", "-d", "@-1000", join(world.data, "old"));
  command("touch", "-d", "@5000000000", join(world.data, "late"));
  await world.expectHealed();
  expect(statSync(join(world.copies("far"), "deep/mode")).mode & 0o7777).toBe(0o640);
  // SFTP 3 counts from 1970 to 2106: what lies outside is kept at its end, and not copied again.
  expect(statSync(join(world.copies("far"), "old")).mtime.getTime()).toBe(0);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  const explained = await world.explain(join(world.data, "old"));
  expect(JSON.stringify(explained)).toContain("1970-01-01T00:00:00");
});

/** As SFTP 3 can keep it: whole seconds from 1970 to 2106. */
const asSftpKeeps = (files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).map(([path, file]) => [
      path,
      file.replace(/mtime (-?\d+)/, (_all, nanoseconds: string) => {
        const seconds = BigInt.asIntN(64, BigInt(nanoseconds)) / 1_000_000_000n;
        const floor = BigInt(nanoseconds) < 0n ? 0n : seconds;
        return `mtime ${(floor > 0xffff_ffffn ? 0xffff_ffffn : floor) * 1_000_000_000n}`;
      }),
    ]),
  );

wholeTest("everything that is hard to copy locally comes through ssh as well", ["sshd", "root"], async () => {
  using world = await FarWorld.begin();
  world.declare({ replicas: [world.url], replicaKeys: { [world.url]: { ssh_options: world.server.options() } } });
  world.files(...HARD_FILES, { path: "sparse", size: 50 << 20, sparse: true, seed: 4 });
  world.files({ path: "group/inner/file", content: "x" }, { path: "group", kind: "directory", mode: 0o2770 });
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  expect(world.copiedFiles("far")).toEqual(asSftpKeeps(world.originFiles()));
  const copies = world.tree(world.copies("far"));
  expect(copies.get("group")).toMatchObject({ kind: "directory", mode: 0o2770 });
  expect(copies.get("sparse")?.allocated).toBeLessThan(1 << 20);
  expect(temporaryFiles(world.path("far"))).toEqual([]);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 }, failed: { files: 0 } });
});

wholeTest("a marker that is missing, or another's, keeps everything out", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FILES);
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
    world.files(...FILES);
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
  world.files(...FILES);
  await world.expectTrouble("SftpMissing", /Welcome to popeye/);
});

wholeTest("it works where only sftp is allowed, with a restricted key", ["sshd"], async () => {
  using world = await FarWorld.begin({
    lines: ["ForceCommand internal-sftp"],
    subsystem: "internal-sftp",
    keyOptions: "restrict",
  });
  world.files(...FILES);
  await world.expectHealed();
});

wholeTest("it works in a chroot", ["sshd", "root"], async () => {
  using world = await FarWorld.begin({
    lines: ["ForceCommand internal-sftp", "ChrootDirectory /srv/xtelemdb-chroot"],
    subsystem: "internal-sftp",
  });
  // sshd wants every folder above to be root's: the scratch folder's may be anybody's.
  mkdirSync("/srv/xtelemdb-chroot", { recursive: true });
  try {
    mkdirSync("/srv/xtelemdb-chroot/copies", { recursive: true });
    const url = "ssh://127.0.0.1//copies/";
    world.declare({ replicas: [url], replicaKeys: { [url]: { ssh_options: world.server.options() } } });
    world.files(...FILES);
    const outcome = await world.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
    command("diff", "-r", world.data, `/srv/xtelemdb-chroot/copies/exao1${world.data}`);
  } finally {
    rmSync("/srv/xtelemdb-chroot", { recursive: true });
  }
});

wholeTest("it works through a jump host, as the operator's configuration says", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FILES);
  const key = world.server.options();
  const jump = `ssh ${key.map((option) => `-o${option}`).join(" ")} -W 127.0.0.1:${world.server.port} 127.0.0.1`;
  world.reach([`ProxyCommand=${jump}`, ...key]);
  await world.expectHealed();
});

wholeTest("what a server cannot promise is told: no flush, no replacing, no free space", ["sshd"], async () => {
  const missing = "fsync,posix-rename,statvfs,limits";
  using world = await FarWorld.begin({ subsystem: `${SFTP_SERVER} -P ${missing}` });
  world.files(...FILES);
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

wholeTest("a far disk that fills up, or is read-only, stops only its own replica", ["sshd", "root"], async () => {
  using world = await FarWorld.begin();
  const disk = mountMemory(world.path("far"), { size: "1m" });
  world.files(...FILES);
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
  world.files(...FILES, { path: "shut/in", content: "s" }, { path: "set-id", content: "x", mode: 0o4755 });
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
  world.files(...FILES);
  await world.expectHealed();
  writeFileSync(join(world.copies("far"), "shut"), "a file");
  world.files({ path: "shut/more", content: "m" }, { path: "deep/more", content: "m" });
  expect((await world.sync()).code).toBe(3);
  expect(readFileSync(join(world.copies("far"), "deep/more"), "utf8")).toBe("m");
  expect(readFileSync(join(world.copies("far"), "shut"), "utf8")).toBe("a file");
});

wholeTest("a path that a shell would run, or take for an option, is a path", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const strange = world.path("-rf $(touch pwned) `touch pwned`; touch pwned 'x");
  mkdirSync(strange);
  const url = `ssh://127.0.0.1/${strange}/`;
  world.declare({ replicas: [url], replicaKeys: { [url]: { ssh_options: world.server.options() } } });
  world.files(...FILES);
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  command("diff", "-r", world.data, `${strange}/exao1${world.data}`);
  expect(command("find", world.folder, "-name", "pwned")).toBe("");
});

wholeTest("a long way of 100 ms changes nothing but the time", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const proxy = await TcpProxy.start(world.server.port);
  proxy.weather = { delayMilliseconds: 50 };
  world.reach([`Port=${proxy.port}`, ...world.server.options()]);
  const many = Array.from({ length: 300 }, (_, index) => ({ path: `many/${index % 7}/${index}`, content: `${index}` }));
  world.files(...FILES, ...many, { path: "large", content: "x".repeat(5 << 20) });
  await world.expectHealed();
  proxy.stop();
});

wholeTest("links at the far end lead nowhere", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FILES);
  await world.expectHealed();
  mkdirSync(world.path("elsewhere"));
  symlinkSync(world.path("elsewhere"), join(world.copies("far"), "linked"));
  world.files({ path: "linked/file", content: "l" });
  const outcome = await world.sync();
  expect(outcome.code).toBe(3);
  expect(readdirSync(world.path("elsewhere"))).toEqual([]);
});

wholeTest("a connection that is cut is told; what had been copied stays, and the rest follows", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const proxy = await TcpProxy.start(world.server.port);
  world.reach([`Port=${proxy.port}`, ...world.server.options()]);
  world.files(...FILES, ...Array.from({ length: 60 }, (_, index) => ({ path: `many/${index}`, content: "x".repeat(50_000) })));
  proxy.weather = { cutAfterBytes: 1_500_000 };
  await world.expectTrouble("ConnectionLost", /./);
  proxy.weather = {};
  await world.expectHealed();
  proxy.stop();
});

wholeTest("a frozen far end is given up after its timeout, and nobody else waits for it", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const proxy = await TcpProxy.start(world.server.port);
  world.reach([`Port=${proxy.port}`, ...world.server.options()], { timeout: "2s" });
  world.files(...FILES, ...Array.from({ length: 40 }, (_, index) => ({ path: `many/${index}`, content: "x".repeat(50_000) })));
  proxy.weather = { freezeAfterBytes: 1_000_000 };
  await world.expectTrouble("NoProgress", /without a word/);
  proxy.weather = {};
  await world.expectHealed();
  proxy.stop();
});

wholeTest("a far server that is stopped is given up too, and found again when it goes on", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.reach(world.server.options(), { timeout: "2s", bandwidth: "2 MB" });
  world.files(...FILES, ...Array.from({ length: 40 }, (_, index) => ({ path: `many/${index}`, content: "x".repeat(100_000) })));
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

wholeTest("a large file goes on where it was cut, if its source is the same; else it starts over", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const proxy = await TcpProxy.start(world.server.port);
  const size = 300 << 20;
  world.files({ path: "large", content: "" });
  // Bytes that no compression and no hole make small.
  command("dd", "if=/dev/urandom", `of=${join(world.data, "large")}`, "bs=1M", `count=${size >> 20}`, "status=none");
  world.reach([`Port=${proxy.port}`, ...world.server.options()]);
  proxy.weather = { cutAfterBytes: 250 << 20 };
  await world.expectTrouble("ConnectionLost", /./);
  expect(temporaryFiles(world.path("far")).length).toBe(1);
  expect(existsSync(join(world.copies("far"), "large"))).toBe(false);
  proxy.weather = {};
  const before = proxy.passed;
  await world.expectHealed();
  // 128 MiB were surely durable.
  expect(proxy.passed - before).toBeLessThan(200 << 20);

  truncateSync(join(world.data, "large"), size - 5);
  proxy.weather = { cutAfterBytes: proxy.passed + (250 << 20) };
  await world.expectTrouble("ConnectionLost", /./);
  const partial = join(world.path("far"), temporaryFiles(world.path("far"))[0] ?? "");
  // Somebody's damage to the half copy is seen before it is gone on with.
  command("dd", "if=/dev/zero", `of=${partial}`, "bs=1M", "seek=127", "count=1", "conv=notrunc", "status=none");
  proxy.weather = {};
  await world.expectHealed();
  proxy.stop();
});

wholeTest("a killed agent and a killed ssh leave nothing torn", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.reach(world.server.options(), { bandwidth: "3 MB" });
  world.files(...FILES, ...Array.from({ length: 60 }, (_, index) => ({ path: `many/${index}`, content: "x".repeat(100_000) })));
  const running = world.start("sync");
  await world.arrived(5);
  running.signal("SIGKILL");
  await running.ended;
  for (const name of readdirSync(join(world.copies("far"), "many")).filter((one) => !one.startsWith("."))) {
    expect(statSync(join(world.copies("far"), "many", name)).size).toBe(100_000);
  }
  const again = world.start("sync");
  await world.arrived(40);
  command("pkill", "-KILL", "-P", String(again.pid), "-x", "ssh");
  const outcome = await again.ended;
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(world.readyReason(world.url)).toBe("ConnectionLost");
  expect(world.readyReason("backup")).toBe("Converged");
  world.reach();
  await world.expectHealed();
});

wholeTest("add_replica looks at the far root at once, and says what is wrong with it", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.declare({ replicas: [] });
  // The operator's own ssh finds nobody under this name.
  const outcome = await world.run("add_replica", "host=xtelemdb-test.invalid", "prefix=copies/");
  expect(outcome.code, outcome.stderr).toBe(0);
  expect(outcome.stdout).toContain("not ready yet: connect to ssh://xtelemdb-test.invalid/copies");
});

wholeTest("for ever: a far end that was away is found again long before the next full scan", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const proxy = await TcpProxy.start(world.server.port);
  const url = world.url;
  const ssh = { ssh_options: [`Port=${proxy.port}`, ...world.server.options()] };
  world.declare({ replicas: ["backup", url], replicaKeys: { [url]: ssh }, scan: { interval: "1h" } });
  world.files(...FILES);
  proxy.weather = { cutAfterBytes: 0 };
  const running = world.start("sync", "continuous=true");
  await until(
    "the trouble is told",
    () => world.statusFromFile()?.agent.phase === "waiting" && world.readyReason(url) === "HostUnreachable",
  );
  expect(world.copiedFiles("backup")).toEqual(world.originFiles());
  proxy.weather = {};
  // The first wait is 10 to 12 s.
  await until("it is found again", () => world.readyReason(url) === "Converged", 40_000);
  command("diff", "-r", world.data, world.copies("far"));
  running.signal("SIGTERM");
  expect((await running.ended).code).toBe(0);
  proxy.stop();
});
