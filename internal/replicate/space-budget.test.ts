import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Space } from "../sys/mod.ts";
import { backoffMilliseconds } from "./backoff.ts";
import { SpaceBudget } from "./space-budget.ts";

const space = (freeBytes: number, freeInodes = 100, totalInodes = 100): Space => ({
  freeBytes,
  totalBytes: 2 * freeBytes,
  freeInodes,
  totalInodes,
  readOnly: false,
});

test("what is taken never exceeds what is free less the reserve, in bytes and in inodes", () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.nat(200_000), fc.nat(20), fc.array(fc.nat(300_000)), (free, reserve, inodes, sizes) => {
      const budget = new SpaceBudget(space(free, inodes), reserve);
      const taken = sizes.filter((size) => budget.take(size) === undefined);
      expect(taken.reduce((total, size) => total + size, 0)).toBeLessThanOrEqual(Math.max(0, free - reserve));
      expect(taken.length).toBeLessThanOrEqual(inodes);
    }),
  );
});

test("a small file still fits where a large one did not", () => {
  const budget = new SpaceBudget(space(100_000), 0);
  expect([budget.take(200_000), budget.take(50_000), budget.exhausted]).toEqual(["NoSpace", undefined, false]);
});

test("inodes are told apart from bytes, and a file system without a number of them has enough", () => {
  expect(new SpaceBudget(space(1e6, 0), 0).take(1)).toBe("NoInodes");
  expect(new SpaceBudget(space(1e6, 0), 0).exhausted).toBe(true);
  expect(new SpaceBudget(space(1e6, 0, 0), 0).take(1)).toBeUndefined();
});

test("waiting grows from ten seconds to an hour, with at most a fifth more by chance, and never falls", () => {
  expect([1, 2, 3, 9, 10, 1_000].map((attempts) => backoffMilliseconds(attempts, 0))).toEqual([
    10_000, 20_000, 40_000, 2_560_000, 3_600_000, 3_600_000,
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, jitter) => {
      const wait = backoffMilliseconds(attempts, jitter);
      expect(wait).toBeGreaterThanOrEqual(backoffMilliseconds(attempts, 0));
      expect(wait).toBeLessThanOrEqual(backoffMilliseconds(attempts, 0) * 1.2 + 1);
      expect(backoffMilliseconds(attempts + 1, 0)).toBeGreaterThanOrEqual(backoffMilliseconds(attempts, 0));
    }),
  );
});
