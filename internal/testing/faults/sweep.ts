/** Runs cases side by side, each runner in a world of its own. */
import { chance } from "../chosen-cases.ts";
import { type CaseResult, runCase } from "./fault-case.ts";
import { faultPoints } from "./fault-points.ts";
import { FaultWorld } from "./fault-world.ts";
import { ERRORS, type FaultCase, type FaultPoint, type Scene } from "./scene.ts";

/** Killed at every call that changes something. */
export const crashCases = (points: readonly FaultPoint[]): FaultCase[] =>
  points.filter(({ changes }) => changes).map(({ scene, call, when }) => ({ scene, call, when, fault: { kind: "kill" } }));

/** Every error at each call that changes something on this machine; one, chosen by the seed, at each that only looks and at each of the far end. */
export function errorCases(points: readonly FaultPoint[], seed: number): FaultCase[] {
  const next = chance(seed);
  return points.flatMap(({ scene, call, when, changes }) => {
    const chosen = ERRORS[Math.floor(next() * ERRORS.length)];
    return ERRORS.filter((code) => (changes && scene !== "far-end") || code === chosen).map(
      (code): FaultCase => ({ scene, call, when, fault: { kind: "error", code } }),
    );
  });
}

/** The points of a scene. */
export async function pointsOf(scene: Scene): Promise<readonly FaultPoint[]> {
  using world = await FaultWorld.make(scene);
  return await faultPoints(world);
}

/** Runs cases of one scene; results in the order in which they end. `jobs`: how many side by side. */
export async function sweep(
  scene: Scene,
  cases: readonly FaultCase[],
  jobs: number,
  onResult: (result: CaseResult) => void = () => undefined,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  const left = cases.values();
  const runner = async (): Promise<void> => {
    using world = await FaultWorld.make(scene);
    for (const one of left) {
      const result = await runCase(world, one);
      results.push(result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, cases.length) }, runner));
  return results;
}
