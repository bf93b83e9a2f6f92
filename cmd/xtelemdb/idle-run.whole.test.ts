/** A run that finds nothing to do does nothing, and no run ever writes to an origin. */
import { expect } from "bun:test";
import { utimesSync } from "node:fs";
import { command, inventoryExecute, World, WRITING_CALLS, wholeTest } from "../../internal/testing/mod.ts";

/** Every name with all that a run could have changed: size, mode, owner, inode, modification and change time. */
const everything = (path: string): string => command("find", path, "-printf", "%p %s %m %u %i %T@ %C@\\n");

/** Of files only: a directory's moves when it is listed, and Linux has no way around that. */
const accessTimes = (path: string): string => command("find", path, "-type", "f", "-printf", "%p %A@\\n");

function someFiles(world: World): void {
  world.files(...Array.from({ length: 300 }, (_, index) => ({ path: `d${index % 9}/sub/${index}`, content: String(index) })));
  world.files({ path: "large", size: 5 << 20 }, { path: "sparse", size: 30 << 20, sparse: true });
}

wholeTest("a second sync copies nothing, writes nothing to the replica and opens no file of the origin", ["strace"], async () => {
  using world = new World();
  someFiles(world);
  expect(await world.sync()).toMatchObject({ code: 0 });
  const before = everything(world.path("backup"));
  const outcome = await world.traced(["sync", "--json"], { calls: `${WRITING_CALLS},openat,openat2,open` });
  expect(JSON.parse(outcome.stdout)).toMatchObject({ outcome: "converged", copied: { files: 0 }, adopted: { files: 0 } });
  const root = world.path("backup");
  const isOpening = (call: string): boolean => /^open(at2?)?\(/.test(call);
  expect(outcome.calls.filter((call) => call.includes(root) && !isOpening(call))).toEqual([]);
  expect(outcome.calls.filter((call) => call.includes(root) && /O_(WRONLY|RDWR|CREAT|TRUNC)/.test(call))).toEqual([]);
  expect(outcome.calls.filter((call) => call.includes(root) && isOpening(call)).length).toBeGreaterThan(0);
  const opened = outcome.calls.filter((call) => isOpening(call) && call.includes(world.data));
  expect(opened.filter((call) => !call.includes("O_DIRECTORY"))).toEqual([]);
  expect(everything(root)).toBe(before);
});

wholeTest("no run writes to an origin, and reading leaves its access times", ["strace"], async () => {
  using world = new World();
  someFiles(world);
  utimesSync(`${world.data}/large`, 1000, 2000);
  const before = accessTimes(world.data);
  const outcome = await world.traced(["sync"], { calls: `${WRITING_CALLS},openat,openat2,open` });
  expect(outcome.code, outcome.stderr).toBe(0);
  const atOrigin = outcome.calls.filter((call) => call.includes(world.data) && !call.includes(world.path("backup")));
  expect(atOrigin.filter((call) => !/^open(at2?)?\(/.test(call) || /O_(WRONLY|RDWR|CREAT|TRUNC)/.test(call))).toEqual([]);
  expect(accessTimes(world.data)).toBe(before);
});

wholeTest("after k changes only k files are copied", [], async () => {
  using world = new World();
  someFiles(world);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 302 } });
  world.files({ path: "d1/sub/1", content: "changed" }, { path: "d1/sub/new", content: "new" }, { path: "new/new", content: "" });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 3, bytes: 10 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("plan, status, explain and the lists change nothing on any disk of data", [], async () => {
  using world = new World({ replicas: ["backup", "new"] });
  someFiles(world);
  const before = [everything(world.data), everything(world.path("backup")), everything(world.path("new"))];
  expect(await world.run("status")).toMatchObject({ code: 3 });
  expect(await world.run("plan")).toMatchObject({ code: 3 });
  expect(await world.run("scan")).toMatchObject({ code: 0 });
  expect(await world.run("explain", `${world.data}/large`)).toMatchObject({ code: 3 });
  expect(await world.run("replica_list")).toMatchObject({ code: 0 });
  expect(await world.run("host_list")).toMatchObject({ code: 0 });
  expect([everything(world.data), everything(world.path("backup")), everything(world.path("new"))]).toEqual(before);
});

wholeTest("plan says what sync then does", [], async () => {
  using world = new World({ replicas: ["backup", "other"] });
  someFiles(world);
  const plan = await world.plan();
  expect(plan.converged).toBe(false);
  for (const replica of plan.replicas) expect(replica).toMatchObject({ ready: true, fits: true, copy: { files: 302 } });
  const [first] = plan.replicas;
  const summary = await world.syncSummary();
  expect(summary.copied).toEqual({ files: 604, bytes: 2 * (first?.copy.bytes ?? 0) });
  expect(await world.plan()).toMatchObject({ converged: true });
  expect(await world.run("plan")).toMatchObject({ code: 0 });
  expect(await world.run("status")).toMatchObject({ code: 0 });
  expect(await world.run("explain", `${world.data}/large`)).toMatchObject({ code: 0 });
  world.files({ path: "large", content: "replaced" });
  expect((await world.plan()).replicas[0]).toMatchObject({ copy: { files: 1 }, replace: { files: 1 } });
});

wholeTest("a scan that finds no change writes no row of any file, directory or copy", [], async () => {
  using world = new World();
  someFiles(world);
  expect(await world.sync()).toMatchObject({ code: 0 });
  const tables = ["host", "data_directory", "directory", "file_origin", "replica", "file_replica", "attempt", "tally", "counter"];
  const rows = (): string[] => tables.map((table) => inventoryExecute(world.database, `select * from ${table}`));
  const withoutScanTimes = (text: string): string => text.replaceAll(/\t\d{13}\t\{.*\}/g, "");
  const before = rows().map(withoutScanTimes);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(rows().map(withoutScanTimes)).toEqual(before);
});
