/** The inventory itself: copied, checked, lost and made again. */
import { describe, expect } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { RebuildSummary } from "../../internal/agent/mod.ts";
import type { InventoryReport } from "../../internal/inventory/mod.ts";
import { command, FarWorld, HOST, inventoryExecute, jsonOf, until, World, wholeTest } from "../../internal/testing/mod.ts";

const folder = (world: World, replica = "backup"): string => join(world.path(replica), ".xtelemdb-inventory");

const copies = (world: World, replica = "backup"): string[] =>
  existsSync(folder(world, replica)) ? readdirSync(folder(world, replica)).map((name) => join(folder(world, replica), name)) : [];

const loseInventory = (world: World): void => {
  for (const end of ["", "-wal", "-shm", ".lock"]) rmSync(world.database + end, { force: true });
};

/** Everything that the inventory knows of files and copies, but what depends on when somebody looked. */
const rows = (database: string): string =>
  inventoryExecute(
    database,
    `select h.name, d.path, hex(f.name), f.state, f.size, f.mtime_seconds, f.mtime_nanoseconds, p.url, r.state, r.size, r.mtime_seconds,
      r.mtime_nanoseconds, r.kept_mtime_seconds, r.kept_mtime_nanoseconds, hex(r.digest), r.digest_algorithm, r.copied_at, r.verified_at, r.imported
      from file_replica r join file_origin f on f.id = r.file_origin_id join directory d on d.id = f.directory_id join host h on h.id = d.host_id
      join replica p on p.id = r.replica_id order by h.name, d.path, f.name, p.url`,
  );

const rebuilt = async (world: World, ...given: string[]): Promise<RebuildSummary & { code: number | null }> => {
  const outcome = await world.run("inventory", "rebuild", "--json", ...given);
  return { ...jsonOf<RebuildSummary>(outcome), code: outcome.code };
};

const overwrite = (path: string, position: number, text: string): void => {
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, text, position);
  closeSync(descriptor);
};

describe("a replica's copy of the inventory", () => {
  wholeTest("is there after the first sync, whole, for its owner and group only; and is not made again in vain", [], async () => {
    using world = new World();
    world.files({ path: "a", content: "1" });
    await world.sync();
    const [copy = "", ...others] = copies(world);
    expect(others).toEqual([]);
    expect(copy).toMatch(new RegExp(`/${HOST}\\.[0-9a-f-]{36}\\.db$`));
    expect([statSync(copy).mode & 0o777, statSync(folder(world)).mode & 0o777]).toEqual([0o640, 0o750]);
    const report = jsonOf<InventoryReport>(await world.run("inventory", "check", `file=${copy}`, "--json"));
    expect([report.problems, report.fileReplicas]).toEqual([[], 1]);
    expect(rows(copy)).toBe(rows(world.database));
    world.files({ path: "b", content: "2" });
    await world.sync();
    // A day has not gone by.
    expect(jsonOf<InventoryReport>(await world.run("inventory", "check", `file=${copy}`, "--json")).fileReplicas).toBe(1);
    inventoryExecute(world.database, "update replica set inventory_copied_at = inventory_copied_at - 86400000");
    await world.sync();
    expect(jsonOf<InventoryReport>(await world.run("inventory", "check", `file=${copy}`, "--json")).fileReplicas).toBe(2);
    const { ino } = statSync(copy);
    inventoryExecute(world.database, "update replica set inventory_copied_at = inventory_copied_at - 86400000");
    await world.sync();
    expect(statSync(copy).ino).toBe(ino);
    expect(readdirSync(join(world.database, "..")).filter((name) => name.includes("copy"))).toEqual([]);
  });

  wholeTest("is not made where the configuration says so", [], async () => {
    using world = new World();
    world.declare({ top: { inventory_copy_every: "0s" } });
    world.files({ path: "a", content: "1" });
    await world.sync();
    expect(copies(world)).toEqual([]);
  });

  wholeTest("is made by an agent that goes on for ever, once it has nothing to copy", [], async () => {
    using world = new World();
    world.files({ path: "a", content: "1" });
    const agent = world.start("sync", "continuous=true");
    await until("the inventory is copied", () => copies(world).some((name) => name.endsWith(".db")));
    agent.signal("SIGTERM");
    expect((await agent.ended).code).toBe(0);
    expect((await world.run("inventory", "check", `file=${copies(world)[0]}`)).code).toBe(0);
  });

  wholeTest("that cannot be made is told, and holds up nothing", [], async () => {
    using world = new World();
    world.files({ path: "a", content: "1" });
    writeFileSync(folder(world), "a file where the folder should be");
    expect((await world.sync()).code).toBe(0);
    const events = await world.run("events", "--json");
    expect(events.stdout).toContain("InventoryNotCopied");
  });

  wholeTest("goes over ssh like any other", ["sshd"], async () => {
    using world = await FarWorld.begin();
    world.declare({ replicas: [world.url], replicaKeys: { [world.url]: { ssh_options: world.server.options() } } });
    world.files({ path: "a", content: "1" });
    expect((await world.sync()).code).toBe(0);
    loseInventory(world);
    const summary = await rebuilt(world);
    expect([summary.code, summary.outcome, summary.copies[0]?.chosen]).toEqual([0, "complete", true]);
    expect((await world.syncSummary()).copied.files).toBe(0);
  });
});

describe("inventory check", () => {
  wholeTest(
    "says of a whole inventory that it is, of a damaged one that it is not, and of none that there is none",
    [],
    async () => {
      using world = new World();
      expect((await world.run("inventory", "check")).code).toBe(4);
      world.files(...Array.from({ length: 300 }, (_, index) => ({ path: `file-${index}`, content: String(index) })));
      await world.sync();
      const good = await world.run("inventory", "check");
      expect([good.code, good.stdout]).toEqual([0, expect.stringContaining("whole (")]);
      // What SQLite takes for right need not be so.
      inventoryExecute(world.database, "update file_replica set size = size + 1 where file_origin_id = 7");
      const wrong = await world.run("inventory", "check");
      expect(wrong.code).toBe(4);
      expect(wrong.stdout).toContain("copies are called current, and their origin is another");
      expect(wrong.stdout).toContain("counts are not those of the rows");
      const page = Number(inventoryExecute(world.database, "select rootpage from sqlite_master where name = 'file_origin'"));
      inventoryExecute(world.database, "pragma wal_checkpoint(truncate)");
      overwrite(world.database, (page - 1) * 4096 + 100, "x".repeat(2000));
      const damaged = await world.run("inventory", "check");
      expect(damaged.code).toBe(4);
      expect(damaged.stdout + damaged.stderr).toContain('xtelemdb inventory rebuild"');
    },
  );

  wholeTest("and backup work beside an agent that writes", [], async () => {
    using world = new World();
    world.files({ path: "a", content: "1" });
    await world.sync();
    const agent = world.start("sync", "continuous=true");
    await until("it runs", () => world.statusFromFile()?.agent.state === "running" || world.statusFromFile() !== undefined);
    const to = world.path("saved.db");
    expect((await world.run("inventory", "backup", `to=${to}`)).code).toBe(0);
    expect((await world.run("inventory", "check")).code).toBe(0);
    expect((await world.run("inventory", "check", `file=${to}`)).code).toBe(0);
    expect(statSync(to).mode & 0o777).toBe(0o600);
    const again = await world.run("inventory", "backup", `to=${to}`);
    expect([again.code, again.stderr]).toEqual([4, expect.stringContaining("something stands there already")]);
    const refused = await world.run("inventory", "rebuild");
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("is in use by")]);
    agent.signal("SIGTERM");
    await agent.ended;
  });
});

describe("inventory rebuild", () => {
  wholeTest("replaces no whole inventory, and says what there is with dry_run", [], async () => {
    using world = new World();
    world.files({ path: "a", content: "1" });
    await world.sync();
    const refused = await world.run("inventory", "rebuild");
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("is whole and knows 1 files")]);
    loseInventory(world);
    const dry = await rebuilt(world, "dry_run=true");
    expect([dry.code, dry.copies.map(({ chosen }) => chosen), dry.imported]).toEqual([0, [true], null]);
    expect(existsSync(world.database)).toBe(false);
    expect(readdirSync(join(world.database, "..")).filter((name) => name.includes("rebuild"))).toEqual([]);
  });

  wholeTest(
    "keeps the damaged one aside, takes the newest whole copy, and what has happened since from the manifests",
    [],
    async () => {
      using world = new World({ replicas: ["backup", "second"], scan: { max_loss: "100%" } });
      world.files({ path: "a", content: "1" }, { path: "gone", content: "g" });
      await world.sync();
      world.files({ path: "b", content: "2" }, { path: "a", content: "changed" });
      rmSync(join(world.data, "gone"));
      await world.sync();
      const before = rows(world.database);
      const uuid = inventoryExecute(world.database, "select uuid from identity");
      overwrite(world.database, 0, "this is no database any more");
      const [spoilt = ""] = copies(world, "second");
      overwrite(spoilt, 4096, "x".repeat(3000));
      expect((await world.sync()).stderr).toContain("inventory rebuild");
      const summary = await rebuilt(world);
      expect(summary.copies.map(({ chosen, problem }) => [chosen, problem === null])).toEqual([
        [true, true],
        [false, false],
      ]);
      expect(summary.setAside).toMatch(/inventory\.db\.damaged-\d{8}T\d{6}Z$/);
      expect(readFileSync(summary.setAside ?? "", "latin1")).toStartWith("this is no database any more");
      expect([summary.code, summary.outcome]).toEqual([0, "complete"]);
      expect(inventoryExecute(world.database, "select uuid from identity")).toBe(uuid);
      const synced = await world.syncSummary();
      expect([synced.code, synced.copied.files, synced.adopted.files]).toEqual([0, 0, 0]);
      expect(rows(world.database)).toBe(before);
      expect((await world.run("inventory", "check")).code).toBe(0);
    },
  );

  wholeTest("from an old copy, where manifests are gone, says no more than there is", [], async () => {
    using world = new World();
    world.files({ path: "a", content: "1" }, { path: "b", content: "2" });
    await world.sync();
    world.files({ path: "a", content: "longer than before" });
    await world.sync();
    rmSync(join(world.path("backup"), ".xtelemdb-manifest"), { recursive: true });
    rmSync(join(world.copies(), "b"));
    loseInventory(world);
    const summary = await rebuilt(world);
    expect([summary.code, summary.outcome]).toEqual([3, "findings"]);
    const states = "select f.name, r.state from file_replica r join file_origin f on f.id = r.file_origin_id where r.state = 1";
    expect(inventoryExecute(world.database, states)).toBe("");
    await world.sync();
    expect((await world.run("explain", join(world.data, "b"))).stdout).toContain("current");
    expect(readFileSync(join(world.copies(), "a"), "utf8")).toBe("longer than before");
  });

  wholeTest("killed while it takes the damaged one's place, leaves one there, and begins again", ["strace"], async () => {
    using world = new World();
    world.files({ path: "a", content: "1" });
    await world.sync();
    let kills = 0;
    for (let when = 1; kills === when - 1; when += 1) {
      overwrite(world.database, 0, "this is no database any more");
      const ended = await world.traced(["inventory", "rebuild"], { inject: [`rename:signal=SIGKILL:when=${when}`] });
      if (ended.signal === "SIGKILL" || ended.code === 128 + 9) kills += 1;
      expect([when, existsSync(world.database)]).toEqual([when, true]);
    }
    expect(kills).toBeGreaterThan(1);
    overwrite(world.database, 0, "this is no database any more");
    expect(await rebuilt(world)).toMatchObject({ code: 0, outcome: "complete" });
    expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  });

  wholeTest("takes a file that is named, and nothing else when that cannot be used", [], async () => {
    using world = new World();
    world.files({ path: "a", content: "1" });
    await world.sync();
    const before = rows(world.database);
    await world.run("inventory", "backup", `to=${world.path("saved.db")}`);
    loseInventory(world);
    const missing = await rebuilt(world, `from=${world.path("svaed.db")}`);
    expect([missing.code, missing.copies[0]?.problem]).toEqual([3, "there is no such file"]);
    expect(existsSync(world.database)).toBe(false);
    const summary = await rebuilt(world, `from=${world.path("saved.db")}`);
    expect([summary.code, summary.outcome]).toEqual([0, "complete"]);
    expect(rows(world.database)).toBe(before);
  });

  wholeTest("of a replica that is away says so, and is made whole later by import_origins", [], async () => {
    using world = new World();
    world.files({ path: "a", content: "1" });
    await world.sync();
    const before = rows(world.database);
    loseInventory(world);
    renameSync(world.path("backup"), world.path("away"));
    mkdirSync(world.path("backup"));
    rmSync(world.path("backup"), { recursive: true });
    const summary = await rebuilt(world);
    expect([summary.code, summary.outcome, summary.unseen[0]?.reason]).toEqual([3, "incomplete", "RootMissing"]);
    renameSync(world.path("away"), world.path("backup"));
    expect((await world.run("import_origins")).code).toBe(0);
    await world.sync();
    expect(rows(world.database)).toBe(before);
  });
});

/** `XTELEMDB_HISTORIES` plays more of them, `XTELEMDB_SEED` others. */
const HISTORIES = Number(process.env.XTELEMDB_HISTORIES ?? 2);
const SEED = Number(process.env.XTELEMDB_SEED ?? 1);

type Step =
  | { readonly kind: "write"; readonly name: string; readonly size: number; readonly nanoseconds: number }
  | { readonly kind: "touch" | "remove"; readonly name: string }
  | { readonly kind: "spoil"; readonly name: string }
  | { readonly kind: "verify" }
  /** The second replica is pulled out, or comes back. */
  | { readonly kind: "pull" }
  | { readonly kind: "sync" };

const NAMES = ["a", "b c", "deep/x", "deep/er/y", "new\nline", "back\\slash", "ü", "deep/\t"] as const;
const name = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      name,
      size: fc.integer({ min: 0, max: 5000 }),
      nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("touch" as const, "remove" as const), name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("spoil" as const), name }) },
  { weight: 3, arbitrary: fc.constantFrom<Step>({ kind: "sync" }, { kind: "verify" }, { kind: "pull" }) },
);

async function take(world: World, given: Step, at: number): Promise<void> {
  if (given.kind === "sync") expect([0, 3]).toContain((await world.sync()).code ?? -1);
  else if (given.kind === "verify") expect([0, 3]).toContain((await world.run("verify")).code ?? -1);
  else if (given.kind === "pull") {
    const [here, away] = [world.path("second"), world.path("away")];
    if (existsSync(here)) renameSync(here, away);
    else renameSync(away, here);
  } else if (given.kind === "write") {
    const content = String(at).padEnd(given.size, "x");
    world.files({ path: given.name, content, mtime: BigInt(1_600_000_000 + at) * 1_000_000_000n + BigInt(given.nanoseconds) });
  } else if (given.kind === "spoil") {
    // Only where the origin can heal it.
    const copy = join(world.copies(), given.name);
    if (!existsSync(copy) || !existsSync(join(world.data, given.name)) || statSync(copy).size === 0) return;
    // To the nanosecond as it was: a disk does not tell that it has spoilt something.
    command("touch", "-r", copy, world.path("time"));
    overwrite(copy, 0, "~");
    command("touch", "-r", world.path("time"), copy);
  } else if (existsSync(join(world.data, given.name))) {
    if (given.kind === "remove") rmSync(join(world.data, given.name));
    else utimesSync(join(world.data, given.name), at, at);
  }
}

wholeTest("an inventory that is rebuilt from its replicas alone equals the lost one, whatever has happened", [], async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), fc.boolean(), async (steps, withCopy) => {
      const replicas = ["backup", "second"];
      using world = new World({ replicas });
      world.declare({ replicas, scan: { max_loss: "100%" }, top: { inventory_copy_every: withCopy ? "1d" : "0s" } });
      let at = 1;
      for (const one of steps) await take(world, one, at++);
      if (!existsSync(world.path("second"))) await take(world, { kind: "pull" }, at);
      // What was spoilt is found and mended, and the manifests are written.
      await world.sync();
      await world.run("verify");
      expect((await world.sync()).code).toBe(0);
      const before = rows(world.database);
      loseInventory(world);
      const summary = await rebuilt(world);
      expect([summary.outcome, summary.copies.length]).toEqual(["complete", withCopy ? 2 : 0]);
      const synced = await world.syncSummary();
      expect([synced.code, synced.copied.files, synced.adopted.files]).toEqual([0, 0, 0]);
      expect(rows(world.database)).toBe(before);
      expect((await world.run("inventory", "check")).code).toBe(0);
    }),
    { numRuns: HISTORIES, seed: SEED, endOnFailure: true },
  );
});
