/** The inventory's file: one writer at a time, never a damaged or a newer one, and never a silent new beginning. */
import { expect } from "bun:test";
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { inventoryExecute, inventoryIntegrity, until, World, wholeTest } from "../../internal/testing/mod.ts";

const FILES = Array.from({ length: 300 }, (_, index) => ({ path: `d${index % 7}/${index}`, content: String(index) }));

async function synced(world: World): Promise<void> {
  world.files(...FILES);
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
}

wholeTest("a second sync says who has the inventory, and does nothing; who only reads is not held up", ["strace"], async () => {
  using world = new World();
  world.files(...FILES, { path: "large", size: 4 << 20 });
  const slow = { inject: ["pread64:delay_enter=400000"], paths: [`${world.data}/large`] };
  const first = world.startTraced(["sync"], slow);
  const status = await until("the first one copies", () => {
    const now = world.statusFromFile();
    return now?.agent.phase === "copying" ? now : undefined;
  });
  const second = await world.sync();
  expect(second.code).toBe(4);
  expect(second.stderr).toContain(`process ${status.agent.process?.pid}`);
  expect(second.stderr).toContain("sync --config");
  expect(second.stderr).toMatch(/since 20\d\d-\d\d-\d\dT/);
  expect(await world.run("scan")).toMatchObject({ code: 4 });
  expect((await world.status()).agent).toMatchObject({ state: "running" });
  expect(await world.run("explain", `${world.data}/d1/1`)).toMatchObject({ stderr: "" });
  expect(await world.run("replica_list")).toMatchObject({ code: 0 });
  expect(await first.ended).toMatchObject({ code: 0 });
  expect((await world.status()).agent).toMatchObject({ state: "idle" });
});

wholeTest("a page that cannot be read is the disk's trouble, and no damage: nobody is told to rebuild", ["strace"], async () => {
  using world = new World();
  await synced(world);
  const struck = (when: string) => ({ inject: [`pread64:error=EIO:when=${when}`], paths: [world.database] });
  // Every page is read where the run before was killed.
  const killed = () =>
    Bun.write(`${world.database}.lock`, JSON.stringify({ command: "x", pid: 1, hostname: "exao1", since: "then" }));
  for (const when of ["3", "6", "9+"]) {
    await killed();
    const outcome = await world.traced(["sync"], struck(when));
    expect(outcome, outcome.stderr).toMatchObject({ code: 1 });
    expect(outcome.stderr).toContain("cannot be used");
    const checked = await world.traced(["inventory", "check"], struck(when));
    expect(checked, checked.stderr).toMatchObject({ code: 1 });
    expect(checked.stderr).not.toContain("rebuild");
  }
  const rebuilt = await world.traced(["inventory", "rebuild"], struck("9+"));
  expect(rebuilt.code, rebuilt.stdout).not.toBe(0);
  await killed();
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
});

wholeTest("a lock that a killed process left holds nobody up", [], async () => {
  using world = new World();
  await synced(world);
  await Bun.write(`${world.database}.lock`, JSON.stringify({ command: "x", pid: 1, hostname: "exao1", since: "then" }));
  expect(await world.sync()).toMatchObject({ code: 0 });
});

for (const [what, harm] of [
  ["overwritten in the middle", (path: string) => overwrite(path, 4096 * 3, 4096)],
  ["overwritten at the start", (path: string) => overwrite(path, 0, 100)],
  ["cut short", (path: string) => truncateSync(path, statSync(path).size - 8192)],
] as const) {
  wholeTest(`an inventory that is ${what} is named at the start, and left as it is`, [], async () => {
    using world = new World();
    await synced(world);
    harm(world.database);
    const before = readFileSync(world.database);
    const copies = world.tree("backup");
    for (const words of [["sync"], ["scan"], ["plan"]]) {
      const outcome = await world.run(...words);
      expect(outcome.code, outcome.stderr).toBe(4);
      expect(outcome.stderr).toContain(world.database);
      expect(outcome.stderr).toMatch(/damaged|not a database/);
      expect(outcome.stderr).toContain("help:");
    }
    expect(readFileSync(world.database).equals(before)).toBe(true);
    expect(world.tree("backup")).toEqual(copies);
    // What it held can be found again from the disks: nothing is copied twice.
    renameSync(world.database, `${world.database}.damaged`);
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 300 } });
  });
}

function overwrite(path: string, position: number, length: number): void {
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, Buffer.alloc(length, 0xa5), 0, length, position);
  closeSync(descriptor);
}

wholeTest("an inventory of a newer program is refused, and left as it is", [], async () => {
  using world = new World();
  await synced(world);
  const migrations = (): string => inventoryExecute(world.database, "select group_concat(name) from kysely_migration");
  inventoryExecute(world.database, "insert into kysely_migration values ('0099-from-the-future', '2030-01-01T00:00:00Z')");
  const before = migrations();
  for (const words of [["sync"], ["status"], ["explain", "/x"]]) {
    const outcome = await world.run(...words);
    expect(outcome.code, outcome.stderr).toBe(4);
    expect(outcome.stderr).toContain("0099-from-the-future");
    expect(outcome.stderr).toContain("newer");
  }
  expect(migrations()).toBe(before);
});

wholeTest("an inventory that cannot be made says why and where", [], async () => {
  using world = new World();
  await Bun.write(world.path("state"), "a file where a folder should be");
  const outcome = await world.sync();
  // The next start may find its folder well: that is no 4, with which the service manager would not start it again.
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain(world.path("state"));
});

wholeTest("commands that only show make no inventory", [], async () => {
  using world = new World();
  for (const words of [["status"], ["explain", `${world.data}/x`], ["replica_list"], ["host_list"], ["config", "check"]]) {
    await world.run(...words);
  }
  expect(existsSync(world.path("state"))).toBe(false);
  expect((await world.run("status")).stdout + (await world.run("status")).stderr).toContain("xtelemdb sync");
});

wholeTest("it is readable by its owner and group only, and sound after everything", [], async () => {
  using world = new World();
  await synced(world);
  for (const file of [world.database, `${world.database}.lock`]) expect(statSync(file).mode & 0o007).toBe(0);
  expect(existsSync(`${world.database}-wal`)).toBe(false);
  expect(inventoryIntegrity(world.database)).toBe("ok");
  rmSync(`${world.data}/d1/1`);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(inventoryIntegrity(world.database)).toBe("ok");
});
