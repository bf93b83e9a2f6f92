/** `sync continuous=true` as an operator leaves it running: what it copies when, what it says, and how it ends. Waits are conditions, never times. */
import { expect } from "bun:test";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import type { StatusDocument } from "../../internal/agent/mod.ts";
import {
  command,
  freePort,
  HOST,
  inventoryExecute,
  mountHanging,
  mountImage,
  PATIENT,
  RunningAgent,
  temporaryFiles,
  until,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

const childrenOf = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );

wholeTest("a file is copied as soon as it is closed, long before it has been quiet", [], async () => {
  await using agent = await RunningAgent.start();
  agent.world.files({ path: "a", content: "one" });
  await agent.becomes("a", "current");
  expect(agent.world.copiedFiles()).toEqual(agent.world.originFiles());
});

wholeTest("what appears in new directories, and what is moved in, is copied", [], async () => {
  await using agent = await RunningAgent.start();
  const { data } = agent.world;
  agent.world.files({ path: "x/y/z/deep", content: "deep" }, { path: "x/y/other", content: "other" });
  await agent.becomes("x/y/z/deep", "current");
  await agent.becomes("x/y/other", "current");
  renameSync(`${data}/x/y`, `${data}/moved`);
  await agent.becomes("moved/z/deep", "current");
  writeFileSync(`${data}/moved/z/later`, "later");
  await agent.becomes("moved/z/later", "current");
  mkdirSync(`${agent.world.folder}/outside/in`, { recursive: true });
  writeFileSync(`${agent.world.folder}/outside/in/file`, "from outside");
  renameSync(`${agent.world.folder}/outside`, `${data}/inside`);
  await agent.becomes("inside/in/file", "current");
});

wholeTest("a file that is open for writing is left alone, however quiet it is, and is copied when it is closed", [], async () => {
  await using agent = await RunningAgent.start({ scan: { interval: "1h", settle: "0s" } });
  const { data } = agent.world;
  const open = openSync(`${data}/open`, "w");
  writeSync(open, "part");
  agent.world.files({ path: "beside", content: "b" });
  await agent.becomes("beside", "current");
  await until("it is seen", async () => (await agent.stateOf("open")) === "missing");
  expect(existsSync(`${agent.world.copies()}/open`)).toBe(false);
  writeSync(open, " and the rest");
  closeSync(open);
  await agent.becomes("open", "current");
  expect(agent.world.copiedFiles()).toEqual(agent.world.originFiles());
});

wholeTest(
  "a file that is written for long is copied every max_wait as far as it is, and finished when it is closed",
  [],
  async () => {
    await using agent = await RunningAgent.start({ scan: { interval: "1h", settle: "1h", max_wait: "1s" } });
    const { data } = agent.world;
    const open = openSync(`${data}/long`, "w");
    writeSync(open, "first");
    await agent.becomes("long", "stale");
    const copy = `${agent.world.copies()}/long`;
    expect(statSync(copy).size).toBe(5);
    writeSync(open, ", second");
    await until("the copy has grown", () => statSync(copy).size === 13, 30_000);
    const explained = async () => (await agent.world.explain(`${data}/long`)).files[0];
    await until("that is recorded", async () => (await explained())?.replicas[0]?.message.includes("(13 bytes), whole") === true);
    const file = await explained();
    expect(file).toMatchObject({ state: "growing", replicas: [{ state: "stale", pending: true, attempts: null }] });
    expect(file?.message).toContain("the kernel tells when it is closed");
    expect(file?.replicas[0]?.message).toMatch(/there is what it was at .* \(13 bytes\), whole/);
    // All that there is of it has been copied; what comes next is due `max_wait` after that.
    expect([file?.growing?.copiedAtLatest, file?.replicas[0]?.nextTry]).toEqual([null, null]);
    // What grows is looked at four times within `settle`.
    agent.redeclare({ scan: { interval: "1h", settle: "4s", max_wait: "1h" } });
    await until("that is in force", () => agent.status?.configuration.generation === 2);
    writeSync(open, ", third");
    await until("it is seen", async () => (await explained())?.size === 20, 30_000);
    const { growing, replicas = [] } = (await explained()) ?? {};
    expect(Date.parse(growing?.copiedAtLatest ?? "") - Date.parse(replicas[0]?.copiedAt ?? "")).toBe(3_600_000);
    expect(replicas[0]?.nextTry).toBe(growing?.copiedAtLatest ?? null);
    closeSync(open);
    // It was copied before, so that it must be quiet now; which it never is with an hour to wait.
    agent.redeclare({ scan: { interval: "1h", settle: "1s", max_wait: "1s" } });
    await agent.becomes("long", "current");
    expect(agent.world.copiedFiles()).toEqual(agent.world.originFiles());
  },
);

wholeTest(
  "a file that is written for long, and not only at its end, is never published torn, nor in the place of its copy",
  [],
  async () => {
    await using agent = await RunningAgent.start({ scan: { interval: "1h", settle: "1h", max_wait: "1s" } });
    const { world } = agent;
    world.files({ path: "ring", content: "good".repeat(1 << 20) });
    await agent.becomes("ring", "current");
    const good = readFileSync(`${world.copies()}/ring`);
    agent.redeclare({ scan: { interval: "1h", settle: "1h", max_wait: "1s" }, replicaKeys: { backup: { bandwidth: "2 MB" } } });
    // The beginning of each is written over many times while it is copied, which takes two seconds; one has a copy.
    const files = ["ring", "fresh"].map((name) => openSync(`${world.data}/${name}`, name === "ring" ? "r+" : "w"));
    for (const file of files) writeSync(file, Buffer.alloc(4 << 20), 0, 4 << 20, 0);
    let version = 0;
    const rewriting = setInterval(() => {
      // Not the same again before the copy has been read twice.
      version = (version + 1) % 250;
      for (const file of files) writeSync(file, Buffer.alloc(1 << 20, version), 0, 1 << 20, 0);
    }, 20);
    const messageOf = async (name: string): Promise<string> =>
      (await world.explain(`${world.data}/${name}`)).files[0]?.replicas[0]?.message ?? "";
    try {
      for (const name of ["ring", "fresh"])
        await until(`${name} was tried`, async () => (await messageOf(name)).includes("not only at its end"), 30_000);
      expect(readFileSync(`${world.copies()}/ring`).equals(good)).toBe(true);
      // It was empty when it was made: that much of it may be there.
      const fresh = existsSync(`${world.copies()}/fresh`) ? readFileSync(`${world.copies()}/fresh`) : Buffer.alloc(0);
      expect(new Set(fresh).size).toBeLessThanOrEqual(1);
    } finally {
      clearInterval(rewriting);
      for (const file of files) closeSync(file);
    }
    agent.redeclare({ scan: { interval: "1h", settle: "1s", max_wait: "1s" } });
    for (const name of ["ring", "fresh"]) await agent.becomes(name, "current");
    expect(world.copiedFiles()).toEqual(world.originFiles());
  },
);

wholeTest(
  "a log that is opened, appended to and closed all the time is copied after max_wait, and not in vain before",
  [],
  async () => {
    const scan = { interval: "1h", settle: "1h", max_wait: "2s" };
    await using agent = await RunningAgent.start({ scan, replicaKeys: { backup: { bandwidth: "4 MB" } } });
    const log = `${agent.world.data}/log`;
    writeFileSync(log, Buffer.alloc(4 << 20, "line\n"));
    const writing = setInterval(() => appendFileSync(log, "line\n"), 20);
    try {
      await agent.becomes("log", "stale");
    } finally {
      clearInterval(writing);
    }
  },
);

wholeTest("a file that was copied and changes again waits until it is quiet", [], async () => {
  await using agent = await RunningAgent.start();
  agent.world.files({ path: "log", content: "1" });
  await agent.becomes("log", "current");
  appendFileSync(`${agent.world.data}/log`, "2");
  await agent.becomes("log", "stale");
  expect((await agent.world.explain(`${agent.world.data}/log`)).files[0]?.state).toBe("growing");
  agent.redeclare({ scan: { ...PATIENT, settle: "1s" } });
  await agent.becomes("log", "current");
  expect(agent.world.copiedFiles()).toEqual(agent.world.originFiles());
});

wholeTest(
  "a bad edit changes nothing and is told with its place; a good one is in force without a signal, and with one",
  [],
  async () => {
    await using agent = await RunningAgent.start();
    const { world } = agent;
    appendFileSync(world.configuration, "\nsettl = 3\n");
    await until("it is rejected", () => agent.conditionOf("ConfigurationValid")?.status === "False");
    expect(agent.conditionOf("ConfigurationValid")).toMatchObject({ reason: "ConfigurationRejected" });
    expect(agent.conditionOf("ConfigurationValid")?.message).toMatch(/xtelemdb\.toml:\d+:\d+/);
    world.files({ path: "meanwhile", content: "m" });
    await until("the last good one is in force", () => existsSync(`${world.copies()}/meanwhile`));

    mkdirSync(world.path("second"));
    agent.redeclare({ replicas: ["backup", "second"] });
    agent.signal("SIGHUP");
    await until("the second is filled", () => existsSync(`${world.copies("second")}/meanwhile`));
    await until("it is accepted", () => agent.conditionOf("ConfigurationValid")?.status === "True");
    await until("it is ready", () => agent.status?.converged === true);
    await until("all has been looked at by it", () => agent.status?.configuration.observedGeneration === 2);
    expect(agent.status?.configuration.generation).toBe(2);

    agent.redeclare({ replicas: ["second"] });
    await until("the first is let go", () => agent.status?.configuration.generation === 3);
    world.files({ path: "after", content: "a" });
    await until("only the second gets it", () => existsSync(`${world.copies("second")}/after`));
    await agent.rest();
    expect(existsSync(`${world.copies("backup")}/after`)).toBe(false);
  },
);

wholeTest("a file in which this host has another name is not in force before the agent is started anew", [], async () => {
  await using agent = await RunningAgent.start();
  agent.redeclare({ hostname: "exao9", hosts: { exao9: ["data"] } });
  await until("it is rejected", () => agent.conditionOf("ConfigurationValid")?.status === "False");
  expect(agent.conditionOf("ConfigurationValid")).toMatchObject({
    reason: "ConfigurationRejected",
    message: expect.stringContaining("restart it"),
  });
  agent.world.files({ path: "a", content: "a" });
  await until("the last good one is in force", () => existsSync(`${agent.world.copies()}/a`));
});

wholeTest("a disk that is pulled out is a condition of its own, and gets everything when it is back", [], async () => {
  await using agent = await RunningAgent.start({ replicas: ["backup", "removable"] }, (world) =>
    world.files({ path: "a", content: "a" }),
  );
  const { world } = agent;
  await until("all is well", () => agent.status?.converged === true);
  renameSync(world.path("removable"), world.path("pulled-out"));
  mkdirSync(world.path("removable"));
  world.files({ path: "b", content: "b" });
  await agent.becomes("b", "current");
  await until("it is noticed", () => world.readyReason("removable") === "MarkerMissing");
  expect(world.readyReason("backup")).toBe("Converged");
  rmSync(world.path("removable"), { recursive: true });
  renameSync(world.path("pulled-out"), world.path("removable"));
  await until("it is used again", () => existsSync(`${world.copies("removable")}/b`), 40_000);
  await until("all is well again", () => agent.status?.converged === true);
});

wholeTest("SIGTERM ends it soon, also in the middle of a file that takes for ever; the next run goes on", [], async () => {
  const slow = { replicaKeys: { backup: { bandwidth: "1 kB" } } };
  await using agent = await RunningAgent.start(slow);
  agent.world.files({ path: "large", size: 8 << 20, seed: 1 });
  await until("it is being copied", () => agent.status?.agent.phase === "copying");
  const begun = performance.now();
  const ended = await agent.stop();
  expect(ended.code, ended.stderr).toBe(0);
  // The promise is five seconds; a machine under load gets some more.
  expect(performance.now() - begun).toBeLessThan(15_000);
  agent.redeclare({ replicaKeys: {} });
  agent.world.declare({ scan: { settle: "0s" } });
  expect(await agent.world.sync()).toMatchObject({ code: 0 });
  expect(agent.world.copiedFiles()).toEqual(agent.world.originFiles());
});

wholeTest(
  "a replica that is declared again, also by another path, waits for the copies of its former declaration",
  [],
  async () => {
    const keys = { bandwidth: "6 MB" };
    await using agent = await RunningAgent.start({ replicaKeys: { backup: keys, alias: keys } });
    const { world } = agent;
    symlinkSync(world.path("backup"), world.path("alias"));
    let generation = 1;
    const declare = async (...replicas: readonly string[]): Promise<void> => {
      agent.redeclare({ replicas });
      generation += 1;
      await until("it is in force", () => agent.status?.configuration.generation === generation);
    };
    const isStillInUse = (name: string) => () =>
      agent.status?.replicas.some(({ url }) => url === world.path(name)) === true && world.readyReason(name) === "StillInUse";
    for (const name of ["backup", "alias"]) {
      const file = `large-for-${name}`;
      world.makeTree("aside", [{ path: file, size: 20 << 20, seed: 1 }]);
      renameSync(world.path(`aside/${file}`), `${world.data}/${file}`);
      await until("it is on its way", () => temporaryFiles(world.path("backup")).length > 0);
      await declare();
      await declare(name);
      await until("it is told what is waited for", isStillInUse(name));
      world.files({ path: `small-for-${name}`, content: "s" });
      await until("all is well", () => agent.status?.converged === true, 30_000);
      for (const one of [file, `small-for-${name}`])
        await until(`${one} is there`, () => existsSync(`${world.copies(name)}/${one}`));
      await until("all is well still", () => agent.status?.converged === true);
      expect(world.replicaStatus(name).failures).toEqual([]);
    }
    expect(world.copiedFiles()).toEqual(world.originFiles());
    expect((await agent.stop()).stderr).not.toContain("temporary files of an interrupted run");
  },
);

for (const signals of [1, 2]) {
  const name = signals === 1 ? "SIGTERM ends it soon" : "a second SIGTERM ends it at once";
  wholeTest(`${name}, also while a worker hangs in a dead mount`, ["fuse"], async () => {
    const listen = `127.0.0.1:${await freePort()}`;
    const declared = { listen, hosts: { [HOST]: ["mounted"] }, scan: { interval: "1h", settle: "0s" } };
    await using agent = await RunningAgent.start({ listen });
    const { world } = agent;
    world.makeTree("behind", [{ path: "a", content: "a" }]);
    await using mount = await mountHanging(world.path("behind"), world.path("mounted"));
    agent.redeclare(declared);
    await until("it is copied", () => existsSync(`${world.copies("backup", "mounted")}/a`));
    await until("all is well", () => agent.status?.converged === true);
    mount.hang();
    agent.redeclare({ ...declared, scan: { ...declared.scan, interval: "2h" } });
    await until("it scans", async () => {
      const { agent: told, configuration } = (await (await fetch(`http://${listen}/status`)).json()) as StatusDocument;
      return configuration.generation === 3 && told.phase === "scanning";
    });
    await Bun.sleep(100);
    const begun = performance.now();
    for (let sent = 1; sent < signals; sent++) agent.signal("SIGTERM");
    if (signals > 1) await Bun.sleep(50);
    const ended = await agent.stop();
    // The promise is five seconds; a machine under load gets some more.
    expect(performance.now() - begun).toBeLessThan(signals === 1 ? 15_000 : 3_000);
    expect(ended, ended.stderr).toMatchObject({ code: signals === 1 ? 0 : 143 });
    if (signals > 1) return;
    expect(agent.status?.agent.state).toBe("idle");
    expect((await world.status()).agent.state).toBe("idle");
  });
}

wholeTest("without a watch everything is found by scanning", [], async () => {
  await using agent = await RunningAgent.start({ scan: { interval: "1s", settle: "0s", watch: false } });
  agent.world.files({ path: "sub/a", content: "a" });
  await agent.becomes("sub/a", "current");
  const conditions = agent.status?.hosts[0]?.dataDirectories[0]?.conditions ?? [];
  expect(conditions.map(({ type }) => type)).toEqual(["Scanned"]);
});

wholeTest("the endpoint says what is so", [], async () => {
  const port = await freePort();
  await using agent = await RunningAgent.start({ listen: `127.0.0.1:${port}` }, (world) =>
    world.files({ path: "a", content: "a" }),
  );
  await until("all is well", () => agent.status?.converged === true);
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
  expect((await get("/healthz")).status).toBe(200);
  await until("it is ready", async () => (await get("/readyz")).status === 200);
  const metrics = await (await get("/metrics")).text();
  expect(metrics).toContain("xtelemdb_copied_files_total");
  expect(metrics).toContain("xtelemdb_replication_lag_seconds_bucket");
  expect(((await (await get("/status")).json()) as StatusDocument).format).toBe(1);
});

wholeTest("what the last process found does not count: a replica is ready when this one has looked at it", ["sshd"], async () => {
  using world = new World();
  const ssh = world.path("ssh");
  const url = `ssh://far/${world.path("backup")}`;
  const listen = `127.0.0.1:${await freePort()}`;
  world.runWith({ environment: { XTELEMDB_SSH: ssh } });
  world.declare({ replicas: [url], listen });
  world.files({ path: "a", content: "a" });
  writeFileSync(ssh, "#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n", { mode: 0o755 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.statusFromFile()).toMatchObject({ converged: true, replicas: [{ ready: true }] });
  const here = world.statusFromFile()?.replicas[0]?.conditions.find(({ type }) => type === "Mounted");
  // From now on it says nothing.
  writeFileSync(ssh, `#!/bin/sh\n[ -e ${world.path("speaks")} ] && exec /usr/lib/openssh/sftp-server\nexec sleep 1000\n`);
  const running = world.start("sync", "continuous=true");
  try {
    const isReady = () => fetch(`http://${listen}/readyz`);
    const scanned = async (): Promise<StatusDocument | undefined> => {
      const status = (await (await fetch(`http://${listen}/status`)).json()) as StatusDocument;
      const directory = status.hosts[0]?.dataDirectories[0]?.conditions.find(({ type }) => type === "Scanned");
      return directory?.status === "True" ? status : undefined;
    };
    const status = await until("the data directory is scanned", () => scanned().catch(() => undefined));
    const ready = { type: "Ready", status: "Unknown", reason: "NotLookedAtYet" };
    expect(status).toMatchObject({ converged: false, replicas: [{ ready: false }] });
    expect(status.replicas[0]?.conditions).toContainEqual(expect.objectContaining(ready));
    // The rest is no verdict, and stands.
    expect(status.replicas[0]?.conditions).toContainEqual(here);
    const answer = await isReady();
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain(`replica ${url}/: was not looked at yet`);
    const shown = await world.status();
    expect(shown).toMatchObject({ converged: false, agent: { state: "running" }, replicas: [{ ready: false }] });
    writeFileSync(world.path("speaks"), "");
    for (const pid of childrenOf(running.pid)) process.kill(pid, "SIGKILL");
    await until("it is ready", async () => (await isReady()).status === 200, 60_000);
  } finally {
    running.signal("SIGKILL");
    await running.ended;
  }
});

wholeTest("a volume that hangs is given up, its worker is replaced, and the others go on", ["root", "loop"], async () => {
  await using agent = await RunningAgent.start({ replicas: ["backup", "hung"], top: { stall_timeout: "10s" } }, (world) => {
    mountImage(world.path("hung"), "ext4");
    world.files({ path: "a", content: "a" });
  });
  const { world } = agent;
  await until("all is well", () => agent.status?.converged === true);
  // Whoever writes now waits inside the kernel, and nothing can end it.
  command("fsfreeze", "--freeze", world.path("hung"));
  try {
    world.files({ path: "b", content: "b" });
    await agent.becomes("b", "current");
    await until("it is noticed", () => world.readyReason("hung") === "WorkerStalled", 40_000);
    world.files({ path: "c", content: "c" });
    await agent.becomes("c", "current");
  } finally {
    command("fsfreeze", "--unfreeze", world.path("hung"));
  }
  await until("it is used when it has let go", () => existsSync(`${world.copies("hung")}/c`), 40_000);
  await until("all is well again", () => agent.status?.converged === true);
  expect(world.copiedFiles("hung")).toEqual(world.originFiles());
});

wholeTest("with nothing to copy the next look begins where the last one ended", [], async () => {
  const make = (world: RunningAgent["world"]): void => world.files({ path: "a", content: "a" }, { path: "b", content: "b" });
  await using agent = await RunningAgent.start({}, make);
  await until("all is well", () => agent.status?.converged === true);
  const left = (): string =>
    inventoryExecute(
      agent.world.database,
      "select c.value - r.reconciled_revision from replica r, counter c where c.name = 'revision'",
    );
  await until("everything is reconciled", () => left() === "0");
  // Another generation looks at everything once more.
  agent.redeclare({ scan: { ...PATIENT, max_wait: "2h" } });
  await until("it is in force", () => agent.status?.configuration.generation === 2 && agent.status.converged);
  await until("everything is reconciled again", () => left() === "0");
});
