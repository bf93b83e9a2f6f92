import { expect, test } from "bun:test";
import fc from "fast-check";
import { isSettled } from "./settle.ts";

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
  ["before 1970", -1, NOW, 10, true],
])("%s", (_what, mtime, ctime, settle, settled) => {
  expect(isSettled({ now: NOW, settleSeconds: settle }, mtime, ctime)).toBe(settled);
});

test("every file settles in the end, if nobody touches it", () => {
  fc.assert(
    fc.property(time, time, settleSeconds, (modified, changed, settle) => {
      const late = Math.max(modified, changed) + settle + 1;
      expect(isSettled({ now: late, settleSeconds: settle }, modified, changed)).toBe(true);
    }),
  );
});

test("a modification time in the future holds a file back for settle after its change, and no longer", () => {
  fc.assert(
    fc.property(time, settleSeconds, fc.integer({ min: 1, max: 2 ** 33 }), (changed, settle, ahead) => {
      const now = changed + settle + 1;
      expect(isSettled({ now, settleSeconds: settle }, now + ahead, changed)).toBe(true);
      fc.pre(settle >= 1);
      expect(isSettled({ now: changed, settleSeconds: settle }, changed + ahead, changed)).toBe(false);
    }),
  );
});
