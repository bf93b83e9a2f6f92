/** Two agents with two inventories at one replica: the second finds the claim of the first, and writes nothing. */
import { expect } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { type Outcome, runProgram, SCRATCH_VARIABLE, until, World, wholeTest } from "../../internal/testing/mod.ts";

const CLAIM = ".xtelemdb-writer-exao1.json";

/** Runs the program with another inventory in the same world: the second agent for the same host. */
function runSecond(world: World, ...given: readonly string[]): Promise<Outcome> {
  const path = world.path("second.toml");
  const second = readFileSync(world.configuration, "utf8").replaceAll("/state/inventory.db", "/second/inventory.db");
  writeFileSync(path, second.replaceAll("/status.json", "/second.json"));
  return runProgram([...given, "--config", path], { environment: { [SCRATCH_VARIABLE]: world.folder } });
}

wholeTest("a second inventory is refused at a replica, until a person removes the claim of the first", [], async () => {
  using world = new World();
  world.files({ path: "one", content: "1" });
  expect((await world.sync()).code).toBe(0);
  world.files({ path: "two", content: "2" });
  const before = world.tree("backup");
  const refused = await runSecond(world, "sync", "--json");
  expect(refused.code, refused.stderr).toBe(3);
  const status = await runSecond(world, "status");
  expect(status.stdout).toContain("WrittenByAnotherInventory");
  expect(status.stdout).toContain(`belong to the inventory ${world.database}`);
  expect(status.stdout).toContain(world.path(`backup/${CLAIM}`));
  expect(world.tree("backup")).toEqual(before);
  expect((await world.sync()).code).toBe(0);
  expect(world.copiedFiles()).toEqual(world.originFiles());

  rmSync(world.path(`backup/${CLAIM}`));
  expect((await runSecond(world, "sync")).code).toBe(0);
  world.files({ path: "three", content: "3" });
  expect((await world.sync()).code).toBe(3);
  expect(world.readyReason()).toBe("WrittenByAnotherInventory");
  expect(world.copiedFiles().three).toBeUndefined();
});

wholeTest("an agent that runs is not disturbed by a second one, and the second waits for its turn", [], async () => {
  using world = new World({ scan: { settle: "0s", interval: "1s" } });
  world.files({ path: "one", content: "1" });
  const first = world.start("sync", "continuous=true");
  await until("it has converged", () => world.statusFromFile()?.converged === true);
  const second = await runSecond(world, "sync");
  expect(second.code).toBe(3);
  world.files({ path: "two", content: "2" });
  await until(
    "the second file is copied",
    () => world.copiedFiles().two !== undefined && world.statusFromFile()?.converged === true,
  );
  first.signal("SIGTERM");
  expect((await first.ended).code).toBe(0);
});

wholeTest("a lost inventory is begun anew in its place without a word to anybody", [], async () => {
  using world = new World();
  world.files({ path: "one", content: "1" }, { path: "two", content: "2" });
  expect((await world.sync()).code).toBe(0);
  rmSync(world.path("state"), { recursive: true });
  expect(await world.syncSummary()).toMatchObject({ code: 0, adopted: { files: 2 }, copied: { files: 0 } });
});

wholeTest("a claim that says nothing stops only its replica", [], async () => {
  using world = new World({ replicas: ["backup", "other"] });
  world.files({ path: "one", content: "1" });
  expect((await world.sync()).code).toBe(0);
  writeFileSync(world.path(`backup/${CLAIM}`), "nonsense");
  world.files({ path: "two", content: "2" });
  expect((await world.sync()).code).toBe(3);
  expect(world.readyReason("backup")).toBe("MarkerUnreadable");
  expect(world.readyReason("other")).toBe("Converged");
});
