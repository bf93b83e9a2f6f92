/** What `import_origins` did, as a person reads it: what each top-level folder became, then what is in conflict, then what was left out. */
import type { FolderImportSummary, ImportSummary, ReplicaImportSummary } from "../../../internal/agent/mod.ts";
import { amount, colours, counted, duration, number, printable, table } from "./text.ts";

/** Rows of a list; all that are kept are in the JSON. */
const SHOWN = 50;

const VERDICT = {
  complete: "everything that is there is known",
  conflicts: "some of what is there is not what the inventory knows",
  incomplete: "not everything could be looked at",
  stopped: "stopped; the next run goes on from here",
} as const;

export function importText(summary: ImportSummary): string {
  const { outcome, dryRun, replicas, durationMilliseconds } = summary;
  const verdict = dryRun && outcome === "complete" ? "nothing is in the way" : VERDICT[outcome];
  const colour = outcome === "complete" ? colours.green : colours.yellow;
  const lines = [`${colour(verdict)} (${dryRun ? "dry run: nothing was recorded, " : ""}${duration(durationMilliseconds)})`];
  if (replicas.length === 0) lines.push("no replica is declared");
  for (const replica of replicas) lines.push("", ...replicaText(replica, dryRun));
  return lines.join("\n");
}

function replicaText(replica: ReplicaImportSummary, dryRun: boolean): string[] {
  const { url, problem, folders, wentOn, conflicts, firstConflicts, hashed } = replica;
  const lines = [colours.bold(printable(url))];
  if (problem !== null) lines.push(`${colours.yellow(problem.reason)}: ${problem.message}`, ...helpOf(problem.help));
  else if (folders.length === 0) lines.push("there is no host's folder in it: nothing to import");
  if (wentOn) lines.push("an import that was broken off went on; what that one saw is not counted again");
  if (folders.length > 0) {
    const heads = ["FOLDER", "ORIGIN HOST", dryRun ? "WOULD IMPORT" : "IMPORTED", "LINKED", "KNOWN", "CONFLICTS"];
    lines.push(table(heads, folders.map(row)));
  }
  for (const folder of folders) lines.push(...folderText(folder, dryRun));
  const imported = folders.reduce((sum, one) => sum + one.imported.files + one.linked.files, 0);
  if (imported > 0 && hashed === null)
    lines.push('imported copies are unverified: nobody has read them; "hash=true" or "xtelemdb verify" does');
  if (hashed !== null) lines.push(`read ${amount(hashed)} for the first time: their digests are known now`);
  if (hashed !== null && hashed.findings > 0)
    lines.push(
      `${number(hashed.findings)} could not be read, or are not what they were: "xtelemdb verify level=listed" names them`,
    );
  if (conflicts > 0) {
    lines.push(`${colours.yellow(counted(conflicts, "conflict"))}: nothing was changed on either side`);
    lines.push(...listed(firstConflicts, conflicts));
  }
  for (const { kind, count, examples } of replica.skipped) {
    const what = kind === "own" ? "of xtelemdb itself" : "not imported";
    lines.push(`${number(count)} ${KINDS[kind]}: ${what}`);
    if (kind !== "own") lines.push(...listed(examples, count));
  }
  return lines;
}

const KINDS = {
  outside: "outside the layout",
  symlink: "symbolic links",
  special: "pipes, sockets or devices",
  leftover: "leftovers",
  own: "files",
  unreadable: "unreadable",
} as const;

const helpOf = (help: string): string[] => (help === "" ? [] : [`  ${colours.cyan("help:")} ${help}`]);

const row = ({ folder, host, declared, outcome, imported, linked, known, conflicts }: FolderImportSummary): string[] => [
  printable(folder),
  `${printable(host)}${declared ? "" : " (not declared)"}`,
  outcome === "before" ? "before" : amount(imported),
  amount(linked),
  number(known),
  number(conflicts),
];

function folderText({ folder, host, problem, examples }: FolderImportSummary, dryRun: boolean): string[] {
  const lines: string[] = [];
  if (problem !== null)
    lines.push(`${printable(folder)}: ${colours.yellow(problem.reason)}: ${problem.message}`, ...helpOf(problem.help));
  if (!dryRun) return lines;
  for (const { path, origin } of examples) {
    lines.push(`  ${printable(path)} is ${origin === null ? "outside the layout" : printable(`${host}:${origin}`)}`);
  }
  return lines;
}

function listed(all: readonly { readonly path: string; readonly message: string }[], count: number): string[] {
  const shown = all.slice(0, SHOWN).map(({ path, message }) => `  ${printable(path)}: ${message}`);
  return count > shown.length ? [...shown, `  and ${number(count - shown.length)} more`] : shown;
}
