/** A sample of the sweeps of scripts/faults, and the proof that their checks see what they are to see. */
import { describe, expect, test } from "bun:test";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  brokenLaws,
  caseName,
  caseOf,
  crashCases,
  ERRORS,
  errorCases,
  FaultWorld,
  lookAt,
  pointsOfWorld,
  sample,
  sweep,
} from "../../internal/testing/faults/mod.ts";
import { HOST, inventoryExecute, MARKER, wholeTest } from "../../internal/testing/mod.ts";

const SEED = Number(process.env.XTELEMDB_SEED ?? 1);
const SAMPLE = 20;
const JOBS = 2;

wholeTest(
  "killed or refused at any system call that changes something, nothing is torn, lost or falsely current",
  ["strace"],
  async () => {
    const points = await pointsOfWorld();
    expect(points.length).toBeGreaterThan(100);
    for (const call of ["openat", "pwrite64", "fsync", "renameat2", "mkdirat", "utimensat"]) {
      expect(points.map((point) => point.call)).toContain(call);
    }
    const cases = [...sample(crashCases(points), SAMPLE, SEED), ...sample(errorCases(points, SEED), SAMPLE, SEED)];
    const results = await sweep(cases, JOBS);
    expect(results.filter(({ failures }) => failures.length > 0)).toEqual([]);
    expect(results.filter(({ disturbed }) => disturbed).length).toBeGreaterThan(SAMPLE);
  },
);

wholeTest("an inventory that takes no more writes at the very end has everything in its log", ["strace"], async () => {
  using world = await FaultWorld.make();
  const refused = { inject: ["pwrite64:error=EIO"], paths: [world.database] };
  const outcome = await world.traced(["sync"], refused);
  expect(outcome.calls.join()).toContain("(INJECTED)");
  expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
  const looked = lookAt(world);
  expect([looked.finished, brokenLaws(world, looked)]).toEqual([world.pending, []]);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
});

describe("the checks see", () => {
  wholeTest("a torn file, a lost one, a false row, a damaged inventory, another marker, a temporary file", [], async () => {
    using world = await FaultWorld.make();
    expect(brokenLaws(world, lookAt(world))).toEqual([]);
    const copy = (path: string): string => `${world.path("backup")}/${HOST}${world.data}/${path}`;
    appendFileSync(copy("d1/4"), "more than there was");
    const torn = lookAt(world);
    expect([torn.torn, torn.falseCurrent]).toEqual([[copy("d1/4")], [copy("d1/4")]]);
    world.reset();
    rmSync(copy("gone/1"));
    expect([lookAt(world).lost, lookAt(world).falseCurrent]).toEqual([[copy("gone/1")], [copy("gone/1")]]);
    world.reset();
    inventoryExecute(world.database, "update file_replica set size = size + 1 where file_origin_id = 4 and replica_id = 1");
    expect(lookAt(world).falseCurrent).toHaveLength(1);
    world.reset();
    writeFileSync(join(world.path("backup"), ".xtelemdb-0123456789abcdef.part"), "");
    expect(lookAt(world).temporary).toHaveLength(1);
    world.reset();
    writeFileSync(join(world.path("second"), MARKER), "{}");
    expect(brokenLaws(world, lookAt(world))).toEqual(["a marker has changed"]);
  });
});

describe("a case", () => {
  test("has a name by which it is found again", () => {
    const fault = fc.constantFrom<"kill" | (typeof ERRORS)[number]>("kill", ...ERRORS);
    fc.assert(
      fc.property(fc.constantFrom("renameat2", "pwrite64"), fc.integer({ min: 1, max: 9999 }), fault, (call, when, word) => {
        const one = caseOf(`${call}:${when}:${word}`);
        expect(one === undefined ? undefined : caseName(one)).toBe(`${call}:${when}:${word}`);
      }),
    );
    expect(caseOf("renameat2:x:kill")).toBeUndefined();
    expect(caseOf("renameat2:1:ENOSUCH")).toBeUndefined();
  });
});
