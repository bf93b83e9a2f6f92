/** Killed at any moment, the program leaves nothing torn, and the next run finishes what it began without doing it twice. */
import { expect } from "bun:test";
import { usualCases } from "../../internal/testing/chosen-cases.ts";
import { inventoryIntegrity, type Outcome, temporaryFiles, until, World, wholeTest } from "../../internal/testing/mod.ts";

/** System calls at which the kernel kills the program: before the Nth of each. */
const MOMENTS = [
  "openat2:signal=SIGKILL:when=40",
  "pwrite64:signal=SIGKILL:when=1",
  "pwrite64:signal=SIGKILL:when=25",
  "utimensat:signal=SIGKILL:when=13",
  "syncfs:signal=SIGKILL:when=1",
  "renameat2:signal=SIGKILL:when=1",
  "renameat2:signal=SIGKILL:when=15",
  "syncfs:signal=SIGKILL:when=2",
  "mkdirat:signal=SIGKILL:when=6",
  "fsync:signal=SIGKILL:when=2",
  "unlink:signal=SIGKILL:when=1",
  "rename:signal=SIGKILL:when=2",
] as const;

function someFiles(world: World): void {
  world.files(...Array.from({ length: 50 }, (_, index) => ({ path: `d${index % 6}/${index}`, size: 900 * index, seed: index })));
  world.files({ path: "large", size: 6 << 20, seed: 99 });
}

const wasKilled = (outcome: Outcome): boolean => outcome.signal === "SIGKILL" || outcome.code === 128 + 9;

/** What holds after a kill: every final name holds a whole file of the origin, and every current row is true. */
async function expectNothingTorn(world: World): Promise<number> {
  const origin = world.originFiles();
  const copied = world.copiedFiles();
  const published = Object.entries(copied).filter(([path]) => !/\.xtelemdb-[^/]*\.part$/.test(path));
  for (const [path, file] of published) expect(file).toBe(origin[path] ?? "not at the origin");
  const status = await world.run("status", "--json");
  if (status.code !== null && status.stdout.startsWith("{")) {
    const current = JSON.parse(status.stdout).replicas[0]?.current.files ?? 0;
    expect(current).toBeLessThanOrEqual(published.length);
  }
  return published.length;
}

/** Killed once is what `scripts/faults crash` does at every call. */
const FEW = 2;

for (const moment of usualCases(MOMENTS, FEW)) {
  wholeTest(`killed at ${moment.replace(":signal=SIGKILL:when=", " number ")}, twice, and run again`, ["strace"], async () => {
    using world = new World();
    someFiles(world);
    let killed = 0;
    let published = 0;
    for (let attempt = 0; attempt < 2; attempt++) {
      const outcome = await world.traced(["sync"], { inject: [moment] });
      if (wasKilled(outcome)) killed += 1;
      published = await expectNothingTorn(world);
    }
    expect(killed).toBeGreaterThan(0);
    const summary = await world.syncSummary();
    expect(summary).toMatchObject({ code: 0, failed: { files: 0 } });
    // What was published before is adopted or known: it is not copied again.
    expect(summary.copied.files).toBeLessThanOrEqual(51 - published);
    expect(world.copiedFiles()).toEqual(world.originFiles());
    expect(temporaryFiles(world.path("backup"))).toEqual([]);
    expect(inventoryIntegrity(world.database)).toBe("ok");
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
  });
}

wholeTest("killed while it replaces copies, it leaves the old one or the new one", ["strace"], async () => {
  using world = new World();
  someFiles(world);
  expect(await world.sync()).toMatchObject({ code: 0 });
  const before = world.copiedFiles();
  world.files(
    ...Array.from({ length: 50 }, (_, index) => ({ path: `d${index % 6}/${index}`, size: 1000 * index, seed: 7 * index })),
  );
  const origin = world.originFiles();
  const outcome = await world.traced(["sync"], { inject: ["renameat:signal=SIGKILL:when=12"] });
  expect(wasKilled(outcome), outcome.stdout).toBe(true);
  let replaced = 0;
  for (const [path, file] of Object.entries(world.copiedFiles())) {
    if (path.endsWith(".part")) continue;
    expect([before[path], origin[path]]).toContain(file);
    if (file !== before[path]) replaced += 1;
  }
  expect(replaced).toBeGreaterThan(5);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(origin);
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
});

wholeTest("killed from outside in the middle of a large file, it starts that file over", ["strace"], async () => {
  using world = new World();
  someFiles(world);
  const slow = { inject: ["pread64:delay_enter=300000:when=3+"], paths: [`${world.data}/large`] };
  const running = world.startTraced(["sync"], slow);
  const part = await until("a part of the large file is there", () =>
    temporaryFiles(world.path("backup")).find((path) => /data\/\.xtelemdb-/.test(path)),
  );
  const agent = await until("its process", () => world.statusFromFile()?.agent.process?.pid);
  process.kill(agent, "SIGKILL");
  await running.ended;
  expect(temporaryFiles(world.path("backup"))).toContain(part);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
});

wholeTest("asked to stop, it finishes what is under way, and says what is left", ["strace"], async () => {
  using world = new World();
  someFiles(world);
  const slow = { inject: ["pread64:delay_enter=50000"], paths: [`${world.data}/large`] };
  const running = world.startTraced(["sync"], slow);
  await until("it copies", () => temporaryFiles(world.path("backup")).length > 0);
  process.kill(await until("its process", () => world.statusFromFile()?.agent.process?.pid), "SIGTERM");
  const outcome = await running.ended;
  expect([0, 3]).toContain(outcome.code ?? -1);
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
  await expectNothingTorn(world);
  expect(await world.sync()).toMatchObject({ code: 0 });
});
