/** A sample of the sweeps of scripts/faults, and the proof that their checks see what they are to see. */
import { describe, expect, test } from "bun:test";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { sample } from "../../internal/testing/chosen-cases.ts";
import {
  brokenLaws,
  COMMAND_NAMES,
  caseName,
  caseOf,
  commandCases,
  commandRow,
  crashCases,
  ERRORS,
  errorCases,
  FaultWorld,
  finishedCount,
  lookAt,
  notIsolated,
  pointsOf,
  SCENES,
  type Scene,
  shortTransfers,
  sweep,
} from "../../internal/testing/faults/mod.ts";
import { HOST, inventoryExecute, MARKER, wholeTest } from "../../internal/testing/mod.ts";

const SEED = Number(process.env.XTELEMDB_SEED ?? 1);
/** A world is made for each; another test runs beside this one. */
const JOBS = 1;
const COMMANDS = 2;
const SAMPLES: Readonly<Record<Scene, { readonly kills: number; readonly errors: number }>> = {
  local: { kills: 1, errors: 2 },
  ssh: { kills: 1, errors: 1 },
  "far-end": { kills: 1, errors: 1 },
};
/** Calls that a run of the scene must be seen to make. */
const CALLS: Readonly<Record<Scene, readonly string[]>> = {
  local: ["openat", "pwrite64", "fsync", "renameat2", "mkdirat", "utimensat", "statx", "getdents64"],
  ssh: ["sendto", "recvfrom"],
  "far-end": ["openat", "write", "fsync", "link", "rename", "mkdir", "unlink", "read"],
};

for (const scene of SCENES) {
  wholeTest(
    `${scene}: killed or refused at any system call, nothing is torn, lost or falsely current`,
    scene === "local" ? ["strace"] : ["strace", "sshd"],
    async () => {
      const points = await pointsOf(scene);
      expect(points.map((point) => point.call)).toEqual(expect.arrayContaining([...CALLS[scene]]));
      const { kills, errors } = SAMPLES[scene];
      const cases = [...sample(crashCases(points), kills, SEED), ...sample(errorCases(points, SEED), errors, SEED)];
      const results = await sweep(scene, cases, JOBS);
      expect(results.filter(({ failures }) => failures.length > 0)).toEqual([]);
      expect(results.filter(({ disturbed }) => disturbed).length).toBeGreaterThan(cases.length / 2);
    },
  );
}

wholeTest("other commands, killed at any system call, end well when they are run again", ["strace"], async () => {
  const cases = sample(await commandCases(sample(COMMAND_NAMES, COMMANDS, SEED)), COMMANDS, SEED);
  const said: string[] = [];
  const options = { quick: false, seed: SEED, jobs: JOBS, say: (line: string) => said.push(line) };
  expect(await commandRow(cases, options, "commands"), said.join("\n")).toMatchObject({
    tried: COMMANDS,
    disturbed: COMMANDS,
    failed: 0,
  });
});

wholeTest("reads and writes that transfer less than asked are gone on with", ["fusepy"], async () => {
  expect((await shortTransfers(SEED)).failures).toEqual([]);
});

wholeTest("an inventory that takes no more writes at the very end has everything in its log", ["strace"], async () => {
  using world = await FaultWorld.make();
  const refused = { inject: ["pwrite64:error=EIO"], paths: [world.database] };
  const outcome = await world.traced(["sync"], refused);
  expect(outcome.calls.join()).toContain("(INJECTED)");
  expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
  const looked = lookAt(world);
  expect([finishedCount(looked), brokenLaws(world, looked)]).toEqual([world.pending, []]);
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

  wholeTest("what an error at one replica cost the other, and what an error at one file cost the others", [], async () => {
    using world = await FaultWorld.make();
    expect((await world.sync()).code).toBe(0);
    const done = lookAt(world);
    const [place = ""] = world.pendingPlaces;
    const at = (replica: string): string[] => [`fsync(9<${world.path(replica)}/${place}>) = -1 EIO (INJECTED)`];
    expect([notIsolated(world, at("backup"), done), notIsolated(world, at("second"), done)]).toEqual([[], []]);
    const { [`${world.path("second")}/${place}`]: _, ...finished } = done.finished;
    expect(notIsolated(world, at("second"), { ...done, finished })).toEqual([]);
    expect(notIsolated(world, at("backup"), { ...done, finished })).toHaveLength(1);
    // Two threads, each struck at its own call.
    expect(notIsolated(world, [...at("backup"), ...at("second")], { ...done, finished })).toEqual([]);
    const read = (file: string): string[] => [`read(9<${world.originPath(file)}>, "", 4096) = -1 EIO (INJECTED)`];
    expect(notIsolated(world, read(place), { ...done, finished })).toEqual([]);
    expect(notIsolated(world, read(world.pendingPlaces[1] ?? ""), { ...done, finished })).toHaveLength(1);
  });
});

describe("a case", () => {
  test("has a name by which it is found again", () => {
    const fault = fc.constantFrom<"kill" | (typeof ERRORS)[number]>("kill", ...ERRORS);
    const prefix = fc.constantFrom("", "ssh/", "far-end/");
    const call = fc.constantFrom("renameat2", "pwrite64");
    fc.assert(
      fc.property(prefix, call, fc.integer({ min: 1, max: 9999 }), fault, (scene, name, when, word) => {
        const one = caseOf(`${scene}${name}:${when}:${word}`);
        expect(one === undefined ? undefined : caseName(one)).toBe(`${scene}${name}:${when}:${word}`);
      }),
    );
    expect(caseOf("nowhere/renameat2:1:kill")).toBeUndefined();
    expect(caseOf("renameat2:x:kill")).toBeUndefined();
    expect(caseOf("renameat2:1:ENOSUCH")).toBeUndefined();
  });
});
