import { expect, test } from "bun:test";
import fc from "fast-check";
import { Throttle } from "./throttle.ts";

const SECOND = 1_000_000_000n;

test("over any stretch of time no more is written than the limit allows, and a tenth of a second more", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_000, max: 100_000_000 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 300_000_000 }), fc.integer({ min: 1, max: 1 << 20 }), fc.boolean()), {
        maxLength: 50,
      }),
      (limit, wishes) => {
        // Two workers with one shared number, as they have it.
        const shared = new SharedArrayBuffer(8);
        const workers = [new Throttle(shared, limit), new Throttle(shared, limit)];
        let now = 10n * SECOND;
        const begins: { at: bigint; bytes: number }[] = [];
        for (const [pause, bytes, other] of wishes) {
          now += BigInt(pause);
          const wait = workers[other ? 1 : 0]?.reserve(bytes, now) ?? 0n;
          begins.push({ at: now + wait, bytes });
        }
        for (const [index, first] of begins.entries()) {
          let total = 0;
          for (const { at, bytes } of begins.slice(index)) {
            // What begins in the stretch counts, but the last, which has only begun.
            const allowed = (Number(at - first.at) / 1e9 + 0.1) * limit;
            expect(total).toBeLessThanOrEqual(allowed + wishes.length);
            total += bytes;
          }
        }
      },
    ),
  );
});

test("who keeps below the limit never waits", () => {
  const throttle = new Throttle(new SharedArrayBuffer(8), 1_000_000);
  for (let second = 1n; second < 20n; second++) expect(throttle.reserve(900_000, second * SECOND)).toBe(0n);
});

test("taking waits for as long as it must", async () => {
  const throttle = new Throttle(new SharedArrayBuffer(8), 10_000_000);
  const begun = performance.now();
  for (let index = 0; index < 5; index++) await throttle.take(500_000);
  // 2.5 MB at 10 MB/s, less the burst, and the last has only begun.
  expect(performance.now() - begun).toBeGreaterThanOrEqual(90);
});
