/** Where the kernel reports no changes, or not all, they are found by scanning, and the operator is told why and what to do. */
import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import type { ConditionStatusDocument } from "../../internal/agent/mod.ts";
import { command, RunningAgent, until, wholeTest } from "../../internal/testing/mod.ts";

const watchHealth = (agent: RunningAgent): ConditionStatusDocument | undefined =>
  agent.status?.hosts[0]?.dataDirectories[0]?.conditions.find(({ type }) => type === "WatchHealthy");

/** A user of its own to the kernel, with a few watches and no more. */
const FEW_WATCHES = ["unshare", "-Ur", "sh", "-c", 'echo 5 >/proc/sys/user/max_inotify_watches && exec "$@"', "sh"];

wholeTest("more directories than the kernel watches: the rest is found by scanning", ["namespaces"], async () => {
  const directories = Array.from({ length: 20 }, (_, index) => `d${index}`);
  const make = (world: RunningAgent["world"]): void => world.files(...directories.map((name) => ({ path: `${name}/a` })));
  const declaration = { scan: { interval: "1s", settle: "0s" } };
  await using agent = await RunningAgent.start(declaration, make, { wrapper: FEW_WATCHES });
  expect(watchHealth(agent)).toMatchObject({ status: "False", reason: "TooManyWatches" });
  expect(watchHealth(agent)?.help).toContain("fs.inotify.max_user_watches");
  agent.world.files(...directories.map((name) => ({ path: `${name}/b`, content: name })));
  await until("everything is copied", () => agent.status?.replicas[0]?.current.files === 2 * directories.length, 30_000);
  expect(agent.world.copiedFiles()).toEqual(agent.world.originFiles());
});

wholeTest("what other machines may change is scanned, and said so", ["fuse"], async () => {
  const make = (world: RunningAgent["world"]): void => {
    mkdirSync(world.path("elsewhere"));
    command("bindfs", world.path("elsewhere"), world.data);
  };
  await using agent = await RunningAgent.start({ scan: { interval: "1s", settle: "0s" } }, make);
  expect(watchHealth(agent)).toMatchObject({ status: "False", reason: "NetworkFileSystem" });
  // Behind the back of the kernel's watch, as another machine would.
  writeFileSync(agent.world.path("elsewhere/a"), "from elsewhere");
  await agent.becomes("a", "current");
  command("umount", agent.world.data);
});

wholeTest("events that were lost are made up for by a scan", [], async () => {
  await using agent = await RunningAgent.start();
  mkdirSync(`${agent.world.data}/many`);
  agent.world.files({ path: "many/first", content: "1" });
  await agent.becomes("many/first", "current");
  // Two events a file: more than the kernel keeps (fs.inotify.max_queued_events is 16,384) while nobody listens.
  agent.signal("SIGSTOP");
  try {
    for (let index = 0; index < 9_000; index++) writeFileSync(`${agent.world.data}/many/f${index}`, "x");
  } finally {
    agent.signal("SIGCONT");
  }
  await until("everything is copied", () => agent.status?.replicas[0]?.current.files === 9_001, 60_000);
  expect(agent.status?.hosts[0]?.dataDirectories[0]?.settled.files).toBe(9_001);
});
