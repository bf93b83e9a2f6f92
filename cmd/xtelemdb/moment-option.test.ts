import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseMoment } from "./moment-option.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");

test.each([
  ["2h", "2026-11-24T10:00:00.000Z"],
  ["1d12h", "2026-11-23T00:00:00.000Z"],
  ["2026-11-01", "2026-11-01T00:00:00.000Z"],
  ["2026-11-01T08:00", "2026-11-01T08:00:00.000Z"],
  ["2026-11-01T08:00:15.5Z", "2026-11-01T08:00:15.500Z"],
  ["2026-11-01T08:00-03:00", "2026-11-01T11:00:00.000Z"],
])("since=%s is %s", (text, expected) => {
  expect(new Date(parseMoment(text, NOW) ?? 0).toISOString()).toBe(expected);
});

test.each(["", "2", "yesterday", "2 h", "-2h", "2026-13-01", "2026-11-01 08:00", "2026-11-01T25:00", "Nov 1"])(
  "since=%p is refused",
  (text) => {
    expect(parseMoment(text, NOW)).toBeUndefined();
  },
);

test("every time that is printed can be given back", () => {
  fc.assert(
    fc.property(fc.date({ noInvalidDate: true, min: new Date("1970-01-01"), max: new Date("9999-12-31") }), (date) => {
      expect(parseMoment(date.toISOString(), NOW)).toBe(date.getTime());
    }),
  );
});
