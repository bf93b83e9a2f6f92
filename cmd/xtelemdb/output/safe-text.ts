/** What `safe` found, as a person reads it: a line for each of the first files that block, then the totals by reason, each with its remedy. */
import type { BlockedFile, SafeSummary } from "../../../internal/agent/mod.ts";
import { amount, bytes, colours, counted, duration, number, printable, table } from "./text.ts";

export function blockedLine({ host, path, reason, message, files, counted: copies, copies: all }: BlockedFile): string {
  const how = all.length === 0 ? "" : ` (${counted(copies, "copy").replace("copys", "copies")} counted)`;
  const slash = files === 0 ? "/" : "";
  return `${colours.yellow(reason)}  ${host}:${printable(path)}${slash}: ${printable(message)}${how}`;
}

/** `shown`: how many lines were printed at most. */
export function safeText(summary: SafeSummary, copies: number, shown: number): string {
  const { outcome, host, safe, blocked, directories, reasons, durationMilliseconds } = summary;
  const good = `${counted(safe.files, "file")} of ${host} can be lost: ${copies === 1 ? "a good copy" : `${copies} independent copies`} of each; ${bytes(safe.bytes)} could be freed`;
  const lines: string[] = [];
  const listed = blocked.files + directories;
  if (listed > shown) lines.push(`and ${number(listed - shown)} more: --json lists all`);
  if (reasons.length > 0) {
    const rows = reasons.map(({ reason, help, ...total }) => [colours.yellow(reason), amount(total), help]);
    lines.push("", table(["REASON", "FILES", "WHAT TO DO"], rows), "");
  }
  const time = ` (${duration(durationMilliseconds)})`;
  switch (outcome) {
    case "safe":
      lines.push(safe.files === 0 ? `no file of ${host} is in question${time}` : `${colours.green("safe")}: ${good}${time}`);
      break;
    case "blocked":
      lines.push(`${colours.yellow("not safe")}: ${blockedText(summary)} must be kept${time}`);
      if (safe.files > 0) lines.push(good);
      break;
    case "stopped":
      lines.push(`${colours.yellow("stopped")} before all was looked at: nothing is said of the rest${time}`);
  }
  const { symlinks, special } = summary;
  if (symlinks + special > 0)
    lines.push(`${number(symlinks)} symbolic links and ${number(special)} special files are copied nowhere and were not judged`);
  return lines.join("\n").replace(/^\n/, "");
}

const blockedText = ({ blocked, directories }: SafeSummary): string =>
  [
    ...(blocked.files > 0 ? [`${counted(blocked.files, "file")} (${bytes(blocked.bytes)})`] : []),
    ...(directories > 0 ? [counted(directories, "directory").replace("directorys", "directories")] : []),
  ].join(" and ");
