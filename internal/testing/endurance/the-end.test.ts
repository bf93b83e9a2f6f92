/** The look at the end of an endurance run sees what is wrong, and nothing where all is well. */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { World, wholeTest } from "../mod.ts";
import { copiesAt, lookAtTheEnd } from "./the-end.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

wholeTest("a torn copy, a lost one, a false row and a temporary file are found at the end, each as what it is", [], async () => {
  using world = new World();
  const contents = ["one", "two", "three"];
  world.files(...contents.map((content) => ({ path: content, content })));
  expect(await world.sync()).toMatchObject({ code: 0 });
  const seen = new Set(copiesAt(world.path("backup")));
  expect(seen).toEqual(new Set(contents.map((name) => join(world.copies(), name))));
  const versions = contents.map(sha256);
  // The origin of one is gone: its copy stays, and its row must be true.
  rmSync(join(world.data, "one"));
  expect(lookAtTheEnd(world, ["backup"], versions, seen)).toEqual({ torn: 0, lost: 0, falseCurrent: 0, failures: [] });
  writeFileSync(join(world.copies(), "one"), "on");
  rmSync(join(world.copies(), "two"));
  writeFileSync(join(world.copies(), ".xtelemdb-0123456789abcdef.part"), "half");
  const end = lookAtTheEnd(world, ["backup"], versions, seen);
  expect(end).toMatchObject({ torn: 1, lost: 1, falseCurrent: 2 });
  expect(end.failures).toContain(`not what its origin is: ${join(world.copies(), "two")}`);
  expect(end.failures.filter((failure) => failure.startsWith("left behind: "))).toHaveLength(1);
});
