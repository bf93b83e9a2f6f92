/** What an import must not make true: files that were found to be other than their origin, and lines of a manifest that are about another file. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { VerifySummary } from "../../internal/agent/mod.ts";
import { HOST, jsonOf, World, wholeTest } from "../../internal/testing/mod.ts";

const AT = 1_700_000_000;

/** All of the same time: who looks at size and time only takes them for one. */
function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  utimesSync(path, AT, AT);
}

const loseInventory = (world: World): void => rmSync(dirname(world.database), { recursive: true });

wholeTest("what a sync has found to be no copy is not made one by an import", [], async () => {
  using world = new World();
  write(join(world.data, "f"), "GOOD CONTENTS");
  write(join(world.copies(), "f"), "BAD  CONTENTS");
  expect(await world.sync()).toMatchObject({ code: 3 });
  for (const words of [["import_origins"], ["import_origins", "hash=true"]]) {
    const imported = await world.run(...words);
    expect(imported).toMatchObject({ code: 3 });
    expect(imported.stdout).toContain("its contents are others");
  }
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect((await world.explain(join(world.data, "f"))).files[0]?.replicas[0]).toMatchObject({ state: "missing", pending: true });
  // What lies there is the operator's to judge: moved aside, the origin is copied.
  rmSync(join(world.copies(), "f"));
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(readFileSync(join(world.copies(), "f"), "utf8")).toBe("GOOD CONTENTS");
});

wholeTest("a line of a manifest is about the file that it stood beside, not about one in an alias's folder", [], async () => {
  using world = new World();
  const declaration = { hostKeys: { [HOST]: { aliases: ["aoc"] } }, top: { inventory_copy_every: "0s" } };
  world.declare({ ...declaration, replicaKeys: { backup: { workers: 1 } } });
  write(join(world.data, "f"), "GOOD CONTENTS");
  expect(await world.sync()).toMatchObject({ code: 0 });
  write(`${world.path("backup")}/aoc${world.data}/f`, "BAD  CONTENTS");
  rmSync(join(world.data, "f"));
  loseInventory(world);
  // The second file is told.
  expect((await world.run("inventory", "rebuild")).code).toBeOneOf([0, 3]);
  const copy = (await world.explain(join(world.data, "f"))).files[0]?.replicas[0];
  expect(copy).toMatchObject({ state: "current" });
  const verified = await world.run("verify", "--json");
  expect(jsonOf<VerifySummary>(verified).replicas[0]?.findings ?? []).toEqual([]);
  expect(verified.code).toBe(0);
  expect(await world.run("restore", `path=${world.data}/f`)).toMatchObject({ code: 0 });
  expect(readFileSync(join(world.data, "f"), "utf8")).toBe("GOOD CONTENTS");
});

wholeTest("a copy that was read back in an alias's folder repairs another replica's", [], async () => {
  using world = new World({ replicas: ["backup", "second"] });
  const replicas = ["backup", "second"];
  const hostKeys = { [HOST]: { aliases: ["aoc"] } };
  world.declare({ replicas: ["backup"], hostKeys });
  write(join(world.data, "deep/f"), "GOOD CONTENTS");
  write(`${world.path("backup")}/aoc${world.data}/deep/f`, "GOOD CONTENTS");
  expect(await world.run("import_origins", "hash=true")).toMatchObject({ code: 0 });
  world.declare({ replicas, hostKeys, scan: { max_loss: "100%" } });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(existsSync(join(world.copies(), "deep/f"))).toBe(false);
  rmSync(join(world.data, "deep/f"));
  expect(await world.sync()).toMatchObject({ code: 0 });
  write(join(world.copies("second"), "deep/f"), "BAD  CONTENTS");
  expect(await world.run("verify")).toMatchObject({ code: 3 });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(readFileSync(join(world.copies("second"), "deep/f"), "utf8")).toBe("GOOD CONTENTS");
});

wholeTest("an imported copy that is read for the first time is compared with what was copied from the origin", [], async () => {
  using world = new World({ replicas: ["backup", "second"] });
  world.declare({ replicas: ["second"] });
  write(join(world.data, "f"), "GOOD CONTENTS");
  write(join(world.data, "g"), "EQUAL CONTENTS");
  expect(await world.sync()).toMatchObject({ code: 0 });
  world.declare({ replicas: ["backup", "second"] });
  write(join(world.copies(), "f"), "BAD  CONTENTS");
  write(join(world.copies(), "g"), "EQUAL CONTENTS");
  expect(await world.run("import_origins", `prefix=${world.path("backup")}`)).toMatchObject({ code: 0 });
  const verified = await world.run("verify");
  expect(verified).toMatchObject({ code: 3 });
  expect(verified.stdout).toMatch(/^suspect .*was imported/m);
  const doubted = async () => (await world.explain(join(world.data, "f"))).files[0]?.replicas[0];
  for (const words of [["sync"], ["verify"], ["scan"], ["sync"]]) {
    await world.run(...words);
    expect(await doubted()).toMatchObject({ state: "suspect", pending: true });
  }
  expect(await world.run("status")).toMatchObject({ code: 3 });
  expect(readFileSync(join(world.copies(), "f"), "utf8")).toBe("BAD  CONTENTS");
  expect((await world.explain(join(world.data, "g"))).files[0]?.replicas[0]).toMatchObject({ state: "current", pending: false });
  // The operator has judged.
  rmSync(join(world.copies(), "f"));
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(await doubted()).toMatchObject({ state: "current", pending: false });
  expect(readFileSync(join(world.copies(), "f"), "utf8")).toBe("GOOD CONTENTS");
});

wholeTest("an imported copy that was read before is doubted when our own copy turns out to be another", [], async () => {
  using world = new World({ replicas: ["backup", "second"] });
  world.declare({ replicas: ["backup"] });
  write(join(world.data, "f"), "GOOD CONTENTS");
  write(join(world.copies(), "f"), "BAD  CONTENTS");
  expect(await world.run("import_origins", "hash=true")).toMatchObject({ code: 0 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  world.declare({ replicas: ["backup", "second"] });
  expect(await world.sync()).toMatchObject({ code: 0 });
  // On one machine nothing is independent; but it is not that which speaks against this copy.
  expect((await world.run("safe", "--json")).stdout).toContain("CopiesContradict");
  expect(await world.run("verify")).toMatchObject({ code: 3 });
  const [doubted, own] = (await world.explain(join(world.data, "f"))).files[0]?.replicas ?? [];
  expect([doubted?.state, own?.state]).toEqual(["suspect", "current"]);
  expect(readFileSync(join(world.copies(), "f"), "utf8")).toBe("BAD  CONTENTS");
});

wholeTest(
  "of two backups that are there already, a restore brings the later version, whichever was imported first",
  [],
  async () => {
    for (const order of [
      ["backup", "second"],
      ["second", "backup"],
    ]) {
      using world = new World({ replicas: ["backup", "second"] });
      write(join(world.copies("backup"), "f"), "the first hours\n");
      write(join(world.copies("second"), "f"), "the first hours\nand the last\n");
      utimesSync(join(world.copies("second"), "f"), AT + 3600, AT + 3600);
      for (const replica of order) await world.run("import_origins", `prefix=${world.path(replica)}`);
      expect(await world.run("restore", `path=${world.data}/f`)).toMatchObject({ code: 0 });
      expect(readFileSync(join(world.data, "f"), "utf8")).toBe("the first hours\nand the last\n");
      expect((await world.run("inventory", "check")).code).toBe(0);
    }
  },
);

wholeTest("a later and longer file is no later version where another replica has a copy that was read", [], async () => {
  using world = new World({ replicas: ["backup", "second"] });
  write(join(world.data, "f"), "measured");
  expect(await world.sync()).toMatchObject({ code: 0 });
  // Edited at one of them; then the origin and the inventory are lost.
  writeFileSync(join(world.copies("second"), "f"), "garbage, and more of it");
  rmSync(join(world.data, "f"));
  loseInventory(world);
  expect(await world.run("import_origins")).toMatchObject({ code: 3 });
  expect(await world.run("restore", `path=${world.data}/f`)).toMatchObject({ code: 0 });
  expect(readFileSync(join(world.data, "f"), "utf8")).toBe("measured");
  await world.sync();
  expect(readFileSync(join(world.copies(), "f"), "utf8")).toBe("measured");
});
