/** The command line of the sweeps, and their table. */
import { parseArgs } from "node:util";
import {
  type CaseResult,
  caseOf,
  crashCases,
  errorCases,
  type FaultCase,
  pointsOfWorld,
  sample,
  sweep,
} from "../internal/testing/faults/mod.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "2" },
    case: { type: "string" },
  },
});

const fail = (message: string, help: string): never => {
  console.error(`error: ${message}\nhelp: ${help}`);
  process.exit(2);
};

const QUICK_CASES = 60;
const PARTS = ["crash", "errors"] as const;
const unknown = positionals.find((word) => !PARTS.some((part) => part === word));
if (unknown !== undefined) fail(`there is no sweep "${unknown}"`, `there are ${PARTS.join(", ")}`);
const seed = Number(values.seed);
const jobs = Number(values.jobs);
if (!Number.isInteger(seed) || !Number.isInteger(jobs) || jobs < 1)
  fail("--seed and --jobs are whole numbers", "--seed=7 --jobs=2");

async function casesOf(part: (typeof PARTS)[number]): Promise<FaultCase[]> {
  const points = await pointsOfWorld();
  console.error(`${part}: ${points.length} points`);
  const all = part === "crash" ? crashCases(points) : errorCases(points);
  return values.quick ? sample(all, QUICK_CASES, seed) : all;
}

async function chosen(): Promise<[string, FaultCase[]][]> {
  if (values.case !== undefined) {
    const one = caseOf(values.case) ?? fail(`"${values.case}" is no case`, "--case=renameat2:7:kill, or --case=fsync:1:EIO");
    return [["one case", [one]]];
  }
  const parts = PARTS.filter((part) => positionals.length === 0 || positionals.includes(part));
  return Promise.all(parts.map(async (part): Promise<[string, FaultCase[]]> => [part, await casesOf(part)]));
}

const sum = (results: readonly CaseResult[], of: (result: CaseResult) => number): number =>
  results.reduce((total, result) => total + of(result), 0);

let failed = 0;
const lines = ["| fault | cases tried | disturbed | torn | lost | false `current` | failed |", "|---|---|---|---|---|---|---|"];
for (const [part, cases] of await chosen()) {
  let done = 0;
  const results = await sweep(cases, jobs, (result) => {
    done += 1;
    if (done % 50 === 0) console.error(`${part}: ${done} of ${cases.length}`);
    if (result.failures.length === 0) return;
    console.error(`${part}: ${result.name} failed (scripts/faults --case=${result.name}):`);
    for (const failure of result.failures) console.error(`  ${failure}`);
  });
  const bad = results.filter(({ failures }) => failures.length > 0).length;
  failed += bad;
  const numbers = [
    results.length,
    results.filter(({ disturbed }) => disturbed).length,
    sum(results, ({ torn }) => torn),
    sum(results, ({ lost }) => lost),
    sum(results, ({ falseCurrent }) => falseCurrent),
    bad,
  ];
  lines.push(`| ${part} | ${numbers.join(" | ")} |`);
}
console.log(lines.join("\n"));
process.exit(failed === 0 ? 0 : 1);
