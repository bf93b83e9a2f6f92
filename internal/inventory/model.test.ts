/** What evidence says when two moments are compared. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Evidence, hasGoneBack } from "./mod.ts";

const evidence: fc.Arbitrary<Evidence> = fc.record({
  size: fc.nat(5),
  mtimeSeconds: fc.integer({ min: -2, max: 2 }),
  mtimeNanoseconds: fc.nat(2),
});

const nanoseconds = ({ mtimeSeconds, mtimeNanoseconds }: Evidence): bigint =>
  BigInt(mtimeSeconds) * 1_000_000_000n + BigInt(mtimeNanoseconds);

test("a source has gone back when it is older, or as old and smaller, and then its copy has not gone back behind it", () => {
  fc.assert(
    fc.property(evidence, evidence, (now, copied) => {
      const [a, b] = [nanoseconds(now), nanoseconds(copied)];
      expect(hasGoneBack(now, copied)).toBe(a < b || (a === b && now.size < copied.size));
      if (hasGoneBack(now, copied)) expect(hasGoneBack(copied, now)).toBe(false);
    }),
  );
});
