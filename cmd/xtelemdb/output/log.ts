/** The log on standard error: with time and level in a pipe, with journal priorities under systemd (sd-daemon(3)), short on a terminal. */
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import type { Log } from "../../../internal/agent/mod.ts";
import { colours } from "./text.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const PRIORITIES: Readonly<Record<string, string>> = { debug: "<7>", info: "<6>", warning: "<4>", error: "<3>", fatal: "<2>" };
const COLOURS: Readonly<Record<string, (text: string) => string>> = {
  debug: colours.dim,
  warning: colours.yellow,
  error: colours.red,
};

export function startLog(level: LogLevel, environment: Readonly<Record<string, string | undefined>>): Log {
  const underSystemd = environment.JOURNAL_STREAM !== undefined || environment.INVOCATION_ID !== undefined;
  const line = ({ level: recordLevel, message, timestamp }: LogRecord): string => {
    const text = message.map(String).join("");
    // The journal takes every line for a message of its own.
    if (underSystemd) return text.replace(/^/gm, PRIORITIES[recordLevel] ?? "");
    const word = (COLOURS[recordLevel] ?? String)(recordLevel);
    return process.stderr.isTTY ? `${word}: ${text}` : `${new Date(timestamp).toISOString()} ${recordLevel} ${text}`;
  };
  configureSync({
    sinks: { stderr: (record) => process.stderr.write(`${line(record)}\n`) },
    loggers: [
      { category: "xtelemdb", sinks: ["stderr"], lowestLevel: level === "warn" ? "warning" : level },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
    ],
    reset: true,
  });
  const logger = getLogger("xtelemdb");
  // The text is handed over as a value, so that braces in a file name are not taken for placeholders.
  return {
    debug: (text) => logger.debug`${text}`,
    info: (text) => logger.info`${text}`,
    warn: (text) => logger.warn`${text}`,
    error: (text) => logger.error`${text}`,
  };
}
