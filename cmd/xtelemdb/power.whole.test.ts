/** A sample of the power cuts of scripts/faults, and the proof that their checks see a disk that ignores flushes. */
import { afterAll, describe, expect, test } from "bun:test";
import { sample } from "../../internal/testing/chosen-cases.ts";
import { type Requirement, wholeTest } from "../../internal/testing/mod.ts";
import {
  allCuts,
  type Cut,
  cutName,
  cutOf,
  cutPower,
  GROUNDS,
  KEPT,
  Recording,
  runPowerCase,
} from "../../internal/testing/power/mod.ts";

const SEED = Number(process.env.XTELEMDB_SEED ?? 1);
const SAMPLE = 2;
const JOBS = 1;
const NEEDS: readonly Requirement[] = ["dev-fuse", "loop", "namespaces"];

let made: Promise<Recording> | undefined;
const recording = (): Promise<Recording> => {
  made ??= Recording.make(GROUNDS[0]);
  return made;
};

afterAll(async () => (await made)?.[Symbol.dispose]());

wholeTest(
  "the power cut at any flush, nothing is torn, lost or falsely current, and the next runs finish the work",
  NEEDS,
  async () => {
    const recorded = await recording();
    const all = allCuts(recorded);
    expect(all.length).toBeGreaterThan(500);
    for (const step of recorded.steps.keys()) expect(all.filter((cut) => cut.step === step).length).toBeGreaterThan(KEPT.length);
    const results = await cutPower(recorded, sample(all, SAMPLE, SEED), { seed: SEED, jobs: JOBS });
    expect(results.filter(({ failures }) => failures.length > 0)).toEqual([]);
    expect(results).toHaveLength(SAMPLE);
  },
);

describe("the checks see a disk that ignores flushes:", () => {
  const ends: readonly (readonly [step: string, deaf: "state" | "backup" | "data", what: RegExp])[] = [
    ["add-replica", "state", /^the configuration says/],
    ["add-replica", "backup", /at the replica's root is gone$/],
    ["first-sync", "backup", /^current, and it is not/],
    ["sync", "backup", /^current, and it is not/],
    ["backup", "state", /saved\.db is gone$/],
    ["restore", "data", /^lost/],
    ["import", "backup", /^current, and it is not/],
  ];
  for (const [step, deaf, what] of ends) {
    wholeTest(`that of ${deaf}, after ${step}`, NEEDS, async () => {
      const cut: Cut = { step, flush: "end", kept: "nothing" };
      const { failures } = await runPowerCase(await recording(), cut, { seed: SEED, deaf: [deaf] });
      expect(failures).toContainEqual(expect.stringMatching(what));
    });
  }
});

test("a cut has a name by which it is found again", () => {
  for (const kept of KEPT)
    for (const flush of [7, "end"] as const) {
      const cut: Cut = { step: "first-sync", flush, kept };
      expect(cutOf(cutName(cut))).toEqual(cut);
    }
  expect(cutOf("first-sync:7:anything")).toBeUndefined();
  expect(cutOf("first-sync:all:nothing")).toBeUndefined();
});
