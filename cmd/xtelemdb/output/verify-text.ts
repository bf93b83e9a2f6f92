/** What `verify` found, as a person reads it: a line a replica, then what stands against its copies, then what to know of the rest. */
import type { FindingReport, ReplicaVerifySummary, VerifySummary } from "../../../internal/agent/mod.ts";
import { amount, bytes, colours, counted, duration, number, printable, table } from "./text.ts";

/** Rows of the table of findings; all of them are in the JSON. */
const SHOWN = 50;

const VERDICT = {
  good: "everything that was looked at is what it should be",
  findings: "some copies are not what they should be",
  incomplete: "not everything could be looked at",
  stopped: "stopped; the next run goes on from here",
} as const;

export function verifyText(summary: VerifySummary): string {
  const verdict = VERDICT[summary.outcome];
  const lines = [
    `${summary.outcome === "good" ? colours.green(verdict) : colours.yellow(verdict)} (level ${summary.level}, ${duration(summary.durationMilliseconds)})`,
  ];
  if (summary.replicas.length === 0) lines.push("no replica is declared");
  else
    lines.push("", table(["REPLICA", "LOOKED AT", "READ BACK", "SUSPECT", "CORRUPT", "LOST", "DARK"], summary.replicas.map(row)));
  const findings = summary.replicas.flatMap((replica) => replica.findings.map((finding) => ({ replica, finding })));
  if (findings.length > 0) {
    const rows = findings.slice(0, SHOWN).map(({ replica, finding }) => findingRow(replica, finding));
    lines.push("", table(["FINDING", "REPLICA", "FILE", "SHA-256 AS IT WAS", "SHA-256 NOW", "WHY"], rows));
    const standing = summary.replicas.reduce((total, replica) => total + replica.standing, 0);
    if (standing > rows.length) lines.push(`and ${number(standing - rows.length)} more`);
  }
  const notes = summary.replicas.flatMap(notesOf);
  if (notes.length > 0) lines.push("", ...notes);
  return lines.join("\n");
}

const row = ({ url, looked, read, found, dark }: ReplicaVerifySummary): string[] => [
  printable(url),
  amount(looked),
  amount(read),
  number(found.suspect),
  number(found.corrupt),
  number(found.lost),
  dark === null ? "not looked for" : dark.files === 0 ? "-" : amount(dark),
];

const short = (digest: string | null): string => digest?.replace("sha256:", "") ?? "-";

const findingRow = ({ url }: ReplicaVerifySummary, finding: FindingReport): string[] => [
  colours.yellow(finding.state),
  printable(url),
  `${finding.host}:${printable(finding.path)}`,
  short(finding.expected),
  short(finding.found),
  printable(finding.message),
];

function notesOf(replica: ReplicaVerifySummary): string[] {
  const { problem, unread, firstDigests, timesMoved, unsteady, takenBack, dark, round } = replica;
  const notes: string[] = [];
  if (problem !== null) {
    notes.push(`${colours.yellow(problem.reason)}: ${problem.message}`);
    if (problem.help !== "") notes.push(`  ${colours.cyan("help:")} ${problem.help}`);
  }
  if (unread.files > 0)
    notes.push(`nothing can be said of ${counted(unread.files, "copy").replace("copys", "copies")}, such as ${unread.example}`);
  if (firstDigests > 0)
    notes.push(
      `${number(firstDigests)} were read for the first time, and compared only with copies that were made from the same origin: their digests are known now`,
    );
  if (timesMoved > 0)
    notes.push(`${number(timesMoved)} have another modification time and the same contents: they stay as they are`);
  if (unsteady > 0)
    notes.push(`${number(unsteady)} were read wrong once and right the second time: check the disk, its cable, the memory`);
  if (takenBack > 0)
    notes.push(`${number(takenBack)} that were found wrong before are what was recorded again: their verdicts are taken back`);
  if (round.begunAt !== null) notes.push(`the round since ${round.begunAt} has read ${amount(round)}, and goes on from there`);
  if (dark !== null && dark.files > 0) {
    notes.push(`${counted(dark.files, "file")} (${bytes(dark.bytes)}) that xtelemdb does not know, such as:`);
    notes.push(...dark.examples.slice(0, 5).map((path) => `  ${printable(path)}`));
  }
  if (dark !== null && dark.unlisted > 0)
    notes.push(`${number(dark.unlisted)} directories could not be listed: ${dark.unlistedExample}`);
  return notes.map((note) => (note.startsWith("  ") ? note : `${printable(replica.url)}: ${note}`));
}
