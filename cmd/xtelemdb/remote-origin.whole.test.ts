/** An origin host with an address is scanned and copied from over ssh, with the laws of every other. */
import { expect } from "bun:test";
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, SshServer, TcpProxy, temporaryFiles, until, World, wholeTest } from "../../internal/testing/mod.ts";

interface Remote {
  readonly world: World;
  readonly server: SshServer;
  readonly proxy: TcpProxy;
  /** Declares the host `icc` behind the proxy, with the data directory `remote`, beside this host's own. */
  readonly declare: (replicas: readonly string[], settle?: string) => void;
}

async function withRemote(action: (remote: Remote) => Promise<void>): Promise<void> {
  using world = new World();
  const server = await SshServer.start(world.path("sshd"));
  const proxy = await TcpProxy.start(server.port);
  mkdirSync(world.path("remote"));
  const options = [`Port=${proxy.port}`, ...server.options()];
  const declare = (replicas: readonly string[], settle = "0s"): void => {
    const replicaKeys = Object.fromEntries(
      replicas.filter((name) => name.includes("://")).map((name) => [name, { ssh_options: options }]),
    );
    world.declare({
      hosts: { exao1: ["data"], icc: ["remote"] },
      hostKeys: { icc: { address: "ssh://127.0.0.1", ssh_options: options, timeout: "20s" } },
      replicas,
      replicaKeys,
      scan: { settle },
    });
  };
  declare(["backup"]);
  try {
    await action({ world, server, proxy, declare });
  } finally {
    proxy.stop();
    server.stop();
  }
}

wholeTest("files of a remote host are scanned, copied, and not copied again", ["sshd"], () =>
  withRemote(async ({ world }) => {
    world.files({ path: "own", content: "o" });
    writeFileSync(world.path("remote/one"), "1");
    mkdirSync(world.path("remote/deep"));
    writeFileSync(world.path("remote/deep/two"), "22");
    symlinkSync("/etc", world.path("remote/deep/link"));
    for (let index = 0; index < 300; index++) {
      mkdirSync(world.path(`remote/many/${index % 20}`), { recursive: true });
      writeFileSync(world.path(`remote/many/${index % 20}/${index}`), "x".repeat(index * 10));
    }
    const outcome = await world.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
    rmSync(world.path("remote/deep/link"));
    command("diff", "-r", world.path("remote"), world.copies("backup", "remote", "icc"));
    expect(statSync(join(world.copies("backup", "remote", "icc"), "one")).mtimeMs % 1000).toBe(0);
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
    const status = await world.status();
    expect(status.hosts.find(({ name }) => name === "icc")).toMatchObject({ scannedHere: true });
    expect((await world.explain(world.path("remote/deep/two"))).files[0]).toMatchObject({ host: "icc", state: "settled" });
    writeFileSync(world.path("remote/one"), "changed");
    rmSync(world.path("remote/deep/two"));
    expect((await world.sync()).code).toBe(0);
    expect((await world.explain(world.path("remote/deep/two"))).files[0]).toMatchObject({ state: "absent" });
    expect(command("cat", join(world.copies("backup", "remote", "icc"), "deep/two"))).toBe("22");
    expect(command("cat", join(world.copies("backup", "remote", "icc"), "one"))).toBe("changed");
  }),
);

wholeTest("a file of a host whose clock is ahead is copied when it was seen unchanged for settle", ["sshd"], () =>
  withRemote(async ({ world, declare }) => {
    declare(["backup"], "2s");
    const ahead = Math.floor(Date.now() / 1000) + 3600;
    writeFileSync(world.path("remote/one"), "DRAFT");
    utimesSync(world.path("remote/one"), ahead, ahead);
    expect(await world.sync()).toMatchObject({ code: 3 });
    // Rewritten in the same second: nothing tells.
    writeFileSync(world.path("remote/one"), "FINAL");
    utimesSync(world.path("remote/one"), ahead, ahead);
    await until("it is copied", async () => (await world.sync()).code === 0, 30_000);
    expect(readFileSync(join(world.copies("backup", "remote", "icc"), "one"), "utf8")).toBe("FINAL");
  }),
);

wholeTest("a remote host that is away changes no row, and holds up nobody", ["sshd"], () =>
  withRemote(async ({ world, server, proxy }) => {
    writeFileSync(world.path("remote/one"), "1");
    expect((await world.sync()).code).toBe(0);
    const cut = proxy.passed;
    proxy.weather = { cutAfterBytes: cut };
    world.files({ path: "own", content: "o" });
    const outcome = await world.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
    expect(world.copiedFiles("backup")).toEqual(world.originFiles());
    const icc = world.statusFromFile()?.hosts.find(({ name }) => name === "icc")?.dataDirectories[0];
    expect(icc?.conditions.find(({ type }) => type === "Scanned")).toMatchObject({ status: "False", reason: "HostUnreachable" });
    expect((await world.explain(world.path("remote/one"))).files[0]).toMatchObject({ state: "settled" });
    proxy.weather = { freezeAfterBytes: proxy.passed };
    expect((await world.sync()).code).toBe(3);
    expect((await world.explain(world.path("remote/one"))).files[0]).toMatchObject({ state: "settled" });
    proxy.weather = {};
    writeFileSync(world.path("remote/two"), "2");
    expect((await world.sync()).code).toBe(0);
    command("diff", "-r", world.path("remote"), world.copies("backup", "remote", "icc"));
    server.stop();
  }),
);

wholeTest("a remote host that dies in the middle of a copy costs one attempt, not one for each of its files", ["sshd"], () =>
  withRemote(async ({ world, server, proxy }) => {
    for (let index = 0; index < 200; index++) writeFileSync(world.path(`remote/${index}`), "x".repeat(50_000));
    world.declare({
      hosts: { exao1: ["data"], icc: ["remote"] },
      hostKeys: { icc: { address: "ssh://127.0.0.1", ssh_options: [`Port=${proxy.port}`, ...server.options()], timeout: "20s" } },
      replicaKeys: { backup: { bandwidth: "2 MB" } },
    });
    const running = world.start("sync");
    await until("the first files arrive", () => temporaryFiles(world.path("backup")).length > 0);
    server.stop();
    const outcome = await running.ended;
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
    const { failures, pending } = world.replicaStatus();
    expect(failures).toMatchObject([{ reason: "OriginUnreachable", files: 1 }]);
    expect(pending.files).toBeGreaterThan(50);
    expect(temporaryFiles(world.path("backup"))).toEqual([]);
  }),
);

wholeTest("what a local replica holds of a remote host is the source for the far one", ["sshd"], () =>
  withRemote(async ({ world, proxy, declare }) => {
    mkdirSync(world.path("far"));
    writeFileSync(world.path("remote/large"), Buffer.alloc(3 << 20, 7));
    const far = `ssh://127.0.0.1/${world.path("far")}/`;
    expect((await world.sync()).code).toBe(0);
    declare(["backup", far]);
    const before = proxy.returned;
    const outcome = await world.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
    command("diff", "-r", world.path("remote"), world.copies("far", "remote", "icc"));
    expect(temporaryFiles(world.path("far"))).toEqual([]);
    // Nothing of the file came back over the way to the origin, which is also the way to the far replica.
    expect(proxy.returned - before).toBeLessThan(1 << 20);
    writeFileSync(world.path("remote/large"), Buffer.alloc(3 << 20, 8));
    expect((await world.sync()).code).toBe(0);
    command("diff", "-r", world.path("remote"), world.copies("far", "remote", "icc"));

    // A local copy that somebody damaged is not passed on, says nothing of the origin, and is passed over: the origin itself is asked.
    writeFileSync(join(world.copies("backup", "remote", "icc"), "large"), "damaged");
    mkdirSync(world.path("second"));
    const second = `ssh://127.0.0.1/${world.path("second")}/`;
    declare(["backup", far, second]);
    for (let runs = 0; (await world.sync()).code !== 0; runs++) expect(runs).toBeLessThan(1);
    expect((await world.explain(world.path("remote/large"))).files[0]).toMatchObject({ state: "settled", size: 3 << 20 });
    command("diff", "-r", world.path("remote"), world.copies("second", "remote", "icc"));
  }),
);

wholeTest("two hosts behind one name are told apart by their ports", ["sshd", "root"], async () => {
  using world = new World();
  const servers: SshServer[] = [];
  const hostKeys: Record<string, Record<string, string | readonly string[]>> = {};
  for (const name of ["icc", "rtc"]) {
    // Each sees its own files under the same path: a chroot of its own.
    const root = `/srv/xtelemdb-${name}`;
    mkdirSync(`${root}/data`, { recursive: true });
    writeFileSync(`${root}/data/same`, name);
    command("touch", "-d", "@1700000000", `${root}/data/same`);
    const lines = ["ForceCommand internal-sftp", `ChrootDirectory ${root}`];
    const server = await SshServer.start(world.path(`sshd-${name}`), { subsystem: "internal-sftp", lines });
    servers.push(server);
    hostKeys[name] = { address: "ssh://127.0.0.1", ssh_options: server.options() };
  }
  try {
    world.declare({ hosts: { exao1: ["data"], icc: ["/data"], rtc: ["/data"] }, hostKeys });
    const outcome = await world.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
    for (const name of ["icc", "rtc"]) expect(command("cat", `${world.path("backup")}/${name}/data/same`)).toBe(name);
  } finally {
    for (const server of servers) server.stop();
    for (const name of ["icc", "rtc"]) rmSync(`/srv/xtelemdb-${name}`, { recursive: true });
  }
});

wholeTest("a copy that has rotten is not copied on: the origin is asked", ["sshd"], () =>
  withRemote(async ({ world, declare }) => {
    writeFileSync(world.path("remote/one"), "right\n");
    expect(await world.sync()).toMatchObject({ code: 0 });
    const copy = join(world.copies("backup", "remote", "icc"), "one");
    const { atime, mtime } = statSync(copy);
    writeFileSync(copy, "wrong\n");
    utimesSync(copy, atime, mtime);
    mkdirSync(world.path("second"));
    declare(["backup", "second"]);
    const first = await world.sync();
    expect(first, first.stdout).toMatchObject({ code: 3 });
    expect(first.stdout).toContain("SourceCopyCorrupt");
    // What was seen of the rotten copy is recorded: nobody counts on it any more.
    expect(world.replicaStatus("backup").verification?.findings).toMatchObject({ corrupt: 1 });
    expect(await world.sync()).toMatchObject({ code: 0 });
    for (const name of ["backup", "second"])
      expect(readFileSync(join(world.copies(name, "remote", "icc"), "one"), "utf8")).toBe("right\n");
  }),
);
