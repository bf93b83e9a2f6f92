/** A copy over ssh that was interrupted leaves nothing torn, and the next run goes on. */
import { expect } from "bun:test";
import { existsSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { command, FAR_FILES, FarWorld, TcpProxy, temporaryFiles, until, wholeTest } from "../../internal/testing/mod.ts";

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
  const size = 200 << 20;
  world.files({ path: "large", content: "" });
  // Bytes that no compression and no hole make small.
  command("dd", "if=/dev/urandom", `of=${join(world.data, "large")}`, "bs=1M", `count=${size >> 20}`, "status=none");
  world.reach([`Port=${proxy.port}`, ...world.server.options()]);
  proxy.weather = { cutAfterBytes: 180 << 20 };
  await world.expectTrouble("ConnectionLost", /./);
  expect(temporaryFiles(world.path("far")).length).toBe(1);
  expect(existsSync(join(world.copies("far"), "large"))).toBe(false);
  proxy.weather = {};
  const before = proxy.passed;
  await world.expectHealed();
  // 64 MiB were surely durable.
  expect(proxy.passed - before).toBeLessThan(150 << 20);

  truncateSync(join(world.data, "large"), size - 5);
  proxy.weather = { cutAfterBytes: proxy.passed + (180 << 20) };
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
