/** Readers of the output that end before the program does (head, less, a pipe that broke): what was done is done, and the exit code says the truth. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { World, wholeTest } from "../../internal/testing/mod.ts";

/** Nobody reads any more when the first line comes; the exit code is the program's own. */
const UNREAD = ["bash", "-c", 'exec 3> >(exec true); wait $!; exec "$@" >&3', "unread"];

wholeTest("a sync whose output nobody reads says what came of it, and not that all is well", [], async () => {
  using world = new World();
  world.files({ path: "one", content: "1" });
  world.runWith({ wrapper: UNREAD });
  const run = (...words: readonly string[]) => world.run(...words);
  expect(await run("sync", "--json")).toMatchObject({ code: 0, stderr: "" });
  expect(Object.keys(world.copiedFiles())).toEqual(["one"]);
  world.files({ path: "two", content: "2" });
  writeFileSync(join(world.copies(), "two"), "somebody else's");
  expect(await run("sync", "--json")).toMatchObject({ code: 3, stderr: "" });
  const notAll = [
    ["status"],
    ["explain", join(world.data, "two")],
    ["plan"],
    ["safe", "--json"],
    ["restore", "dry_run=true", "--json"],
  ];
  for (const words of notAll) expect([words, (await run(...words)).code]).toEqual([words, 3]);
  for (const words of [["replica_list"], ["events"], ["help"]]) expect([words, (await run(...words)).code]).toEqual([words, 0]);
});

wholeTest("a view that goes on for ever ends when nobody reads it", [], async () => {
  using world = new World();
  world.files({ path: "one", content: "1" });
  expect((await world.sync()).code).toBe(0);
  world.runWith({ wrapper: UNREAD });
  expect((await world.run("status", "watch=true", "--json")).code).toBe(0);
});
