/** `scan`: looks at the data directories and brings the inventory up to date; copies nothing. */
import type { ScanSummary } from "../../internal/agent/mod.ts";
import { agentOptions, failWithAgentError, optionsOf, print, printJson, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { bytes, colours, duration, number, printable, table } from "./output/text.ts";
import type { Register } from "./program.ts";

interface Options {
  readonly acceptLoss: readonly string[];
}

export const scanCommand: Register = (program, context, end) => {
  program
    .command("scan")
    .description("look at the data directories and bring the inventory up to date; copies nothing")
    .option(
      "--accept-loss <path>",
      "a declared data directory whose losses are real: it is frozen, or something in it is not mounted any more, or is a link now (may be repeated)",
      (path: string, all: string[]) => [...all, path],
      [],
    )
    .addHelpText(
      "after",
      "\nExit code 0 when everything was seen, 3 when something could not be read or a data directory is frozen.\n\nExamples:\n  xtelemdb scan\n  xtelemdb scan accept_loss=/opt/MagAOX/rawimages",
    )
    .action((_options, command) => {
      const options = optionsOf<Options>(command);
      return end(
        withState(context, options, async (state) => {
          const { scan } = await import("../../internal/agent/mod.ts");
          const { agent, clear } = agentOptions(context, options, "warn");
          const summary = await scan(state, { ...agent, acceptLoss: options.acceptLoss });
          clear();
          if (summary.isErr()) return failWithAgentError(summary.error);
          if (options.json) printJson(summary.value);
          else print(scanText(summary.value, state.hostname));
          return summary.value.complete && summary.value.dataDirectories.length > 0 ? EXIT.converged : EXIT.notConverged;
        }),
      );
    });
};

/** A path alone is one of this host. */
const whereOf = ({ host, path }: { readonly host: string; readonly path: string }, hostname: string): string =>
  printable(host === hostname ? path : `${host}:${path}`);

export function scanText(summary: ScanSummary, hostname: string): string {
  if (summary.dataDirectories.length === 0) {
    return `nothing to scan: this host (${hostname}) has no data_dirs in [hosts]\nhelp: add [hosts.${hostname}] with data_dirs, or set hostname`;
  }
  const rows = summary.dataDirectories.map((one) => {
    const good = one.outcome.kind === "scanned";
    const verdict = good ? colours.green("scanned") : colours.yellow(one.outcome.kind);
    return [
      whereOf(one, hostname),
      verdict,
      number(one.files),
      bytes(one.bytes),
      number(one.added),
      number(one.changed),
      number(one.absent),
    ];
  });
  const lines = [table(["DATA DIRECTORY", "RESULT", "FILES", "SIZE", "NEW", "CHANGED", "GONE"], rows)];
  for (const one of summary.dataDirectories) {
    const { outcome, symlinks, special, excludedByPattern } = one;
    const where = whereOf(one, hostname);
    const aside = [
      ...(symlinks > 0 ? [`${number(symlinks)} symbolic links`] : []),
      ...(special > 0 ? [`${number(special)} special files`] : []),
      ...excludedByPattern.map(({ pattern, matches }) => `${number(matches)} by pattern ${JSON.stringify(pattern)}`),
    ];
    if (aside.length > 0) lines.push(`${where}: left out: ${aside.join(", ")}`);
    if (outcome.kind === "partly")
      lines.push(`${where}: ${number(outcome.unreadable)} entries could not be read: ${outcome.example}`);
    if (outcome.kind === "failed") lines.push(`${where}: ${outcome.message}`, `  help: ${outcome.help}`);
    if (outcome.kind === "frozen") {
      const { former } = outcome;
      const whose = former === undefined ? "" : ` of ${printable(former)}, which was a data directory of its own,`;
      lines.push(
        `${where}: frozen: ${number(outcome.lost)} of ${number(outcome.known)} files${whose} were not seen any more; nothing was taken as deleted`,
        `  help: ${outcome.help}`,
      );
    }
  }
  lines.push(`in ${duration(summary.durationMilliseconds)}`);
  return lines.join("\n");
}
