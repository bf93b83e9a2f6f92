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
    fc.property(time, time, settleSeconds, (mtime, ctime, settle) => {
      const late = Math.max(mtime, ctime) + settle + 1;
      expect(isSettled({ now: late, settleSeconds: settle }, mtime, ctime)).toBe(true);
      // And however wrong its times are: at most "settle" after the change that the kernel noted.
      expect(isSettled({ now: ctime + settle + 1, settleSeconds: settle }, mtime, ctime)).toBe(
        mtime <= ctime || mtime > ctime + settle + 1 || ctime + settle + 1 - mtime >= settle,
      );
    }),
  );
});
