import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Scratch } from "../internal/testing/mod.ts";
import { checkLayers } from "./check-layers.ts";

/** What is said of a tree that consists of these files. */
function problemsWith(files: Readonly<Record<string, string>>): string[] {
  using scratch = new Scratch();
  for (const [path, text] of Object.entries({ "cmd/x/main.ts": "", "internal/sys/mod.ts": "", ...files })) {
    mkdirSync(dirname(scratch.path(path)), { recursive: true });
    writeFileSync(scratch.path(path), text);
  }
  return checkLayers(scratch.folder);
}

test("a sound tree is sound", () => {
  expect(problemsWith({ "cmd/x/a.ts": 'import { x } from "../../internal/agent/mod.ts";' })).toEqual([]);
  expect(problemsWith({ "internal/scan/a.ts": 'import { b } from "./b.ts";\nimport { x } from "../sys/mod.ts";' })).toEqual([]);
});

test.each([
  ["an import from above", { "internal/scan/a.ts": 'import { x } from "../agent/mod.ts";' }, "scan is below agent"],
  ["one over several lines", { "internal/scan/a.ts": 'import {\n  x,\n} from "../agent/mod.ts";' }, "scan is below agent"],
  ["a re-export", { "internal/sys/a.ts": 'export * from "../config/mod.ts";' }, "sys is below config"],
  ["a dynamic one", { "internal/sys/a.ts": 'await import("../config/mod.ts");' }, "sys is below config"],
  ["a type", { "internal/volume/a.ts": 'import type { X } from "../scan/mod.ts";' }, "volume is below scan"],
  ["past the face", { "internal/agent/a.ts": 'import { x } from "../inventory/open.ts";' }, "past the face of inventory"],
  ["unsafe code", { "internal/volume/a.ts": 'import { dlopen } from "bun:ffi";' }, "belongs to sys"],
  ["SQL", { "internal/agent/a.ts": 'import { sql } from "kysely";' }, "belongs to inventory"],
  ["the terminal", { "internal/agent/a.ts": "console.log(1);" }, "only cmd speaks to the terminal"],
  ["test code", { "internal/agent/a.ts": 'import { World } from "../testing/mod.ts";' }, "only tests import"],
  ["a long file", { "internal/agent/a.ts": "\n".repeat(400) }, "split it"],
  ["a stranger at the top", { "lib/a.ts": "" }, "no other top-level entry"],
])("%s is found", (_what, files, problem) => {
  expect(problemsWith(files)).toEqual([expect.stringContaining(problem)]);
});
