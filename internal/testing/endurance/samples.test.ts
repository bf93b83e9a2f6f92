/** What endurance runs count of a process: its own descriptors, and its children apart. */
import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { descriptorsOf } from "./samples.ts";

test("a descriptor more is counted, and a child is one connection and no descriptor", async () => {
  const before = descriptorsOf(process.pid);
  const file = openSync("/dev/null", "r");
  expect(descriptorsOf(process.pid)).toEqual({ ...before, descriptors: before.descriptors + 1 });
  closeSync(file);
  const child = Bun.spawn(["cat"], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  expect(descriptorsOf(process.pid)).toEqual({ ...before, connections: before.connections + 1 });
  child.kill();
  await child.exited;
});
