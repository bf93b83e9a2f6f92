/** A few seconds of the endurance run of scripts/faults: that it runs, converges, and is judged. Only a long run tells of leaks. */
import { expect } from "bun:test";
import { endure } from "../../internal/testing/endurance/mod.ts";
import { wholeTest } from "../../internal/testing/mod.ts";

const SECONDS = 10;
const SEED = Number(process.env.XTELEMDB_SEED ?? 1);

wholeTest(
  "an agent under churn, with a disk that is pulled, reloads and stops, has everything in the end",
  ["loop", "sshd"],
  async () => {
    const said: string[] = [];
    const { operations, disturbances, samples, failures } = await endure(SECONDS / 60, SEED, (line) => said.push(line));
    expect(failures).toEqual([]);
    expect([operations > 50, disturbances > 0, samples.length > 3]).toEqual([true, true, true]);
  },
);
