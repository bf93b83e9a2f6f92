/** An inventory that is lost, and begun anew or rebuilt: what the replicas keep of it is not lost, and what was held back stays so. */
import { expect, test } from "bun:test";
import { appendFileSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, utimesSync } from "node:fs";
import { command, HOST, inventoryExecute, jsonOf, World, wholeTest } from "../../internal/testing/mod.ts";

const loseInventory = (world: World): void => {
  for (const end of ["", "-wal", "-shm", ".lock"]) rmSync(world.database + end, { force: true });
};

const rows = (world: World): string =>
  inventoryExecute(
    world.database,
    "select f.name, hex(r.digest), r.copied_at from file_replica r join file_origin f on f.id = r.file_origin_id order by f.name",
  );

wholeTest("begun anew by a sync, it is told, and import_origins brings back what it knew", [], async () => {
  using world = new World();
  world.files({ path: "gone", content: "g" }, { path: "kept", content: "k" }, { path: "removed", content: "r" });
  await world.sync();
  rmSync(`${world.data}/gone`);
  rmSync(`${world.data}/removed`);
  await world.run("scan", `accept_loss=${world.data}`);
  const before = rows(world);
  loseInventory(world);
  rmSync(`${world.copies()}/removed`);
  const begun = await world.sync();
  expect(begun, begun.stderr).toMatchObject({ code: 0 });
  expect(begun.stderr).toContain("xtelemdb import_origins");
  expect((await world.run("events", "reason=InventoryBegunAnew")).stdout).toContain("another inventory kept the copies there");
  // Written twice over: a file in the same directory is new.
  world.files({ path: "new", content: "n" });
  const again = await world.sync();
  expect(again).toMatchObject({ code: 0 });
  expect(again.stderr).not.toContain("begun anew");
  const manifest = readFileSync(`${world.path("backup")}/.xtelemdb-manifest/${HOST}/${manifestNames(world)[0]}`, "utf8");
  expect(manifest).toContain("/gone\n");
  expect(manifest).not.toContain("/removed\n");
  command("sh", "-c", `cd '${world.path("backup")}' && sha256sum --check --strict --quiet .xtelemdb-manifest/*/*.sha256`);
  expect(await world.run("import_origins")).toMatchObject({ code: 0 });
  const line = (text: string, name: string): string | undefined => text.split("\n").find((one) => one.startsWith(name));
  expect(line(rows(world), "gone")).toBe(line(before, "gone"));
  expect(rows(world)).not.toContain("removed");
});

const manifestNames = (world: World): string[] => readdirSync(`${world.path("backup")}/.xtelemdb-manifest/${HOST}`);

wholeTest("put back from before, it takes nothing from manifests that know more", [], async () => {
  using world = new World();
  world.files({ path: "first", content: "1" });
  await world.sync();
  const backup = world.path("before.db");
  expect(await world.run("inventory", "backup", `to=${backup}`)).toMatchObject({ code: 0 });
  world.files({ path: "second", content: "2" });
  await world.sync();
  rmSync(`${world.data}/second`);
  loseInventory(world);
  renameSync(backup, world.database);
  // As if it had been a while ago.
  inventoryExecute(world.database, "update manifest set written_at = written_at - 60000");
  world.files({ path: "third", content: "3" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  for (const name of manifestNames(world))
    expect(readFileSync(`${world.path("backup")}/.xtelemdb-manifest/${HOST}/${name}`, "utf8")).toContain("/second\n");
});

test.each([
  ["manifests alone", "0s"],
  ["a copy of it from before, and manifests", "1d"],
])("rebuilt from %s, it knows what was held back", async (_from, inventory_copy_every) => {
  using world = new World({ top: { inventory_copy_every } });
  const night = `${world.data}/night`;
  const content = "a night of telemetry\n".repeat(100);
  world.files({ path: "night", content });
  const modified = new Date("2026-11-01T03:00:00Z");
  utimesSync(night, modified, modified);
  expect(await world.sync()).toMatchObject({ code: 0 });
  truncateSync(night, 100);
  utimesSync(night, modified, modified);
  expect(await world.sync()).toMatchObject({ code: 3 });
  loseInventory(world);
  const rebuilt = await world.run("inventory", "rebuild", "--json");
  expect(jsonOf<{ outcome: string }>(rebuilt).outcome).toBe("complete");
  // Who goes on writing there makes it newer than the copy.
  appendFileSync(night, "and more\n".repeat(1000));
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(readFileSync(`${world.copies()}/night`, "utf8")).toBe(content);
  const [explained] = (await world.explain(night)).files[0]?.replicas ?? [];
  expect(explained?.message).toContain("SourceWentBack");
});
