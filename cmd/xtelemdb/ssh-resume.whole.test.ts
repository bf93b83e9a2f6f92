/** A copy over ssh that was interrupted leaves nothing torn, and the next run goes on. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  command,
  FAR_FILES,
  FarWorld,
  PATIENT,
  RunningAgent,
  SFTP_SERVER,
  TcpProxy,
  temporaryFiles,
  until,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

wholeTest("a connection that is cut is told; what had been copied stays, and the rest follows", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const proxy = await TcpProxy.start(world.server.port);
  world.reach([`Port=${proxy.port}`, ...world.server.options()]);
  world.files(
    ...FAR_FILES,
    ...Array.from({ length: 60 }, (_, index) => ({ path: `many/${index}`, content: "x".repeat(50_000) })),
  );
  proxy.weather = { cutAfterBytes: 1_500_000 };
  await world.expectTrouble("ConnectionLost", /./);
  proxy.weather = {};
  await world.expectHealed();
  proxy.stop();
});

wholeTest("a large file goes on where it was cut, if its source is the same; else it starts over", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const proxy = await TcpProxy.start(world.server.port);
  const size = 136 << 20;
  world.files({ path: "large", content: "" });
  // Bytes that no compression and no hole make small.
  command("dd", "if=/dev/urandom", `of=${join(world.data, "large")}`, "bs=1M", `count=${size >> 20}`, "status=none");
  world.reach([`Port=${proxy.port}`, ...world.server.options()]);
  proxy.weather = { cutAfterBytes: 132 << 20 };
  await world.expectTrouble("ConnectionLost", /./);
  expect(temporaryFiles(world.path("far")).length).toBe(1);
  expect(existsSync(join(world.copies("far"), "large"))).toBe(false);
  proxy.weather = {};
  const before = proxy.passed;
  await world.expectHealed();
  // 64 MiB were surely durable.
  expect(proxy.passed - before).toBeLessThan(90 << 20);

  truncateSync(join(world.data, "large"), size - 5);
  proxy.weather = { cutAfterBytes: proxy.passed + (132 << 20) };
  await world.expectTrouble("ConnectionLost", /./);
  const partial = join(world.path("far"), temporaryFiles(world.path("far"))[0] ?? "");
  // Somebody's damage to the half copy is seen before it is gone on with.
  command("dd", "if=/dev/zero", `of=${partial}`, "bs=1M", "seek=63", "count=1", "conv=notrunc", "status=none");
  proxy.weather = {};
  await world.expectHealed();
  proxy.stop();
});

wholeTest("a killed agent and a killed ssh leave nothing torn", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.reach(world.server.options(), { bandwidth: "2 MB" });
  world.files(
    ...FAR_FILES,
    ...Array.from({ length: 80 }, (_, index) => ({ path: `many/${index}`, content: "x".repeat(100_000) })),
  );
  const running = world.start("sync");
  await world.arrived(5);
  running.signal("SIGKILL");
  await running.ended;
  for (const name of readdirSync(join(world.copies("far"), "many")).filter((one) => !one.startsWith("."))) {
    expect(statSync(join(world.copies("far"), "many", name)).size).toBe(100_000);
  }
  const again = world.start("sync");
  // What is killed at its last file may have done everything.
  await world.arrived(20);
  command("pkill", "-KILL", "-P", String(again.pid), "-x", "ssh");
  const outcome = await again.ended;
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(world.readyReason(world.url)).toBe("ConnectionLost");
  expect(world.readyReason("backup")).toBe("Converged");
  world.reach();
  await world.expectHealed();
});

wholeTest("for ever: a far end that was away is found again long before the next full scan", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const proxy = await TcpProxy.start(world.server.port);
  const url = world.url;
  const ssh = { ssh_options: [`Port=${proxy.port}`, ...world.server.options()] };
  world.declare({ replicas: ["backup", url], replicaKeys: { [url]: ssh }, scan: { interval: "1h" } });
  world.files(...FAR_FILES);
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

/** Bytes that no compression and no hole make small, at the end of a file. */
const append = (path: string, megabytes: number): unknown =>
  command("dd", "if=/dev/urandom", `of=${path}`, "bs=1M", `count=${megabytes}`, "status=none", "oflag=append", "conv=notrunc");

const sha256 = (path: string): string => new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");

/** An sftp server in the place of ssh. Whoever kills this kills no server, as on another host; while there is a file `slow`, one waits before a rename until its tracer is killed, but for the first: that of the generation. */
function lateRenames(world: World): string {
  const script = world.path("ssh");
  const renames = "?rename,?renameat,?renameat2";
  const trace = `strace -f -q -o /dev/null -e trace=${renames} -e inject=${renames}:delay_enter=600000000:when=2+`;
  const lines = [
    "#!/bin/sh",
    `cd '${world.folder}'`,
    `[ -e slow ] || { ${SFTP_SERVER}; exit; }`,
    // What runs in the background has no standard input of its own (sh(1)).
    "exec 3<&0",
    `${trace} ${SFTP_SERVER} <&3 &`,
    "echo $! >> tracers",
    "wait",
  ];
  writeFileSync(script, `${lines.join("\n")}\n`, { mode: 0o755 });
  return script;
}

const tracersOf = (world: World): number[] =>
  existsSync(world.path("tracers")) ? readFileSync(world.path("tracers"), "utf8").trim().split("\n").map(Number) : [];

const childrenOf = (pid: number): number[] =>
  existsSync(`/proc/${pid}/task/${pid}/children`)
    ? readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)
    : [];

/** A test that fails leaves tracers, and who is traced stays stopped without one. */
function killTraced(world: World): void {
  for (const tracer of tracersOf(world)) for (const pid of [...childrenOf(tracer), tracer]) killIfThere(pid);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

wholeTest("a rename that the far end makes long after it was given up publishes nothing torn", ["sshd", "strace"], async () => {
  using world = new World();
  const url = `ssh://far/${world.path("far")}/`;
  mkdirSync(world.path("far"));
  world.runWith({ environment: { XTELEMDB_SSH: lateRenames(world) } });
  using _servers = { [Symbol.dispose]: () => killTraced(world) };
  const declare = (keys: Record<string, string>): void =>
    world.declare({ replicas: [url], replicaKeys: { [url]: { connections: 1, ...keys } } });
  const origin = join(world.data, "night.log");
  const copy = join(world.copies("far"), "night.log");
  append(origin, 130);
  declare({ timeout: "2s" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const former = sha256(origin);
  append(origin, 5);
  const latest = sha256(origin);

  writeFileSync(world.path("slow"), "");
  expect((await world.sync()).code).toBe(3);
  expect(world.readyReason(url)).toBe("NoProgress");
  const tracers = tracersOf(world);
  const servers = tracers.flatMap(childrenOf);
  expect(servers.length).toBe(1);
  rmSync(world.path("slow"));

  declare({ timeout: "20s", bandwidth: "16 MiB" });
  const running = world.start("sync");
  const sealed = statSync(origin).mtimeMs;
  await until("the next run writes where the one before was", () =>
    temporaryFiles(world.path("far"))
      .filter((name) => name.endsWith(".partial"))
      // It may have another name by now.
      .map((name) => statSync(join(world.path("far"), name), { throwIfNoEntry: false })?.mtimeMs ?? sealed)
      .some((modified) => Math.abs(modified - sealed) > 1_000),
  );
  for (const pid of tracers) process.kill(pid, "SIGKILL");
  await until("the late rename was tried", () => servers.every((pid) => !existsSync(`/proc/${pid}`)));
  expect([former, latest]).toContain(sha256(copy));
  running.signal("SIGKILL");
  await running.ended;
  expect([former, latest]).toContain(sha256(copy));
  declare({});
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(sha256(copy)).toBe(latest);
  expect(temporaryFiles(world.path("far"))).toEqual([]);
});

wholeTest("a replica that is declared again while a large file is on its way to it gets that whole", ["sshd"], async () => {
  const replica = new World();
  const script = replica.path("ssh");
  writeFileSync(script, `#!/bin/sh\nexec ${SFTP_SERVER}\n`, { mode: 0o755 });
  mkdirSync(replica.path("far"));
  const url = `ssh://far/${replica.path("far")}/`;
  const declaration = { replicas: [url], replicaKeys: { [url]: { bandwidth: "32 MiB" } }, scan: PATIENT };
  await using agent = await RunningAgent.start(declaration, () => undefined, { environment: { XTELEMDB_SSH: script } });
  using _replica = replica;
  const { world } = agent;
  const origin = join(world.data, "large");
  append(world.path("aside"), 160);
  command("mv", world.path("aside"), origin);
  const far = replica.path("far");
  await until("half of it is there", () => temporaryFiles(far).some((name) => statSync(join(far, name)).size > 64 << 20));
  agent.redeclare({ replicas: [] });
  await until("it is not declared", () => agent.status?.configuration.generation === 2);
  agent.redeclare(declaration);
  await until("it is declared again", () => agent.status?.configuration.generation === 3);
  await until("it is told what is waited for", () => world.readyReason(url) === "StillInUse");
  await agent.becomes("large", "current");
  command("cmp", origin, `${far}/exao1${origin}`);
  await until("all is well", () => agent.status?.converged === true);
  expect(world.replicaStatus(url).failures).toEqual([]);
  expect((await agent.stop()).stderr).not.toContain("temporary files of an interrupted run");
});
