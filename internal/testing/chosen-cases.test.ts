/** Which cases a run of faults tries. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { chosenCases } from "./chosen-cases.ts";

const ALL = Array.from({ length: 103 }, (_, index) => index);

test("parts share no case, and together have all", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 120 }), (of) => {
      const parts = Array.from({ length: of }, (_, index) =>
        chosenCases(ALL, 5, { quick: false, seed: 1, part: { number: index + 1, of } }),
      );
      expect(parts.flat().toSorted((a, b) => a - b)).toEqual(ALL);
    }),
  );
});

test("a sample is as large as was asked for, has no case twice, and is the seed's", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 120 }), fc.nat(), (cases, seed) => {
      const chosen = chosenCases(ALL, 5, { quick: false, cases, seed });
      expect(new Set(chosen).size).toBe(Math.min(cases, ALL.length));
      expect(chosenCases(ALL, 5, { quick: true, cases, seed })).toEqual(chosen);
    }),
  );
  expect(chosenCases(ALL, 5, { quick: true, seed: 1 })).toHaveLength(5);
  expect(chosenCases(ALL, 5, { quick: true, seed: 1 })).not.toEqual(chosenCases(ALL, 5, { quick: true, seed: 2 }));
  expect(chosenCases(ALL, 5, { quick: false, seed: 1 })).toEqual(ALL);
});
