import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { Scratch } from "../testing/mod.ts";
import { openLocalVolume } from "../volume/mod.ts";
import { removeTemporaryFiles } from "./temporary-files.ts";

test("only our own temporary files are removed, and each is a sign of life", async () => {
  using scratch = new Scratch();
  const own = Array.from({ length: 5 }, (_, index) => `.xtelemdb-000000000000000${index}.part`);
  for (const name of [...own, "data", ".xtelemdb-x.part"]) writeFileSync(scratch.path(name), "x");
  const volume = openLocalVolume(scratch.folder)._unsafeUnwrap();
  let alive = 0;
  const removed = await removeTemporaryFiles(volume, "", 0, () => {
    alive += 1;
  });
  volume.close();
  expect(removed).toBe(own.length);
  expect(readdirSync(scratch.folder).toSorted()).toEqual([".xtelemdb-x.part", "data"]);
  expect(alive).toBeGreaterThanOrEqual(own.length);
});
