/** What `events` lists, from an inventory in which things went wrong. */
import { expect } from "bun:test";
import { renameSync, rmdirSync, rmSync } from "node:fs";
import type { EventDocument } from "../../internal/agent/mod.ts";
import { inventoryExecute, jsonOf, RunningAgent, until, World, wholeTest } from "../../internal/testing/mod.ts";

/** A world in whose inventory these events are, besides what a sync has recorded. */
async function eventfulWorld(): Promise<World> {
  const world = new World({ replicas: ["backup", "missing"] });
  rmdirSync(world.path("missing"));
  world.files({ path: "a", content: "1" });
  await world.sync();
  return world;
}

const insert = (world: World, subject: string, severity: string, reason: string, message: string, lastAt: number): string =>
  inventoryExecute(
    world.database,
    `insert into event (subject, severity, reason, message, count, first_at, last_at)
     values ('${subject}', '${severity}', '${reason}', '${message}', 3, 1000, ${lastAt})`,
  );

wholeTest("events lists what went wrong, the newest first, in every form", [], async () => {
  using world = await eventfulWorld();
  insert(world, "replica /mnt/old", "error", "NoSpace", "full", 2_000);
  insert(world, "agent", "info", "Converged", "fine", 1_000);
  const all = jsonOf<EventDocument[]>(await world.run("events", "--json"));
  expect(all.map(({ reason }) => reason)).toEqual(["RootMissing", "NoSpace", "Converged"]);
  expect(all[1]).toEqual({
    subject: "replica /mnt/old",
    severity: "error",
    reason: "NoSpace",
    message: "full",
    count: 3,
    first: "1970-01-01T00:00:01.000Z",
    last: "1970-01-01T00:00:02.000Z",
  });
  const { stdout, stderr, code } = await world.run("events");
  expect([code, stderr]).toEqual([0, ""]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[1]).toBe("1970-01-01T00:00:02.000Z\terror\treplica /mnt/old\tNoSpace\t3\tfull");
  expect(lines[0]?.split("\t").slice(1, 5)).toEqual(["warning", `replica ${world.path("missing")}`, "RootMissing", "1"]);
});

wholeTest("events are chosen by subject, severity, reason, time and number, in both ways to write an option", [], async () => {
  using world = await eventfulWorld();
  insert(world, "replica /mnt/old", "error", "NoSpace", "full", 2_000);
  insert(world, "agent", "info", "Converged", "fine", 1_000);
  const reasons = async (...given: string[]) =>
    jsonOf<EventDocument[]>(await world.run("events", "--json", ...given)).map(({ reason }) => reason);
  expect(await reasons("subject=/mnt/old")).toEqual(["NoSpace"]);
  expect(await reasons("severity=warning")).toEqual(["RootMissing", "NoSpace"]);
  expect(await reasons("--severity", "error")).toEqual(["NoSpace"]);
  expect(await reasons("reason=Converged")).toEqual(["Converged"]);
  expect(await reasons("since=2h")).toEqual(["RootMissing"]);
  expect(await reasons("since=1970-01-01T00:00:02Z")).toEqual(["RootMissing", "NoSpace"]);
  expect(await reasons("limit=1")).toEqual(["RootMissing"]);
  const none = await world.run("events", "reason=ReadOnly");
  expect(none).toMatchObject({ code: 0, stdout: "", stderr: "no events\n" });
  expect(await world.run("events", "reason=ReadOnly", "--json")).toMatchObject({ code: 0, stdout: "[]\n" });
});

wholeTest("events before the first run are none; slips of the pen are told", [], async () => {
  using world = new World();
  expect(await world.run("events")).toMatchObject({ code: 0, stdout: "", stderr: "no events\n" });
  for (const [given, said] of [
    ["reason=NoSpce", 'did you mean "NoSpace"?'],
    ["severty=error", 'did you mean "severity="?'],
    ["severity=bad", "info, warning, error"],
    ["since=yesterday", "2026-11-01T08:00Z"],
    ["limit=many", "a whole number"],
  ] as const) {
    const outcome = await world.run("events", given);
    expect({ given, code: outcome.code, told: outcome.stderr.includes(said) }).toEqual({ given, code: 2, told: true });
  }
});

wholeTest("control characters of subjects and messages reach no terminal, and what is printable already stays", [], async () => {
  using world = await eventfulWorld();
  insert(world, "replica /a\u001b[31m\tb", "error", "NoSpace", "open /x\\\\x1b: full\n  second\u001b[2J", Date.now() + 60_000);
  const { stdout } = await world.run("events", "limit=1");
  expect(stdout.split("\t").slice(2)).toEqual([
    "replica /a\\x1b[31m\\x09b",
    "NoSpace",
    "3",
    "open /x\\\\x1b: full second\\x1b[2J\n",
  ]);
});

const FIVE = ["1", "2", "3", "4", "5"].map((path) => ({ path, content: path }));

/** What the events tell of a data directory, the oldest first. */
async function toldOf(world: World, name: string): Promise<[severity: string, reason: string, count: number][]> {
  const events = jsonOf<EventDocument[]>(await world.run("events", "--json", `subject=data directory exao1:${world.path(name)}`));
  return events.toReversed().map(({ severity, reason, count }) => [severity, reason, count]);
}

wholeTest(
  "a running agent tells once that a data directory cannot be scanned, or is frozen, and that it is over",
  [],
  async () => {
    const declaration = { hosts: { exao1: ["data", "other"] }, scan: { interval: "1s", settle: "0s" } };
    await using agent = await RunningAgent.start(declaration, (made) => {
      made.files(...FIVE);
      made.makeTree("other", FIVE);
    });
    const { world } = agent;
    for (const { path } of FIVE) rmSync(`${world.data}/${path}`);
    renameSync(world.path("other"), world.path("away"));
    const frozen: [string, string, number][] = [["warning", "LossBrake", 1]];
    const missing: [string, string, number][] = [["warning", "DataDirectoryMissing", 1]];
    const all = async () => [await toldOf(world, "data"), await toldOf(world, "other")];
    await until("both are told", async () => Bun.deepEquals(await all(), [frozen, missing]), 30_000);
    const scans = new Set<string | null | undefined>();
    const scannedAt = () => scans.add(agent.status?.hosts[0]?.dataDirectories[0]?.lastFullScan).size;
    await until("they were scanned again", () => scannedAt() >= 3, 30_000);
    expect(await all()).toEqual([frozen, missing]);
    world.files(...FIVE);
    renameSync(world.path("away"), world.path("other"));
    const over: [string, string, number] = ["info", "Scanned", 1];
    await until(
      "the end is told",
      async () =>
        Bun.deepEquals(await all(), [
          [...frozen, over],
          [...missing, over],
        ]),
      30_000,
    );
    const log = (await agent.stop()).stderr.split("\n").filter((line) => line.includes("data directory exao1:"));
    expect(log.map((line) => line.slice(line.indexOf(" ") + 1)).toSorted()).toEqual([
      expect.stringContaining(`${world.data} is scanned again: 5 files`),
      expect.stringContaining(`${world.path("other")} is scanned again: 5 files`),
      expect.stringContaining(`${world.data}: LossBrake: 5 of 5 files were not seen any more`),
      expect.stringContaining(`${world.path("other")}: DataDirectoryMissing: `),
    ]);
  },
);

wholeTest("what a sync or scan cannot see is an event, and so is a loss that was accepted, with the command", [], async () => {
  using world = new World();
  world.files(...FIVE);
  await world.sync();
  expect(await toldOf(world, "data")).toEqual([]);
  for (const path of ["1", "2"]) rmSync(`${world.data}/${path}`);
  const outcome = await world.run("sync", "log_level=info");
  expect([outcome.code, outcome.stderr]).toEqual([
    3,
    expect.stringContaining("data: LossBrake: 2 of 5 files were not seen any more"),
  ]);
  expect(await world.run("scan")).toMatchObject({ code: 3 });
  expect(await toldOf(world, "data")).toEqual([["warning", "LossBrake", 2]]);
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  expect(await toldOf(world, "data")).toEqual([
    ["warning", "LossBrake", 2],
    ["info", "LossAccepted", 1],
    ["info", "Scanned", 1],
  ]);
  const [accepted] = jsonOf<EventDocument[]>(await world.run("events", "--json", "reason=LossAccepted"));
  expect(accepted?.message).toStartWith("the loss of 2 files was accepted by ");
  expect(accepted?.message).toContain(`scan accept_loss=${world.data}`);
});
