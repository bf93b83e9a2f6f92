import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { configurationFingerprint } from "../config/mod.ts";
import { systemClock } from "../sys/mod.ts";
import { Scratch, until } from "../testing/mod.ts";
import { ConfigurationWatch } from "./configuration-watch.ts";

/** A watch on a file that was read at `read`, and how often it has told of another one. */
function watched(file: string, read: string) {
  let changes = 0;
  const watch = new ConfigurationWatch(file, read, systemClock, () => changes++);
  return { changes: () => changes, [Symbol.dispose]: () => watch.close() };
}

test("an edit between the reading and the watching is told, once", async () => {
  using scratch = new Scratch();
  const file = scratch.path("xtelemdb.toml");
  writeFileSync(file, "a = 1\n");
  const read = configurationFingerprint(file);
  writeFileSync(file, "a = 1\nb = 2\n");
  using watch = watched(file, read);
  await until("it is told", () => watch.changes() === 1);
  // What came of the first look is known by now: a later edit is told once more, and nothing in between.
  writeFileSync(file, "a = 1\nb = 2\nc = 3\n");
  await until("the next is told", () => watch.changes() > 1);
  expect(watch.changes()).toBe(2);
});

test("a file that is as it was read is not told of, an edit afterwards is", async () => {
  using scratch = new Scratch();
  const file = scratch.path("xtelemdb.toml");
  writeFileSync(file, "a = 1\n");
  using watch = watched(file, configurationFingerprint(file));
  // Another file in the folder makes it look.
  writeFileSync(scratch.path("beside"), "");
  await Bun.sleep(90);
  writeFileSync(scratch.path("beside"), "more");
  expect(watch.changes()).toBe(0);
  writeFileSync(file, "a = 2\n");
  await until("it is told", () => watch.changes() === 1);
});
