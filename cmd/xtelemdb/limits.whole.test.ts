/** What an operator sets so that copying does not get in the way of observing. */
import { expect } from "bun:test";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { command, mountImage, programPath, start, temporaryFiles, until, World, wholeTest } from "../../internal/testing/mod.ts";

const MEBIBYTE = 1 << 20;

/** Sets a key of the replica, which is the last table of a world's configuration. */
const setReplicaKey = (world: World, line: string): void => appendFileSync(world.configuration, `${line}\n`);

wholeTest("a limit of bytes a second holds over all workers, and the copies are the same", [], async () => {
  using world = new World();
  setReplicaKey(world, 'bandwidth = "8 MiB"');
  world.files(...[1, 2, 3, 4].map((seed) => ({ path: `large${seed}`, size: 3 * MEBIBYTE, seed })));
  world.files(...Array.from({ length: 200 }, (_, index) => ({ path: `small${index}`, size: 4096, seed: index })));
  const summary = await world.syncSummary();
  expect(summary).toMatchObject({ code: 0, copied: { files: 204 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  // 12.8 MiB at 8 MiB/s, less a tenth of a second of burst and the last megabyte, which is only begun.
  expect(summary.durationMilliseconds).toBeGreaterThan(1_300);
});

wholeTest("with more workers than processors every file is copied once", [], async () => {
  using world = new World({ scan: { settle: "0s" } });
  setReplicaKey(world, "workers = 7");
  world.files(...Array.from({ length: 500 }, (_, index) => ({ path: `d${index % 50}/${index}`, content: String(index) })));
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 500 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("one worker is enough to scan and to copy", [], async () => {
  using world = new World();
  world.files(...Array.from({ length: 300 }, (_, index) => ({ path: `d${index % 30}/${index}`, content: String(index) })));
  const text = readFileSync(world.configuration, "utf8");
  await Bun.write(world.configuration, `${text.replace("[scan]", "[scan]\nworkers = 1")}workers = 1\n`);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 300 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("the threads that read and write run at the priorities that are set", ["strace"], async () => {
  using world = new World();
  const text = readFileSync(world.configuration, "utf8");
  await Bun.write(world.configuration, `nice = 7\nio_priority = "idle"\n${text}`);
  world.files({ path: "large", size: 4 * MEBIBYTE, seed: 1 });
  const slow = { inject: ["pread64:delay_enter=300000"], paths: [`${world.data}/large`] };
  const running = world.startTraced(["sync"], slow);
  await until("the copy has begun", () => temporaryFiles(world.path("backup")).length > 0);
  const pid = await until("its process", () => world.statusFromFile()?.agent.process?.pid);
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    const [, name = ""] = /\((.*)\)/.exec(stat) ?? [];
    // proc(5): niceness is field 19; the name (field 2) may hold blanks.
    return { thread, name, nice: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]) };
  });
  const workers = threads.filter(({ name }) => name.includes("Worker") && !name.includes("JIT"));
  expect(workers.length).toBeGreaterThan(0);
  for (const { thread, nice } of workers) {
    expect(nice).toBe(7);
    expect(command("ionice", "-p", thread)).toContain("idle");
  }
  expect(await running.ended).toMatchObject({ code: 0 });
});

wholeTest("on a terminal progress shows what is done, how fast, how long still, and each worker's file", ["strace"], async () => {
  using world = new World();
  world.files(...[1, 2, 3].map((seed) => ({ path: `large${seed}`, size: 12 * MEBIBYTE, seed })));
  const fault = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", "inject=pwrite64:delay_exit=20000"];
  const words = [...fault, programPath(), "sync", "--config", world.configuration];
  const shown = command("script", "-qec", words.join(" "), "/dev/null");
  expect(shown).toMatch(/copying [\d.]+ of 3 files, .* of 36 MiB, .*\/s/);
  expect(shown).toMatch(/left/);
  expect(shown).toContain(`${world.data}/large`);
  expect(shown).toContain("converged");
});

wholeTest("an agent that goes on for ever tells no total: what it has to do grows while it copies", ["strace"], async () => {
  using world = new World();
  world.files({ path: "large", size: 12 * MEBIBYTE, seed: 1 });
  const fault = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e", "inject=pwrite64:delay_exit=20000"];
  const words = [...fault, programPath(), "sync", "continuous=true", "--config", world.configuration];
  const terminal = start(["script", "-qec", words.join(" "), "/dev/null"]);
  await until("it has copied the file", () => world.statusFromFile()?.converged === true, 30_000);
  const pid = world.statusFromFile()?.agent.process?.pid;
  if (pid !== undefined) process.kill(pid, "SIGTERM");
  const { code, stdout: shown } = await terminal.ended;
  expect(code).toBe(0);
  expect(shown).toMatch(/copying [\d.]+ files, [^,\r\n]* MiB, .*\/s/);
  expect(shown).not.toMatch(/copying [\d.]+ of|left/);
});

wholeTest("copying large files leaves the page cache to those who use it", ["loop"], async () => {
  using world = new World({ hosts: { exao1: [] }, replicas: [] });
  for (const name of ["data", "backup"]) mountImage(world.path(name), "ext4");
  world.declare({});
  world.files({ path: "cold", size: 40 * MEBIBYTE, seed: 1 }, { path: "warm", size: 5 * MEBIBYTE, seed: 2 });
  command("sync", "-f", world.data);
  const cached = (path: string): number => Number(command("fincore", "-nb", "-o", "RES", path));
  command("dd", `if=${world.data}/cold`, "iflag=nocache", "count=0", "status=none");
  command("cat", `${world.data}/warm`);
  expect([cached(`${world.data}/cold`), cached(`${world.data}/warm`)]).toEqual([0, 5 * MEBIBYTE]);
  expect(await world.sync()).toMatchObject({ code: 0 });
  // What nobody had in the cache is not left there; what somebody had is.
  expect(cached(`${world.data}/cold`)).toBe(0);
  expect(cached(`${world.data}/warm`)).toBe(5 * MEBIBYTE);
  expect(cached(`${world.copies()}/cold`)).toBeLessThanOrEqual(32 * MEBIBYTE);
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest(
  "a file that the replica cannot hold for its length waits for a person, not for space, and stops no other",
  [],
  async () => {
    using world = new World();
    world.files({ path: "a/long", size: 5 * MEBIBYTE, seed: 1 }, { path: "b/short", size: MEBIBYTE, seed: 2 });
    world.runWith({ wrapper: ["prlimit", `--fsize=${3 * MEBIBYTE}`] });
    const outcome = await world.sync();
    expect(outcome, outcome.stdout + outcome.stderr).toMatchObject({ code: 3 });
    const of = async (path: string) => (await world.explain(`${world.data}/${path}`)).files[0]?.replicas[0];
    expect((await of("a/long"))?.attempts?.reason).toBe("FileTooLarge");
    expect((await of("b/short"))?.state).toBe("current");
    world.runWith({});
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect(world.copiedFiles()).toEqual(world.originFiles());
  },
);
