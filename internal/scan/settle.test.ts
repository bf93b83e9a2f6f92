import { expect, test } from "bun:test";
import fc from "fast-check";
import { isQuiet, type Sighting, stateOf } from "./settle.ts";

const NOW = 1_800_000_000;
const time = fc.integer({ min: -(2 ** 33), max: 2 ** 34 });
const settleSeconds = fc.double({ min: 0, max: 100_000, noNaN: true });

test.each([
  ["quiet for longer", NOW - 11, NOW - 11, 10, true],
  ["quiet for exactly as long", NOW - 10, NOW - 10, 10, true],
  ["younger", NOW - 9, NOW - 9, 10, false],
  ["0s: at once", NOW, NOW, 0, true],
  ["old, its mode was changed just now", NOW - 100, NOW, 10, true],
  ["from the future, changed long ago", NOW + 1e9, NOW - 100, 10, true],
  ["from the future, changed just now", NOW + 1e9, NOW - 1, 10, false],
  ["from the future in both: the clock was set back", NOW + 1e9, NOW + 1e9, 10, true],
  ["modified since the question was asked", NOW + 1, NOW + 1, 10, false],
  ["modified since the question was asked, 0s", NOW + 1, NOW + 1, 0, true],
  ["before 1970", -1, NOW, 10, true],
])("%s", (_what, mtime, ctime, settle, settled) => {
  expect(isQuiet({ now: NOW, settleSeconds: settle }, mtime, ctime)).toBe(settled);
});

test.each([
  ["never seen before", undefined, false],
  ["seen a moment ago", NOW - 9, false],
  ["seen as it is for as long", NOW - 10, true],
  ["seen in our own future: our clock was set back", NOW + 1, true],
])("over ssh, from the future of our clock, and %s", (_what, seenSince, settled) => {
  const rule = { now: NOW, settleSeconds: 10, farClock: true } as const;
  expect(isQuiet(rule, NOW + 100, NOW + 100, () => seenSince)).toBe(settled);
  expect(isQuiet(rule, NOW - 10, NOW - 10, () => undefined)).toBe(true);
  expect(isQuiet({ ...rule, settleSeconds: 0 }, NOW + 100, NOW + 100)).toBe(true);
});

test("every file settles in the end, if nobody touches it", () => {
  fc.assert(
    fc.property(time, time, settleSeconds, (modified, changed, settle) => {
      const late = Math.max(modified, changed) + settle + 1;
      expect(isQuiet({ now: late, settleSeconds: settle }, modified, changed)).toBe(true);
    }),
  );
});

test("a modification time in the future holds a file back for settle after its change, and no longer", () => {
  fc.assert(
    fc.property(time, settleSeconds, fc.integer({ min: 1, max: 2 ** 33 }), (changed, settle, ahead) => {
      const now = changed + settle + 1;
      expect(isQuiet({ now, settleSeconds: settle }, now + ahead, changed)).toBe(true);
      fc.pre(settle >= 1);
      expect(isQuiet({ now: changed, settleSeconds: settle }, changed + ahead, changed)).toBe(false);
    }),
  );
});

test("after the clock was set nothing is quiet until settle has passed", () => {
  fc.assert(
    fc.property(time, time, settleSeconds, (modified, changed, settle) => {
      fc.pre(settle >= 1);
      expect(isQuiet({ now: NOW, settleSeconds: settle, notBefore: NOW }, modified, changed)).toBe(false);
      const late = Math.max(NOW, modified, changed) + settle + 1;
      expect(isQuiet({ now: late, settleSeconds: settle, notBefore: NOW }, modified, changed)).toBe(true);
    }),
  );
});

const sighting: fc.Arbitrary<Sighting> = fc.record({
  modified: time,
  changed: time,
  writers: fc.constantFrom("none", "some", "unknown"),
  wasTried: fc.boolean(),
  coarse: fc.boolean(),
});

test("what is open for writing grows; what is quiet and not open is settled; closed and never copied is settled at once", () => {
  fc.assert(
    fc.property(sighting, settleSeconds, (seen, settle) => {
      const rule = { now: NOW, settleSeconds: settle };
      const state = stateOf(rule, seen);
      if (seen.writers === "some") expect(state).toBe("growing");
      else if (isQuiet(rule, seen.modified, seen.changed)) expect(state).toBe("settled");
      else if (seen.coarse && NOW - Math.max(seen.modified, seen.changed) < 2) expect(state).toBe("growing");
      else expect(state).toBe(seen.writers === "none" && !seen.wasTried ? "settled" : "growing");
    }),
  );
});

test("every state has an exit: a file that its writers leave settles, whatever happened to the clock", () => {
  fc.assert(
    fc.property(sighting, settleSeconds, fc.option(time, { nil: undefined }), (seen, settle, clockSetAt) => {
      const late = Math.max(seen.modified, seen.changed, clockSetAt ?? 0) + settle + 1;
      const rule = { now: late, settleSeconds: settle, ...(clockSetAt === undefined ? {} : { notBefore: clockSetAt }) };
      fc.pre(seen.writers !== "some");
      expect(stateOf(rule, seen)).toBe("settled");
    }),
  );
});
