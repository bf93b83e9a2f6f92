/** Mounts that hang, as those of an NFS server that is gone: what waits for one waits alone, and nobody else is blamed. */
import { expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import {
  type Declaration,
  type FuseVolume,
  HOST,
  mountBindfs,
  RunningAgent,
  temporaryFiles,
  until,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

const TWO: Declaration = {
  hosts: { [HOST]: ["mnt", "data2"] },
  replicas: ["one", "two"],
  top: { stall_timeout: "10s" },
  // No settle: a lease through FUSE is nothing that the kernel gives.
  scan: { interval: "1h", settle: "0s" },
};

/** From now on every call at the volume hangs; until the end, or until it is let go. */
function hang({ pid }: FuseVolume): Disposable & { readonly letGo: () => void } {
  process.kill(pid, "SIGSTOP");
  const letGo = (): void => void process.kill(pid, "SIGCONT");
  return { letGo, [Symbol.dispose]: letGo };
}

const copyStates = async ({ world }: RunningAgent, path: string): Promise<(string | undefined)[]> => {
  const { files } = await world.explain(world.path(path));
  return (files[0]?.replicas ?? []).map(({ state }) => state);
};

const isCopied = (agent: RunningAgent, path: string): Promise<true> =>
  until(
    `${path} is at every replica`,
    async () => {
      const states = await copyStates(agent, path);
      return states.length > 0 && states.every((state) => state === "current");
    },
    30_000,
  );

const scannedReason = ({ world, status }: RunningAgent, folder: string): string | undefined =>
  status?.hosts
    .flatMap(({ dataDirectories }) => dataDirectories)
    .find(({ path }) => path === world.path(folder))
    ?.conditions.find(({ type }) => type === "Scanned")?.reason;

wholeTest("a data directory that hangs delays no file of another, and no replica is blamed for it", ["fuse"], async () => {
  using first = new World(TWO);
  const mount = await mountBindfs(first.path("behind"), first.path("mnt"));
  first.makeTree("mnt", [{ path: "one.txt", content: "1" }]);
  expect(await first.sync()).toMatchObject({ code: 0 });
  first.makeTree("data2", [{ path: "two.txt", content: "2" }]);
  const hung = hang(mount);
  await using agent = RunningAgent.in(first);
  // Before the agent is ended: who waits for such a volume cannot be.
  using _ = hung;
  await isCopied(agent, "data2/two.txt");
  await until("the hang is told", () => scannedReason(agent, "mnt") === "WorkerStalled");
  for (const name of ["one", "two"]) expect(first.readyReason(name)).toBe("Converged");
  first.makeTree("data2", [{ path: "three.txt", content: "3" }]);
  await isCopied(agent, "data2/three.txt");
});

wholeTest(
  "a copy that hangs at its source holds up that data directory alone, and is made when it lets go",
  ["fuse"],
  async () => {
    const slow = { one: { bandwidth: "1 MiB" }, two: { bandwidth: "1 MiB" } };
    using first = new World({ ...TWO, replicaKeys: slow });
    first.makeTree("behind", [{ path: "large", size: 24 << 20, seed: 1 }]);
    const mount = await mountBindfs(first.path("behind"), first.path("mnt"));
    await using agent = RunningAgent.in(first);
    await until("both copies have begun", () => ["one", "two"].every((name) => temporaryFiles(first.path(name)).length > 0));
    using hung = hang(mount);
    await until("the hang is told", () => scannedReason(agent, "mnt") === "WorkerStalled");
    first.makeTree("data2", [{ path: "two.txt", content: "2" }]);
    await isCopied(agent, "data2/two.txt");
    for (const name of ["one", "two"]) expect(first.readyReason(name)).toBe("FilesPending");
    const { files } = await first.explain(`${first.path("mnt")}/large`);
    expect(files[0]?.replicas[0]).toMatchObject({ message: expect.stringContaining("WorkerStalled since"), nextTry: null });
    first.declare(TWO);
    hung.letGo();
    await isCopied(agent, "mnt/large");
    expect(first.copiedFiles("one", "mnt")).toEqual(first.originFiles("mnt"));
    for (const name of ["one", "two"]) expect(temporaryFiles(first.path(name))).toEqual([]);
  },
);

wholeTest("a replica that hangs is left alone until it lets go, whatever is reloaded meanwhile", ["fuse"], async () => {
  const declaration = { ...TWO, hosts: { [HOST]: ["data"] }, replicas: ["mnt", "two"] };
  using first = new World(declaration);
  const mount = await mountBindfs(first.path("behind"), first.path("mnt"));
  first.files({ path: "a", content: "1" });
  expect(await first.sync()).toMatchObject({ code: 0 });
  await using agent = RunningAgent.in(first);
  await agent.rest();
  using hung = hang(mount);
  first.files({ path: "b", content: "2" });
  await until("the hang is told", () => first.readyReason("mnt") === "WorkerStalled");
  const { files } = await first.explain(`${first.data}/b`);
  expect(files[0]?.replicas[0]).toMatchObject({ message: expect.stringContaining("WorkerStalled since"), nextTry: null });
  const before = hanging(agent);
  first.declare({ ...declaration, replicaKeys: { two: { reserve: "1 MiB" } } });
  await until("the configuration is in force", () => (first.statusFromFile()?.configuration.generation ?? 0) > 1);
  first.files({ path: "c", content: "3" });
  await until("the other replica has it", async () => (await copyStates(agent, "data/c"))[1] === "current");
  expect(hanging(agent)).toBe(before);
  hung.letGo();
  await isCopied(agent, "data/c");
});

/** Threads of the agent that wait for a file system in user space. */
const hanging = ({ pid }: RunningAgent): number =>
  readdirSync(`/proc/${pid}/task`).filter((thread) => readFileSync(`/proc/${pid}/task/${thread}/wchan`, "utf8").includes("fuse"))
    .length;

wholeTest(
  "a sync that was stopped for longer than the stall timeout, as by a frozen container, blames no disk for that",
  [],
  async () => {
    using world = new World({ top: { stall_timeout: "10s" }, replicaKeys: { backup: { bandwidth: "2MB" } } });
    world.files({ path: "large", content: "x".repeat(16 << 20) });
    const run = world.start("sync");
    await until("it copies", () => temporaryFiles(world.path("backup")).length > 0);
    run.signal("SIGSTOP");
    const stoppedAt = performance.now();
    await until("it was stopped for long", () => performance.now() - stoppedAt > 12_500);
    run.signal("SIGCONT");
    const { code, stderr } = await run.ended;
    expect(stderr).not.toContain("no progress");
    expect(code).toBe(0);
    expect(world.copiedFiles()).toEqual(world.originFiles());
  },
);
