import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Space } from "../sys/mod.ts";
import { backoffMilliseconds } from "./backoff.ts";
import { SpaceBudget, TAKEN_SPACE_BYTES, TakenSpace } from "./space-budget.ts";

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
      const taken = sizes.filter((size) => typeof budget.take(size) !== "string");
      expect(taken.reduce((total, size) => total + size, 0)).toBeLessThanOrEqual(Math.max(0, free - reserve));
      expect(taken.length).toBeLessThanOrEqual(inodes);
    }),
  );
});

test("a small file still fits where a large one did not", () => {
  const budget = new SpaceBudget(space(100_000), 0);
  expect([budget.take(200_000), budget.take(50_000), budget.exhausted]).toEqual([
    "NoSpace",
    { bytes: 53_248, seen: false },
    false,
  ]);
});

test("inodes are told apart from bytes, and a file system without a number of them has enough", () => {
  expect(new SpaceBudget(space(1e6, 0), 0).take(1)).toBe("NoInodes");
  expect(new SpaceBudget(space(1e6, 0), 0).exhausted).toBe(true);
  expect(new SpaceBudget(space(1e6, 0, 0), 0).take(1)).toEqual({ bytes: 4096, seen: false });
});

describe("groups side by side", () => {
  type Step = readonly [group: number, what: "begin" | "take" | "write" | "end" | "die", size: number];

  /** A disk that shows what is written at once, or not before the group is at its end. Returns how much of it is left when all is written. */
  function leftAfter(steps: readonly Step[], free: number, reserve: number, showsAtOnce: boolean): number {
    const shared = new SharedArrayBuffer(TAKEN_SPACE_BYTES);
    type Taken = Exclude<ReturnType<SpaceBudget["take"]>, string>;
    const groups = new Map<number, { readonly budget: SpaceBudget; readonly grants: Taken[]; unwritten: Taken[] }>();
    let shown = free;
    let left = free;
    for (const [number, what, size] of steps) {
      const group = groups.get(number);
      if (group === undefined) {
        const taken = new TakenSpace(shared);
        groups.set(number, { budget: new SpaceBudget(space(shown), reserve, taken), grants: [], unwritten: [] });
      } else if (what === "take") {
        const grant = group.budget.take(size);
        if (typeof grant === "string") continue;
        group.grants.push(grant);
        group.unwritten.push(grant);
        left -= grant.bytes;
      } else if (what === "write" && showsAtOnce) {
        for (const grant of group.unwritten) {
          shown -= grant.bytes;
          group.budget.seen(grant);
          group.budget.seen(grant);
        }
        group.unwritten = [];
      } else if (what === "end" || what === "die") {
        for (const grant of showsAtOnce ? group.unwritten : group.grants) shown -= grant.bytes;
        // Who dies tells nobody; what was written is written.
        if (what === "end") group.budget.close();
        groups.delete(number);
      }
    }
    return left;
  }

  test("they keep the reserve together, in whatever order they begin, take, write, end and die", () => {
    const step = fc.tuple(fc.nat(3), fc.constantFrom("begin", "take", "take", "take", "write", "end", "die"), fc.nat(40_000));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(50_000), fc.boolean(), (steps, reserve, showsAtOnce) => {
        expect(leftAfter(steps, 200_000, reserve, showsAtOnce)).toBeGreaterThanOrEqual(reserve);
      }),
      { numRuns: 3_000 },
    );
  });

  test("what is written counts once: the last one fits to the byte", () => {
    const all: Step[] = [0, 1, 2, 3].flatMap((group): Step[] => [
      [group, "begin", 0],
      [group, "take", 40_960],
      [group, "write", 0],
    ]);
    expect(leftAfter(all, 4 * 40_960 + 5, 5, true)).toBe(5);
  });
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
