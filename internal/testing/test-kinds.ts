/** Kinds of faults whose cases are tests: run by "bun test" with everything that the usual run leaves out, and counted. */
import type { FaultKind, FaultOptions, FaultRow } from "./fault-row.ts";
import { repositoryPath } from "./program.ts";

const FUZZ_CASES = 1_000_000;
const QUICK_FUZZ_CASES = 2_000;

interface Ran {
  /** What the tests printed, line by line. */
  readonly lines: readonly string[];
  readonly passed: number;
  readonly failed: readonly string[];
}

/** Runs test files to their end. */
async function runTests(
  files: readonly string[],
  environment: Readonly<Record<string, string>>,
  { say, seed }: FaultOptions,
): Promise<Ran> {
  const child = Bun.spawn([process.execPath, "test", "--timeout", "86400000", ...files], {
    cwd: repositoryPath(),
    env: { ...process.env, ...environment, XTELEMDB_SEED: String(seed) },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const texts = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  const lines = `${texts[0]}\n${texts[1]}`.split("\n");
  const failed = [...new Set(lines.filter((line) => line.startsWith("(fail)")))];
  if (texts[2] !== 0) for (const line of failed.length > 0 ? failed : lines.slice(-30)) say(line);
  const passed = lines.filter((line) => line.startsWith("(pass)")).length;
  return { lines, passed, failed: texts[2] !== 0 && failed.length === 0 ? ["the tests could not be run"] : failed };
}

/** What a failed test was about is said in words; in the table it counts as failed. */
const rowOfTests = (fault: string, tried: number, failed: number): FaultRow => ({
  fault,
  tried,
  disturbed: tried,
  torn: 0,
  lost: 0,
  falseCurrent: 0,
  failed,
});

/** Kills that are no cases of the sweeps: of an import, and of the run after one that was killed. */
export const otherKills: FaultKind = (options) =>
  rowsOfTests(
    { "killed twice in a row, and in an import": ["cmd/xtelemdb/kill.whole.test.ts", "cmd/xtelemdb/import.whole.test.ts"] },
    options,
  );

const HOSTILE: Readonly<Record<string, readonly string[]>> = {
  "a far end that means harm": ["cmd/xtelemdb/hostile-far-end.whole.test.ts"],
  "a replica in somebody else's hands": ["cmd/xtelemdb/hostile-replica.whole.test.ts"],
  "names that act on a terminal, in the output of every command": ["cmd/xtelemdb/escapes.whole.test.ts"],
  "directories swapped for links, strange names, files that are none": [
    "cmd/xtelemdb/symlink-swap.whole.test.ts",
    "cmd/xtelemdb/hostile-files.whole.test.ts",
    "cmd/xtelemdb/names.whole.test.ts",
  ],
};

/** Everything that means harm: servers, trees, names. */
export const hostileKind: FaultKind = (options) => rowsOfTests(HOSTILE, options);

async function rowsOfTests(
  tests: Readonly<Record<string, readonly string[]>>,
  options: FaultOptions,
): Promise<readonly FaultRow[]> {
  const rows: FaultRow[] = [];
  for (const [fault, files] of Object.entries(tests)) {
    const { passed, failed } = await runTests(files, options.quick ? {} : { XTELEMDB_CASES: "all" }, options);
    rows.push(rowOfTests(fault, passed + failed.length, failed.length));
  }
  return rows;
}

/** Every reader of what comes from outside, with so many cases for each. */
export const fuzzKind: FaultKind = async (options) => {
  const cases = options.cases ?? (options.quick ? QUICK_FUZZ_CASES : FUZZ_CASES);
  const files = [...new Bun.Glob("{cmd,internal}/**/*.fuzz.test.ts").scanSync({ cwd: repositoryPath() })].toSorted();
  const { lines, failed } = await runTests(files, { XTELEMDB_FUZZ: String(cases) }, options);
  const told = lines.flatMap((line) => /^fuzz\t(\d+) cases\t[\d.]+ s\t(.*)$/.exec(line)?.slice(1) ?? []);
  const counts = told.filter((_, index) => index % 2 === 0).map(Number);
  const tried = counts.reduce((sum, count) => sum + count, 0);
  for (const [index, name] of told.filter((_, at) => at % 2 === 1).entries())
    options.say(`fuzz: ${counts[index]} cases: ${name}`);
  return [rowOfTests(`mangled input for every reader (${counts.length} of them)`, tried, failed.length)];
};
