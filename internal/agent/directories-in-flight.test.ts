/** Which directories of a pass are finished. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { DirectoryId } from "../inventory/mod.ts";
import { DirectoriesInFlight } from "./directories-in-flight.ts";

// Ids of an inventory; only their difference counts here.
const ONE = 1 as DirectoryId;
const TWO = 2 as DirectoryId;

test("a directory is new to the first group in it, and left by the last", () => {
  const directories = new DirectoriesInFlight();
  expect(directories.enter([ONE])).toEqual([ONE]);
  expect(directories.enter([ONE, TWO])).toEqual([TWO]);
  expect(directories.leave([ONE], [])).toEqual([]);
  expect(directories.leave([ONE, TWO], [])).toEqual([ONE, TWO]);
  expect(directories.enter([ONE])).toEqual([ONE]);
});

test("what one group has left behind is not forgotten by another that ends there later, in whatever order they come", () => {
  const groups = fc.array(fc.record({ at: fc.constantFrom(ONE, TWO), leaves: fc.boolean(), early: fc.boolean() }), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(groups, (given) => {
      const directories = new DirectoriesInFlight();
      const untidy = new Set<DirectoryId>();
      for (const { at } of given.filter(({ early }) => early)) directories.enter([at]);
      for (const { at, leaves, early } of given) {
        if (!early) directories.enter([at]);
        if (leaves) untidy.add(at);
        for (const left of directories.leave([at], leaves ? [at] : [])) expect(untidy.has(left)).toBe(false);
      }
    }),
  );
});
