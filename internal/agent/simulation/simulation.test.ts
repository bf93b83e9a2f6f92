/** Nights of 24 hours with everything that goes wrong in them. `XTELEMDB_NIGHTS` runs more of them, `XTELEMDB_SEED` others. */
import { expect } from "bun:test";
import fc from "fast-check";
import { wholeTest } from "../../testing/mod.ts";
import { simulate } from "./simulated-night.ts";
import { night } from "./steps.ts";

const NIGHTS = Number(process.env.XTELEMDB_NIGHTS ?? 4);
const SEED = Number(process.env.XTELEMDB_SEED ?? 20_261_101);
const STEPS = 100;

wholeTest(`${NIGHTS} nights end converged, and no law is broken in any of them`, ["root"], async () => {
  const property = fc.asyncProperty(night(STEPS), fc.nat(), simulate);
  await fc.assert(property, {
    numRuns: NIGHTS,
    seed: SEED,
    endOnFailure: false,
    interruptAfterTimeLimit: 110_000 + NIGHTS * 1_000,
  });
  expect(NIGHTS).toBeGreaterThan(0);
});
