/** The judge of endurance runs sees what grows, and nothing in what only moves. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { judge } from "./judge.ts";

const TOLERANCE = { share: 0.1, units: 5 };

test("a leak is seen, however noisy, when it is larger than what is tolerated", () => {
  const noise = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 60, maxLength: 200 });
  fc.assert(
    fc.property(noise, (noises) => {
      const leaking = noises.map((noise, index) => 1000 + noise + (index / noises.length) * 1000);
      expect(judge(leaking, TOLERANCE).isFlat).toBe(false);
    }),
  );
});

test("noise, a warming up, and a single peak are flat", () => {
  const noise = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 60, maxLength: 200 });
  fc.assert(
    fc.property(noise, fc.nat(59), (noises, peak) => {
      const warming = noises.map(
        (noise, index) => Math.min(1000, 400 + index * (1800 / noises.length)) + noise + (index === peak ? 5000 : 0),
      );
      expect(judge(warming, TOLERANCE).isFlat).toBe(true);
    }),
  );
});

test("what stays, and what shrinks, is flat; a step in the last third is not", () => {
  expect(judge([5, 5, 5, 5, 5, 5], TOLERANCE)).toEqual({ first: 5, middle: 5, last: 5, isFlat: true });
  expect(judge([90, 80, 70, 60, 50, 40], TOLERANCE).isFlat).toBe(true);
  expect(judge([10, 10, 10, 10, 20, 20], TOLERANCE).isFlat).toBe(false);
});
