/** A few seconds of the endurance run of scripts/faults: that it runs, converges, and every law holds in the end. Only a long run tells of leaks. */
import { expect } from "bun:test";
import { enduranceRow, endure, QUANTITIES } from "../../internal/testing/endurance/mod.ts";
import { wholeTest } from "../../internal/testing/mod.ts";

const SECONDS = 6;
const SEED = Number(process.env.XTELEMDB_SEED ?? 1);

wholeTest(
  "an agent under churn, with a disk that is pulled, reloads and stops, has everything in the end",
  ["loop", "sshd"],
  async () => {
    const said: string[] = [];
    const say = (line: string): number => said.push(line);
    const result = await endure(SECONDS / 60, SEED, say);
    expect(result.failures).toEqual([]);
    expect([result.operations > 50, result.disturbances > 0, result.samples.length > 3]).toEqual([true, true, true]);
    expect(enduranceRow(SECONDS / 60, result, { say })).toMatchObject({ torn: 0, lost: 0, falseCurrent: 0 });
    expect(QUANTITIES.filter((quantity) => !said.some((line) => line.includes(`endurance: ${quantity}: `)))).toEqual([]);
  },
);
