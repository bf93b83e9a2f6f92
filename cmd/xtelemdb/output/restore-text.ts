/** What `restore` did, as a person reads it: a line for each of the first files that a person has to know of, then the totals. */
import type { RestoredFile, RestoreSummary } from "../../../internal/agent/mod.ts";
import { amount, bytes, colours, counted, duration, number, printable, table } from "./text.ts";

export function restoredLine({ kind, path, host, destination, replica, reason, message, tried }: RestoredFile): string {
  const file = `${host}:${printable(path)}`;
  const others = tried.map((one) => `\n  not from ${printable(one.replica)}: ${printable(one.message)}`).join("");
  if (kind === "left") return `${colours.yellow(reason ?? "")}  ${file}: ${printable(message)}${others}`;
  const what = kind === "would-restore" ? "would restore" : "restored";
  return `${what}  ${file} to ${printable(destination)} from ${printable(replica ?? "")}${others}`;
}

/** `shown`: how many lines were printed at most. */
export function restoreText(summary: RestoreSummary, shown: number): string {
  const { outcome, host, dryRun, restored, present, left, unproven, badCopies, replicas, reasons } = summary;
  const lines: string[] = [];
  if (left.files + (dryRun ? restored.files : 0) > shown)
    lines.push(`only the first ${number(shown)} are shown: --json lists all`);
  if (reasons.length > 0) {
    const rows = reasons.map(({ reason, files, help }) => [colours.yellow(reason), number(files), help]);
    lines.push("", table(["REASON", "FILES", "WHAT TO DO"], rows), "");
  }
  for (const { replica, message } of replicas) lines.push(`${colours.yellow(printable(replica))} is not there: ${message}`);
  if (badCopies > 0)
    lines.push(`${counted(badCopies, "copy").replace("copys", "copies")} could not be used: run "xtelemdb verify"`);
  if (unproven > 0)
    lines.push(`${counted(unproven, "file")} came back by size and time alone: no digest of their contents is known`);
  const did = dryRun ? "would restore" : "restored";
  const there = present.files === 0 ? "" : `, ${counted(present.files, "file")} (${bytes(present.bytes)}) were there`;
  const rest = left.files === 0 ? "" : `, ${amount(left)} left`;
  const verdict = outcome === "complete" ? colours.green(outcome) : colours.yellow(outcome);
  const time = duration(summary.durationMilliseconds);
  lines.push(
    `${verdict}: ${did} ${counted(restored.files, "file")} of ${host} (${bytes(restored.bytes)})${there}${rest} in ${time}`,
  );
  return lines.join("\n").replace(/^\n/, "");
}
