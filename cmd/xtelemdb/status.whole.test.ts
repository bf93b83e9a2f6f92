/** What status says, as a table, as JSON and in the status file. */
import { expect } from "bun:test";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { StatusDocument } from "../../internal/agent/mod.ts";
import { HOST, World, wholeTest } from "../../internal/testing/mod.ts";

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

wholeTest("status --json and the status file say the same, in the documented shape", [], async () => {
  using world = new World({ replicas: ["backup", "missing"] });
  Bun.spawnSync(["rmdir", world.path("missing")]);
  world.files({ path: "a", content: "12345" }, { path: "sub/b", content: "1" });
  expect(await world.sync()).toMatchObject({ code: 3 });
  const status = await world.status();
  const file = world.statusFromFile();
  // A second may have passed between the two.
  const timeless = (document: StatusDocument | undefined): string =>
    JSON.stringify(document, (key, value) => (key === "writtenAt" || key === "ageSeconds" ? 0 : value), 1);
  expect(timeless(status)).toBe(timeless(file));
  expect(status).toMatchObject({
    format: 1,
    writtenAt: expect.stringMatching(ISO),
    agent: { version: expect.stringMatching(/^\d+\.\d+\.\d+$/), hostname: HOST, state: "idle" },
    configuration: { file: world.configuration, generation: 1, observedGeneration: 1 },
    converged: false,
    hosts: [
      {
        name: HOST,
        declared: true,
        scannedHere: true,
        dataDirectories: [
          {
            path: world.data,
            settled: { files: 2, bytes: 6 },
            growing: { files: 0, bytes: 0 },
            absent: { files: 0, bytes: 0 },
            lastFullScan: expect.stringMatching(ISO),
            scan: { directories: 2, unreadable: 0, problems: [] },
          },
        ],
      },
    ],
    runs: { total: 1, last: { kind: "sync", outcome: "not-converged", copiedFiles: 2, copiedBytes: 6, failedFiles: 0 } },
  });
  const [backup, missing] = status.replicas;
  expect(backup).toMatchObject({
    url: world.path("backup"),
    declared: true,
    ready: true,
    current: { files: 2, bytes: 6 },
    pending: { files: 0, bytes: 0 },
    oldestPending: null,
    lastError: null,
  });
  expect(missing).toMatchObject({
    ready: false,
    pending: { files: 2, bytes: 6 },
    oldestPending: { ageSeconds: expect.any(Number) },
  });
  const ready = missing?.conditions.find(({ type }) => type === "Ready");
  expect(ready).toMatchObject({
    status: "False",
    reason: "RootMissing",
    message: expect.stringContaining(world.path("missing")),
    help: expect.stringContaining("mount"),
    lastTransition: expect.stringMatching(ISO),
    observedGeneration: 1,
  });
});

wholeTest("a condition's time moves only when the condition does", [], async () => {
  using world = new World();
  world.files({ path: "a", content: "1" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const ready = () => world.replicaStatus().conditions.find(({ type }) => type === "Ready");
  const first = ready();
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(ready()).toEqual(first as NonNullable<typeof first>);
  world.declare({ scan: { exclude: ["*.x"] } });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(ready()).toEqual({ ...(first as NonNullable<typeof first>), observedGeneration: 2 });
});

wholeTest("the table names every replica, what it has and lacks, why, and what to do", [], async () => {
  using world = new World({ replicas: ["backup", "missing"] });
  Bun.spawnSync(["rmdir", world.path("missing")]);
  world.files({ path: "a", content: "12345" });
  const before = await world.run("status");
  expect(before.code).toBe(3);
  await world.sync();
  const { stdout, code } = await world.run("status");
  expect(code).toBe(3);
  for (const part of [HOST, world.data, world.path("backup"), world.path("missing"), "RootMissing", "5 B", "mount"]) {
    expect(stdout).toContain(part);
  }
  // In a pipe: no colours, no cursor.
  expect(stdout).not.toContain("\u001b");
});

wholeTest("readers of the status file always find a whole document", [], async () => {
  using world = new World();
  world.files(...Array.from({ length: 2000 }, (_, index) => ({ path: `d${index % 50}/${index}`, content: String(index) })));
  let ended = false;
  const running = world.sync().finally(() => {
    ended = true;
  });
  const phases = new Set<string | undefined>();
  while (!ended) {
    phases.add(world.statusFromFile()?.agent.phase);
    await Bun.sleep(0);
  }
  expect(await running).toMatchObject({ code: 0 });
  expect(phases.size).toBeGreaterThan(1);
  expect(readdirSync(dirname(world.statusFile)).filter((name) => name.includes("status"))).toEqual(["status.json"]);
  expect(statSync(world.statusFile).mode & 0o777).toBe(0o644);
});

wholeTest("a status file that cannot be written is told with its path, and the copies are made", [], async () => {
  using world = new World();
  world.files({ path: "a", content: "1" });
  mkdirSync(`${world.statusFile}/in the way`, { recursive: true });
  const outcome = await world.sync();
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain(world.statusFile);
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("control characters of names reach no terminal", [], async () => {
  using world = new World();
  const evil = "a\u001b]0;owned\u0007\u001b[31m\n\u202etxt";
  world.files({ path: evil, content: "1" });
  mkdirSync(`${world.copies()}/${evil}`, { recursive: true });
  const outcomes = [
    await world.run("plan"),
    await world.sync(),
    await world.run("status"),
    await world.run("explain", `${world.data}/${evil}`),
  ];
  for (const { stdout, stderr } of outcomes) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
    expect(stdout).toContain("\\x1b");
  }
});
