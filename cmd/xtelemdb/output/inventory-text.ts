/** What the commands on the inventory itself did, as a person reads it. */
import type { FoundCopy, RebuildSummary } from "../../../internal/agent/mod.ts";
import type { InventoryReport } from "../../../internal/inventory/mod.ts";
import { importText } from "./import-text.ts";
import { bytes, colours, counted, number, printable, table } from "./text.ts";
import { verifyText } from "./verify-text.ts";

export const backupText = (to: string, size: number): string =>
  `wrote ${printable(to)} (${bytes(size)}); "xtelemdb inventory check file=${printable(to)}" reads it back`;

export function checkText({ path, bytes: size, fileOrigins, fileReplicas, newestAt, problems }: InventoryReport): string {
  const what = `${bytes(size)}, ${number(fileOrigins)} file origins, ${number(fileReplicas)} file replicas${newestAt === 0 ? "" : `, up to ${new Date(newestAt).toISOString()}`}`;
  if (problems.length === 0) return `${printable(path)}: ${colours.green("whole")} (${what})`;
  return [
    `${printable(path)}: ${colours.red(counted(problems.length, "problem"))} (${what})`,
    ...problems.map((problem) => `  ${printable(problem)}`),
    `${colours.cyan("help:")} keep the file; "xtelemdb inventory rebuild" makes the inventory again from what the replicas keep of it`,
  ].join("\n");
}

const VERDICT: Readonly<Record<RebuildSummary["outcome"], string>> = {
  complete: "the inventory is made again: everything that is on the replicas is known",
  findings: "the inventory is made again; some of what is on the replicas is not what was known of it",
  incomplete: "not everything could be looked at",
  stopped: "stopped: nothing was changed, and the next run begins anew",
};

export function rebuildText(summary: RebuildSummary, database: string): string {
  const { outcome, dryRun, copies, unseen, imported, verified, setAside } = summary;
  const isWell = outcome === "complete";
  const verdict = dryRun ? "dry run: nothing was changed" : VERDICT[outcome];
  const lines = [isWell ? colours.green(verdict) : colours.yellow(verdict)];
  const heads = ["COPY", "REPLICA", "NEWEST", "FILE ORIGINS", "FILE REPLICAS", ""];
  if (copies.length > 0) lines.push("", table(heads, copies.map(copyRow)));
  const chosen = copies.find((copy) => copy.chosen);
  if (chosen === undefined && copies.some(({ url }) => url === null)) lines.push("it cannot be used: nothing was changed");
  else if (chosen === undefined)
    lines.push(
      "",
      `no replica has a copy of the inventory that can be used: ${dryRun ? "it would be" : "it is"} made from the manifests and the files alone`,
    );
  if (setAside !== null) lines.push(`what was left of the old one lies at ${printable(setAside)}`);
  for (const { url, reason, message, help } of unseen) {
    lines.push(`${printable(url)}: ${colours.yellow(reason)}: ${message}`);
    if (help !== "") lines.push(`  ${colours.cyan("help:")} ${help}`);
  }
  if (imported !== null) lines.push("", `${colours.bold("What the replicas know")}: ${importText(imported)}`);
  if (verified !== null) lines.push("", `${colours.bold("A look at every copy")}: ${verifyText(verified)}`);
  if (verified !== null && !dryRun) lines.push("", `next: "xtelemdb sync" scans the origins into ${printable(database)}`);
  return lines.join("\n");
}

const copyRow = ({ name, url, newestAt, fileOrigins, fileReplicas, problem, chosen }: FoundCopy): string[] => [
  printable(name),
  url === null ? "-" : printable(url),
  newestAt ?? "-",
  number(fileOrigins),
  number(fileReplicas),
  problem === null ? (chosen ? colours.green("taken") : "older") : printable(problem),
];
