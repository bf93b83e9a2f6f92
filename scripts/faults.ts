/** The command line of the faults: which kinds, and their table. */
import { parseArgs } from "node:util";
import { enduranceKind } from "../internal/testing/endurance/mod.ts";
import { type FaultKind, type FaultOptions, type FaultRow, faultTable } from "../internal/testing/fault-row.ts";
import {
  caseOf,
  commandCaseOf,
  commandRow,
  commandSweep,
  crashSweep,
  errorSweep,
  shortCaseOf,
  shortKind,
  shortRow,
  sweepRow,
} from "../internal/testing/faults/mod.ts";
import { powerCase, powerCuts } from "../internal/testing/power/mod.ts";
import { fuzzKind, hostileKind, otherKills } from "../internal/testing/test-kinds.ts";
import { worldCase, worlds } from "../internal/testing/worlds/mod.ts";

/** Every kind by its word on the command line, in the order in which they run. */
const KINDS: Readonly<Record<string, FaultKind>> = {
  crash: async (options) => [...(await crashSweep(options)), ...(await otherKills(options))],
  errors: errorSweep,
  commands: commandSweep,
  short: shortKind,
  power: powerCuts,
  worlds,
  hostile: hostileKind,
  fuzz: fuzzKind,
  endurance: enduranceKind,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "2" },
    cases: { type: "string" },
    part: { type: "string" },
    minutes: { type: "string" },
    case: { type: "string" },
  },
});

const fail = (message: string, help: string): never => {
  console.error(`error: ${message}\nhelp: ${help}`);
  process.exit(2);
};

function partOf(text: string): { number: number; of: number } {
  const [number = 0, of = 0] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).slice(1).map(Number);
  return number >= 1 && number <= of ? { number, of } : fail(`"${text}" is no part`, "--part=2/5 is the second of five");
}

const unknown = positionals.find((word) => KINDS[word] === undefined);
if (unknown !== undefined) fail(`there is no kind of fault "${unknown}"`, `there are ${Object.keys(KINDS).join(", ")}`);
const options: FaultOptions = {
  quick: values.quick,
  seed: Number(values.seed),
  jobs: Number(values.jobs),
  say: (line) => console.error(line),
  ...(values.cases === undefined ? {} : { cases: Number(values.cases) }),
  ...(values.part === undefined ? {} : { part: partOf(values.part) }),
  ...(values.minutes === undefined ? {} : { minutes: Number(values.minutes) }),
};
if (
  !Number.isInteger(options.seed) ||
  ![options.jobs, options.cases ?? 1, options.minutes ?? 1].every((count) => Number.isInteger(count) && count > 0)
)
  fail("--seed, --jobs, --cases and --minutes are whole numbers", "--seed=7 --jobs=2 --cases=100");

async function chosen(): Promise<FaultRow[]> {
  if (values.case !== undefined) {
    const power = powerCase(values.case) ?? worldCase(values.case);
    if (power !== undefined) return [...(await power(options))];
    const command = commandCaseOf(values.case);
    if (command !== undefined) return [await commandRow([command], options, "one case")];
    const short = shortCaseOf(values.case);
    if (short !== undefined) return [await shortRow([short], options)];
    const one =
      caseOf(values.case) ??
      fail(
        `"${values.case}" is no case`,
        "--case=renameat2:7:kill, --case=far-end/fsync:1:EIO, --case=power:ext4:sync:12:nothing, or --case=disk:ext4:unmounted:5",
      );
    return [await sweepRow("one case", one.scene, [one], options)];
  }
  const rows: FaultRow[] = [];
  for (const [word, kind] of Object.entries(KINDS)) {
    if (positionals.length > 0 && !positionals.includes(word)) continue;
    rows.push(...(await kind(options)));
  }
  return rows;
}

const rows = await chosen();
console.log(faultTable(rows));
process.exit(rows.some(({ failed }) => failed > 0) ? 1 : 0);
