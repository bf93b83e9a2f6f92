/** What `settle` holds back, for how long, and what one-shot `sync` says about it. */
import { expect } from "bun:test";
import { appendFileSync } from "node:fs";
import { World, wholeTest } from "../../internal/testing/mod.ts";

const SECOND = 1_000_000_000n;
const now = (): bigint => BigInt(Date.now()) * 1_000_000n;

wholeTest("a file younger than settle stays pending, with that reason, and the quiet ones are copied", [], async () => {
  using world = new World({ scan: { settle: "1h" } });
  world.files({ path: "old", content: "1", mtime: now() - 7200n * SECOND }, { path: "young", content: "2" });
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(Object.keys(world.copiedFiles())).toEqual(["old"]);
  expect(world.replicaStatus()).toMatchObject({
    ready: false,
    current: { files: 1 },
    pending: { files: 1, bytes: 1 },
    growing: { files: 1 },
    failed: { files: 0 },
  });
  expect(world.readyReason()).toBe("FilesGrowing");
  expect(outcome.stdout).toContain("FilesGrowing");
  const explained = (await world.explain(`${world.data}/young`)).files[0];
  expect(explained).toMatchObject({ state: "growing", replicas: [{ pending: true, state: "missing" }] });
  expect(explained?.replicas[0]?.message).toContain("settle");
  expect(explained?.message).toContain('settle = "1h" before the last look');
  const growing = explained?.growing;
  expect(Date.parse(growing?.copiedAtLatest ?? "") - Date.parse(growing?.since ?? "")).toBe(3_600_000);
  expect((await world.plan()).replicas[0]).toMatchObject({ copy: { files: 0 }, growing: { files: 1 } });
});

wholeTest('settle = "0s" copies at once', [], async () => {
  using world = new World({ scan: { settle: "0s" } });
  world.files({ path: "young", content: "2" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a file that was quiet for settle is copied by the next sync", [], async () => {
  using world = new World({ scan: { settle: "1s" } });
  world.files({ path: "file", content: "2" });
  let outcome = await world.sync();
  const deadline = performance.now() + 20_000;
  let refused = 0;
  for (; outcome.code === 3 && performance.now() < deadline; outcome = await world.sync()) refused += 1;
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  expect(refused).toBeGreaterThan(0);
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a modification time in the future does not hold a file back for ever", [], async () => {
  using world = new World({ scan: { settle: "1s" } });
  world.files({ path: "future", content: "from the next century", mtime: now() + 3_000_000_000n * SECOND });
  world.files({ path: "tomorrow", content: "x", mtime: now() + 86_400n * SECOND });
  let outcome = await world.sync();
  const deadline = performance.now() + 20_000;
  for (; outcome.code === 3 && performance.now() < deadline; outcome = await world.sync());
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest(
  "a copied file that is written again is growing, its copy stale, and it is copied again when it is quiet",
  [],
  async () => {
    using world = new World();
    world.files({ path: "log", content: "one\n" });
    expect(await world.sync()).toMatchObject({ code: 0 });
    appendFileSync(`${world.data}/log`, "two\n");
    world.declare({ scan: { settle: "1h" } });
    expect(await world.sync()).toMatchObject({ code: 3 });
    expect((await world.explain(`${world.data}/log`)).files[0]).toMatchObject({
      state: "growing",
      replicas: [{ state: "stale", pending: true }],
    });
    expect(await Bun.file(`${world.copies()}/log`).text()).toBe("one\n");
    world.declare({ scan: { settle: "0s" } });
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
    expect(world.copiedFiles()).toEqual(world.originFiles());
  },
);
