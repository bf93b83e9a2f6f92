/** Runs cases side by side, each runner in a world of its own. */
import { type CaseResult, ERRORS, type FaultCase, runCase } from "./fault-case.ts";
import { type FaultPoint, faultPoints } from "./fault-points.ts";
import { FaultWorld } from "./fault-world.ts";

/** Mulberry32: the same seed gives the same sample (https://gist.github.com/tommyettinger/46a874533244883189143505d203312c). */
function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many of the cases, chosen by the seed. */
export function sample<Item>(items: readonly Item[], count: number, seed: number): Item[] {
  const next = chance(seed);
  return items
    .map((item) => ({ item, at: next() }))
    .toSorted((a, b) => a.at - b.at)
    .slice(0, count)
    .map(({ item }) => item);
}

export const crashCases = (points: readonly FaultPoint[]): FaultCase[] =>
  points.map((point) => ({ ...point, fault: { kind: "kill" } }));

/** Each error at each point; or, with a seed, one error at each. */
export function errorCases(points: readonly FaultPoint[], seed?: number): FaultCase[] {
  const next = chance(seed ?? 0);
  return points.flatMap((point) => {
    const chosen = ERRORS[Math.floor(next() * ERRORS.length)];
    return ERRORS.filter((code) => seed === undefined || code === chosen).map(
      (code): FaultCase => ({ ...point, fault: { kind: "error", code } }),
    );
  });
}

/** The points of the world. */
export async function pointsOfWorld(): Promise<readonly FaultPoint[]> {
  using world = await FaultWorld.make();
  return await faultPoints(world);
}

/** Runs the cases; results in the order in which they end. `jobs`: how many side by side. */
export async function sweep(
  cases: readonly FaultCase[],
  jobs: number,
  onResult: (result: CaseResult) => void = () => undefined,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  const left = cases.values();
  const runner = async (): Promise<void> => {
    using world = await FaultWorld.make();
    for (const one of left) {
      const result = await runCase(world, one);
      results.push(result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, cases.length) }, runner));
  return results;
}
