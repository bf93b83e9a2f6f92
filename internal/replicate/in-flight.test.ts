/** Many at a time, within limits, and to the end. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { forEachInFlight } from "./in-flight.ts";

test("every item is worked on once, never more of them or of their bytes at a time than allowed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(20), { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 30 }),
      async (sizes, items, bytes) => {
        const seen: number[] = [];
        let running = 0;
        let inFlight = 0;
        const all = sizes.map((size, index) => ({ size, index }));
        await forEachInFlight(
          all,
          { items, bytes },
          ({ size }) => size,
          async ({ size, index }) => {
            running += 1;
            inFlight += size;
            expect(running).toBeLessThanOrEqual(items);
            if (running > 1) expect(inFlight).toBeLessThanOrEqual(bytes);
            for (let turns = index % 5; turns > 0; turns--) await Promise.resolve();
            seen.push(index);
            running -= 1;
            inFlight -= size;
            return "go on";
          },
        );
        expect(seen.toSorted((a, b) => a - b)).toEqual(all.map(({ index }) => index));
      },
    ),
  );
});

test("after a stop nothing new begins, and what has begun is waited for", async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  await forEachInFlight(
    [0, 1, 2, 3, 4, 5],
    { items: 2, bytes: 100 },
    () => 1,
    async (index) => {
      begun.push(index);
      await Promise.resolve();
      ended.push(index);
      return index === 1 ? "stop" : "go on";
    },
  );
  expect(begun.length).toBeLessThan(6);
  expect(ended.toSorted((a, b) => a - b)).toEqual(begun);
});
