/** The benchmark's command line and its table. What is measured stands in bench-works.ts, how in bench-measure.ts. */
import { mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Bench, type Measurement } from "./bench-measure.ts";
import { WORKS } from "./bench-works.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string", default: "5" },
    folder: { type: "string", default: tmpdir() },
    json: { type: "boolean", default: false },
  },
});

const names = Object.keys(WORKS);
const asked = values.only?.split(",") ?? names;
/** "ssh" stands for all that begins with "ssh-". */
const meantBy = (word: string): string[] => names.filter((name) => name === word || name.startsWith(`${word}-`));
const only = asked.flatMap(meantBy);
const unknown = asked.find((word) => meantBy(word).length === 0);
if (unknown !== undefined) {
  console.error(`error: there is no work item ${unknown}\nhelp: there are ${names.join(", ")}`);
  process.exit(2);
}
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error("error: --rounds is a number from 1 on");
  process.exit(2);
}

const say = (text: string): void => console.error(text);
const folder = mkdtempSync(join(values.folder, "xtelemdb-bench-"));
const clean = (): void => rmSync(folder, { recursive: true, force: true });
// Seen between two commands: until then an interrupt from the terminal ends the command that runs, and its failure cleans up as well.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    clean();
    process.exit(1);
  });
}

const firstLine = (...command: string[]): string => Bun.spawnSync(command).stdout.toString().split("\n")[0] ?? "";

const machine = {
  cores: cpus().length,
  processor: cpus()[0]?.model ?? "unknown",
  memoryBytes: totalmem(),
  kernel: release(),
  fileSystem: firstLine("findmnt", "-no", "FSTYPE,OPTIONS", "-T", folder),
  freeBytes: statfsSync(folder).bavail * statfsSync(folder).bsize,
  versions: [
    firstLine("dist/xtelemdb", "version"),
    firstLine("find", "--version"),
    firstLine("rsync", "--version"),
    firstLine("rclone", "--version"),
    firstLine("cp", "--version"),
  ],
  binaryBytes: readFileSync("dist/xtelemdb").length,
};

const bench = new Bench(folder, rounds, say);
try {
  for (const name of only) {
    say(`${name} ...`);
    await WORKS[name]?.(bench, values.quick ? 0.02 : 1);
  }
} finally {
  say("removing the trees ...");
  clean();
}

if (values.json) console.log(JSON.stringify({ machine, rounds, results: bench.results }, null, 2));
else console.log(report(bench.results));

function report(results: readonly Measurement[]): string {
  const lines = results.map(({ work, seconds, spread, peakBytes, peers }) => [
    work,
    `${seconds.toFixed(2)} s ± ${spread.toFixed(2)}`,
    `${Math.round(peakBytes / 1e6)} MB`,
    peers.map(({ name, ratio, seconds: peer }) => `${ratio.toFixed(2)} x ${name} (${peer.toFixed(2)} s)`).join("; ") || "-",
  ]);
  const head = ["work", "xtelemdb", "peak memory", "ratio to its peers"];
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)));
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const { cores, processor, memoryBytes, kernel, fileSystem, versions, binaryBytes } = machine;
  return [
    `${cores} x ${processor}, ${Math.round(memoryBytes / 2 ** 30)} GiB, Linux ${kernel}, ${fileSystem}; ${rounds} rounds, medians, warm cache`,
    versions.filter(Boolean).join("; "),
    `binary: ${(binaryBytes / 1e6).toFixed(0)} MB`,
    "",
    row(head),
    row(widths.map((width) => "-".repeat(width))),
    ...lines.map(row),
  ].join("\n");
}
