import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ImportVerdict, importVerdict, type KnownFile } from "./import-verdict.ts";
import { agreeingEvidence, type Evidence, ORIGIN_STATES, type OriginState } from "./model.ts";

const F: Evidence = { size: 10, mtimeSeconds: 1_000, mtimeNanoseconds: 5 };
const TOUCHED = { ...F, mtimeSeconds: 1_060 };
const LONGER = { ...F, size: 11 };
const LATER = { ...TOUCHED, size: 11 };
const WHOLE = { ...F, mtimeNanoseconds: 0 };
const NEAR = { ...F, mtimeSeconds: 1_001, mtimeNanoseconds: 0 };

const origin = (evidence: Evidence, state: OriginState = "settled"): KnownFile => ({ state, evidence });
const withCopy = (looks: Evidence, place = ""): KnownFile => ({ ...origin(looks), copy: { looks, place } });

/** What is known, what is found, whether the replica is far, and the verdict. */
const TABLE: readonly (readonly [string, KnownFile | undefined, Evidence, boolean, ImportVerdict["kind"]])[] = [
  ["nothing is known", undefined, F, false, "imported"],
  ...ORIGIN_STATES.map((state) => [`an origin that is ${state} agrees`, origin(F, state), F, false, "linked"] as const),
  ...ORIGIN_STATES.map(
    (state) => [`an origin that is ${state} has another size`, origin(LONGER, state), F, false, "origin-differs"] as const,
  ),
  ...ORIGIN_STATES.map(
    (state) =>
      [
        `an origin that is ${state} is older and shorter`,
        origin(F, state),
        LATER,
        false,
        state === "imported" ? "later" : "origin-differs",
      ] as const,
  ),
  ["an imported origin is older and longer", origin({ ...F, size: 20 }, "imported"), LATER, false, "origin-differs"],
  ["an imported origin is as old and shorter", origin(F, "imported"), LONGER, false, "origin-differs"],
  ["an imported origin is older and as long", origin(F, "imported"), TOUCHED, false, "origin-differs"],
  ["the origin has another time", origin(TOUCHED), F, false, "origin-differs"],
  ["the origin's time has nanoseconds, the copy's has none", origin(F), WHOLE, false, "linked"],
  ["the copy's time has nanoseconds, the origin's (over ssh) has none", origin(WHOLE), F, false, "linked"],
  ["a second apart, on this machine", origin(F), NEAR, false, "origin-differs"],
  ["a second apart, over ssh", origin(F), NEAR, true, "linked"],
  ["a minute apart, over ssh", origin(F), TOUCHED, true, "origin-differs"],
  ["another size, over ssh", origin(F), LONGER, true, "origin-differs"],
  ["the copy is recorded as it is", withCopy(F), F, false, "known"],
  ["the copy is recorded with another size", withCopy(LONGER), F, false, "copy-differs"],
  ["the copy is recorded with another time", withCopy(TOUCHED), F, false, "copy-differs"],
  ["a copy is recorded elsewhere, equal", withCopy(F, "aoc/logs"), F, false, "second-copy"],
  ["a copy is recorded elsewhere, and differs", withCopy(LONGER, "aoc/logs"), F, false, "second-copy"],
];

describe("a file that is found at a replica, when", () => {
  for (const [what, known, evidence, nearly, kind] of TABLE) {
    test(`${what}, is ${kind}`, () => {
      expect(importVerdict(known, { evidence, place: "" }, nearly).kind).toBe(kind);
    });
  }
});

test("a copy that is linked to an origin with another spelling of the time keeps its own beside it", () => {
  expect(importVerdict(origin(F), { evidence: WHOLE, place: "" }, false)).toEqual({ kind: "linked", kept: WHOLE });
  expect(importVerdict(origin(F), { evidence: F, place: "" }, false)).toEqual({ kind: "linked" });
});

test("a conflict says what the two differ in", () => {
  const message = (known: KnownFile, evidence: Evidence): string => {
    const verdict = importVerdict(known, { evidence, place: "" }, false);
    return "message" in verdict ? verdict.message : "";
  };
  expect(message(origin(LONGER), F)).toBe("the copy has 10 bytes, its origin 11 (settled)");
  expect(message(origin(TOUCHED), F)).toBe("the copy is of 1970-01-01T00:16:40Z, its origin of 1970-01-01T00:17:40Z (settled)");
});

test("agreement is mutual, and never between different sizes or more than a second", () => {
  const evidence = fc.record({
    size: fc.nat(3),
    mtimeSeconds: fc.integer({ min: -3, max: 3 }),
    mtimeNanoseconds: fc.constantFrom(0, 1, 500_000_000, 999_999_999),
  });
  fc.assert(
    fc.property(evidence, evidence, fc.boolean(), (a, b, nearly) => {
      const agree = agreeingEvidence(a, b, nearly);
      expect(agreeingEvidence(b, a, nearly)).toBe(agree);
      expect(agreeingEvidence(a, a, nearly)).toBe(true);
      if (!agree) return;
      expect(a.size).toBe(b.size);
      expect(Math.abs(a.mtimeSeconds - b.mtimeSeconds)).toBeLessThanOrEqual(nearly ? 1 : 0);
    }),
  );
});
