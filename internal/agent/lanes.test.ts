import { expect, test } from "bun:test";
import fc from "fast-check";
import { nextKind } from "./lanes.ts";

const both = (): boolean => true;

test("small files never wait for large ones, and no place stays empty", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16 }), fc.array(fc.boolean(), { maxLength: 200 }), (places, endsLarge) => {
      const running = { small: 0, large: 0 };
      let last: "small" | "large" = "large";
      for (const preferLarge of endsLarge) {
        for (let kind = nextKind(places, running, last, both); kind !== undefined; kind = nextKind(places, running, last, both)) {
          running[kind] += 1;
          last = kind;
        }
        expect(running.small).toBeGreaterThan(0);
        expect(running.small + running.large).toBeGreaterThanOrEqual(places);
        expect(running.small + running.large).toBeLessThanOrEqual(places + 1);
        const ending = preferLarge && running.large > 0 ? "large" : "small";
        running[ending] -= 1;
      }
    }),
  );
});

test("one kind alone takes every place", () => {
  for (const only of ["small", "large"] as const) {
    const running = { small: 0, large: 0 };
    for (let at = 0; at < 4; at++) {
      expect(nextKind(4, running, only, (kind) => kind === only)).toBe(only);
      running[only] += 1;
    }
    expect(nextKind(4, running, only, (kind) => kind === only)).toBeUndefined();
  }
});

test("a large file waits for the next small group to end, and no longer", () => {
  const running = { small: 2, large: 0 };
  expect(nextKind(2, running, "small", both)).toBeUndefined();
  running.small -= 1;
  expect(nextKind(2, running, "small", both)).toBe("large");
});

test("where there is one place a large file gets its turn, and a small group may go beside it", () => {
  expect(nextKind(1, { small: 0, large: 0 }, "small", both)).toBe("large");
  expect(nextKind(1, { small: 0, large: 1 }, "large", both)).toBe("small");
  expect(nextKind(1, { small: 1, large: 1 }, "small", both)).toBeUndefined();
  expect(nextKind(1, { small: 0, large: 0 }, "large", both)).toBe("small");
});
