/** `events`: what happened, the newest first. */
import { Option } from "commander";
import type { EventDocument, Severity } from "../../internal/agent/mod.ts";
import { suggest } from "../../internal/config/mod.ts";
import { failWithAgentError, optionsOf, print, printColumns, printError, printHint, printJson, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { momentOption } from "./moment-option.ts";
import { colours, number, oneLine, printable, table } from "./output/text.ts";
import type { Register } from "./program.ts";
import { wholeNumber } from "./whole-number.ts";

interface Options {
  readonly subject?: string;
  readonly severity?: Severity;
  readonly reason?: string;
  readonly since?: number;
  readonly limit: number;
}

export const eventsCommand: Register = (program, context, end) => {
  program
    .command("events")
    .description("what happened, the newest first; the same event again is counted, not repeated")
    .option("--subject <text>", "only of subjects that hold this text, such as a replica's path")
    .addOption(new Option("--severity <level>", "only this severe or worse").choices(["info", "warning", "error"]))
    .option("--reason <reason>", "only with this reason, such as NoSpace")
    .option("--since <moment>", "only seen since then: that long ago (2h) or a time (2026-11-01T08:00Z; UTC)", momentOption)
    .option("--limit <number>", "how many at most", wholeNumber, 50)
    .addHelpText(
      "after",
      `
A table on a terminal; in a pipe a line an event, with tabs between last time, severity, subject, reason, count and message.

Examples:
  xtelemdb events
  xtelemdb events since=2h severity=warning
  xtelemdb events subject=/mnt/backup reason=NoSpace --json`,
    )
    .action((_options, command) => {
      const options = optionsOf<Options>(command);
      return end(
        withState(context, options, async (state) => {
          const { EVENT_REASONS, listEvents } = await import("../../internal/agent/mod.ts");
          const { subject, severity, reason, since, limit } = options;
          const events = listEvents(state, {
            limit,
            ...(subject === undefined ? {} : { subject }),
            ...(severity === undefined ? {} : { severity }),
            ...(reason === undefined ? {} : { reason }),
            ...(since === undefined ? {} : { since }),
          });
          if (events.isErr()) return failWithAgentError(events.error);
          const none = events.value.length === 0;
          // An inventory may hold reasons of other releases: only one that nothing has can be a slip of the pen.
          if (none && reason !== undefined && !EVENT_REASONS.includes(reason)) return unknownReason(reason, EVENT_REASONS);
          if (options.json) printJson(events.value);
          else if (process.stdout.isTTY && !none) print(eventTable(events.value));
          else printColumns(eventColumns(events.value));
          if (none) printHint("no events");
          return EXIT.converged;
        }),
      );
    });
};

function unknownReason(reason: string, known: readonly string[]): number {
  const meant = suggest(reason, known);
  printError(
    `no event has the reason ${JSON.stringify(reason)}\nhelp: ${meant === undefined ? '"xtelemdb events" shows which there are' : `did you mean "${meant}"?`}`,
  );
  return EXIT.usage;
}

const COLOURS: Readonly<Record<Severity, (text: string) => string>> = {
  info: String,
  warning: colours.yellow,
  error: colours.red,
};

function eventTable(events: readonly EventDocument[]): string {
  const rows = events.map(({ last, severity, subject, reason, count, message }) => [
    last,
    COLOURS[severity](severity),
    printable(subject),
    reason,
    number(count),
    oneLine(message),
  ]);
  return table(["LAST SEEN", "SEVERITY", "SUBJECT", "REASON", "COUNT", "MESSAGE"], rows);
}

/** Nothing printable holds a tab, so the columns can be told apart. */
const eventColumns = (events: readonly EventDocument[]): string[][] =>
  events.map(({ last, severity, subject, reason, count, message }) => [
    last,
    severity,
    printable(subject),
    reason,
    String(count),
    oneLine(message),
  ]);
