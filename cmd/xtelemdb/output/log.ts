/** The log on standard error, in the form that suits whoever reads it there. */
import { fstatSync } from "node:fs";
import { configureSync, getLogger, type LogRecord } from "@logtape/logtape";
import type { Log, LogFields } from "../../../internal/agent/mod.ts";
import { printableLines } from "../../../internal/sys/mod.ts";
import { type LineStyle, LOG_FORMATS, type LogFormat, logLine, type Reader, type RecordLevel } from "./log-line.ts";
import { coloursFor } from "./text.ts";

export { LOG_FORMATS } from "./log-line.ts";
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const STANDARD_ERROR = 2;

/**
 * Is standard error the journal? systemd says which device and inode the journal's stream has (systemd.exec(5), $JOURNAL_STREAM): a child with another
 * standard error inherits the variable all the same.
 */
function isJournal(stream: string | undefined): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = fstatSync(STANDARD_ERROR, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    // Standard error may be closed.
    return false;
  }
}

const reader = (): Reader => {
  if (isJournal(process.env.JOURNAL_STREAM)) return "journal";
  return process.stderr.isTTY ? "terminal" : "pipe";
};

/** Standard error belongs to the process, and so does its form. */
let style: LineStyle | undefined;
const styleNow = (): LineStyle => {
  style ??= { format: "text", reader: reader(), colours: coloursFor(process.stderr) };
  return style;
};

/** What the operator chose for all that is written from now on; anything else is "text". */
export function chooseLogFormat(chosen: unknown): void {
  const format: LogFormat = LOG_FORMATS.find((known) => known === chosen) ?? "text";
  style = { ...styleNow(), format };
}

/** Writes one record, whatever the level of the log. */
export function writeRecord(level: RecordLevel, message: string, fields?: LogFields, time = Date.now()): void {
  process.stderr.write(logLine({ time, level, message, ...(fields === undefined ? {} : { fields }) }, styleNow()));
}

/** Why the program ends: "error: ..." and "help: ..." for a person; a record where records are read. */
export function writeError(message: string): void {
  const { format, reader: who, colours } = styleNow();
  if (format === "json" || who === "journal") {
    writeRecord("error", message);
    return;
  }
  const text = printableLines(message).replace(/\nhelp: /, `\n${colours.cyan("help:")} `);
  process.stderr.write(`${colours.red("error:")} ${text}\n`);
}

const levelOf = ({ level }: LogRecord): RecordLevel => (level === "trace" ? "debug" : level === "fatal" ? "error" : level);

/** Starts the log of a command. */
export function startLog(level: LogLevel): Log {
  configureSync<"stderr", never>({
    sinks: {
      // Only the methods below make records, and they take these fields.
      stderr: (record) =>
        writeRecord(levelOf(record), record.message.map(String).join(""), record.properties as LogFields, record.timestamp),
    },
    loggers: [
      { category: "xtelemdb", sinks: ["stderr"], lowestLevel: level === "warn" ? "warning" : level },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
    ],
    reset: true,
  });
  const logger = getLogger("xtelemdb");
  const about = (fields?: LogFields) => (fields === undefined ? logger : logger.with(fields));
  // The text is handed over as a value, so that braces in a file name are not taken for placeholders.
  return {
    debug: (text, fields) => about(fields).debug`${text}`,
    info: (text, fields) => about(fields).info`${text}`,
    warn: (text, fields) => about(fields).warn`${text}`,
    error: (text, fields) => about(fields).error`${text}`,
  };
}
