import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatDuration, formatShare, parseDuration, parseShare, parseSize } from "./units.ts";

describe("durations", () => {
  test.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["10m", 600_000],
    ["1h30m", 5_400_000],
    ["30d", 2_592_000_000],
    ["1w", 604_800_000],
    ["0s", 0],
  ])("%p is %p milliseconds", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  test.each(["", "10", "-1s", "1.5h", "10 m", "10min", "ten minutes", "s", "1H", `${"9".repeat(30)}d`, " 1s", "1s\n"])(
    "%p is no duration",
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  test("what is written is read back", () => {
    fc.assert(fc.property(fc.maxSafeNat(), (milliseconds) => parseDuration(formatDuration(milliseconds)) === milliseconds));
  });
});

describe("sizes", () => {
  test.each([
    ["0", 0],
    ["0 B", 0],
    ["1 GiB", 2 ** 30],
    ["500MB", 500_000_000],
    ["1.5 TiB", 1.5 * 2 ** 40],
    ["7 kB", 7_000],
  ])("%p is %p bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(["", "1", "-1 GiB", "1 gib", "1 Gib", "GiB", "1,5 GB", "99999999999 TiB", "1e3 B", "1 GiB "])(
    "%p is no size",
    (text) => {
      expect(parseSize(text)).toBeUndefined();
    },
  );

  test("a number of bytes is read as itself", () => {
    fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseSize(`${bytes} B`) === bytes));
  });
});

describe("shares", () => {
  test.each([
    ["0%", 0],
    ["20%", 0.2],
    ["0.5%", 0.005],
    ["100%", 1],
  ])("%p is the share %p", (text, share) => {
    expect(parseShare(text)).toBe(share);
  });

  test.each(["", "20", "0.2", "101%", "-1%", "20 %", "%", "1e1%", "0.0000001%"])("%p is no share", (text) => {
    expect(parseShare(text)).toBeUndefined();
  });

  test("what is written is read back", () => {
    fc.assert(
      fc.property(fc.nat({ max: 100_000_000 }), (millionths) => {
        const share = parseShare(`${Math.floor(millionths / 1e6)}.${String(millionths % 1e6).padStart(6, "0")}%`);
        return share !== undefined && parseShare(formatShare(share)) === share;
      }),
    );
  });
});
