/**
 * Nights of 24 hours with everything that goes wrong in them. `XTELEMDB_NIGHTS` runs more of them, `XTELEMDB_SEED` others; a night that fails is made shorter and
 * printed as a list of steps, which belongs into `CASES` once it is mended.
 */
import { describe } from "bun:test";
import fc from "fast-check";
import { wholeTest } from "../../testing/mod.ts";
import { simulate } from "./simulated-night.ts";
import { night, type Step } from "./steps.ts";

const NIGHTS = Number(process.env.XTELEMDB_NIGHTS ?? 1);
const SEED = Number(process.env.XTELEMDB_SEED ?? 20_261_101);
/** A whole night is 24 hours and about 250 of them; every run of the tests takes the first of them, and four hours. */
const [STEPS, HOURS] = process.env.XTELEMDB_NIGHTS === undefined ? [30, 4] : [250, 24];
const FIVE_YEARS = 5 * 365 * 86_400;

/** Each of them has gone wrong, or is what goes wrong on mountains. */
const CASES: Readonly<Record<string, readonly Step[]>> = {
  "a clock that is set back by years while a file is awaited": [
    { kind: "wait", seconds: 1 },
    { kind: "jump", seconds: -FIVE_YEARS },
    { kind: "create", directory: 0, bytes: 0 },
    { kind: "wait", seconds: 700 },
  ],
  "a clock that is set by years in both directions while a replica is away": [
    { kind: "away" },
    { kind: "create", directory: 0, bytes: 700 },
    { kind: "wait", seconds: 700 },
    { kind: "jump", seconds: FIVE_YEARS },
    { kind: "wait", seconds: 11 },
    { kind: "jump", seconds: -FIVE_YEARS },
    { kind: "back" },
    { kind: "wait", seconds: 4_000 },
  ],
  "a clock that is set forward by years just before a file fails": [
    { kind: "fill" },
    { kind: "create", directory: 0, bytes: 0 },
    { kind: "edit", variant: 2 },
    { kind: "append", file: 0, bytes: 0 },
    { kind: "create", directory: 0, bytes: 700 },
    { kind: "jump", seconds: FIVE_YEARS },
    { kind: "append", file: 0, bytes: 0 },
  ],
  "a host that comes up with a clock of years ago, after a file has failed": [
    { kind: "create", directory: 0, bytes: 700 },
    { kind: "foreign", file: 0 },
    { kind: "wait", seconds: 700 },
    { kind: "reboot", seconds: -FIVE_YEARS },
    { kind: "wait", seconds: 700 },
  ],
  "an end while the status is written, and a beginning again": [
    { kind: "create", directory: 1, bytes: 5_000 },
    { kind: "restart" },
    { kind: "create", directory: 1, bytes: 5_000 },
    { kind: "wait", seconds: 11 },
    { kind: "restart" },
  ],
  "a replica that is taken out of the configuration while its host is away, and put in again": [
    { kind: "create", directory: 0, bytes: 40_000 },
    { kind: "away" },
    { kind: "wait", seconds: 90 },
    { kind: "edit", variant: 3 },
    { kind: "wait", seconds: 90 },
    { kind: "back" },
    { kind: "edit", variant: 0 },
    { kind: "wait", seconds: 700 },
  ],
  "a disk that is swapped for another, full, and killed agents": [
    { kind: "begin", bytes: 40_000 },
    { kind: "swap" },
    { kind: "fill" },
    { kind: "kill", files: 1 },
    { kind: "append", file: 0, bytes: 40_000 },
    { kind: "wait", seconds: 4_000 },
    { kind: "return" },
    { kind: "kill", files: 0 },
    { kind: "finish", file: 0, bytes: 0 },
  ],
  "a data directory that is not mounted when the agent begins": [
    { kind: "create", directory: 2, bytes: 700 },
    { kind: "wait", seconds: 11 },
    { kind: "hide" },
    { kind: "restart" },
    { kind: "wait", seconds: 4_000 },
    { kind: "show" },
  ],
};

describe("nights that are known", () => {
  for (const [name, steps] of Object.entries(CASES)) wholeTest(name, ["root"], () => simulate(steps, 29, 0));
});

wholeTest(`${NIGHTS} nights end converged, and no law is broken in any of them`, ["root"], async () => {
  const property = fc.asyncProperty(night(STEPS), fc.nat(), (steps, seed) => simulate(steps, seed, HOURS * 3_600_000));
  await fc.assert(property, {
    numRuns: NIGHTS,
    seed: SEED,
    endOnFailure: false,
    interruptAfterTimeLimit: 180_000 + NIGHTS * 20_000,
    // A night that was interrupted has shown nothing.
    markInterruptAsFailure: true,
  });
});
