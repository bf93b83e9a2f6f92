/**
 * One record of the log as text, for whoever reads standard error: a person at a terminal, the journal (sd-daemon(3)), a file or pipe, a machine (JSON).
 *
 * Promises: a record stays one record: nothing in a message begins a line that looks like a record of its own; nothing in it acts on a terminal.
 */
import type { LogFields } from "../../../internal/agent/mod.ts";
import { jsonText, printableLines } from "../../../internal/sys/mod.ts";
import type { Colours } from "./text.ts";

export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Who reads it. */
export type Reader = "journal" | "terminal" | "pipe";

export type RecordLevel = "debug" | "info" | "warning" | "error";

export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly level: RecordLevel;
  readonly message: string;
  readonly fields?: LogFields;
}

export interface LineStyle {
  readonly format: LogFormat;
  readonly reader: Reader;
  readonly colours: Colours;
}

/** syslog(3)'s numbers, as the journal takes them from the beginning of a line. */
const PRIORITIES: Readonly<Record<RecordLevel, string>> = { debug: "<7>", info: "<6>", warning: "<4>", error: "<3>" };

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes begin with a control character
const COLOUR_CODES = /\u001b\[[0-9;]*m/g;

/** The record with its line break. Fields are for machines: they stand in JSON only. */
export function logLine(entry: LogEntry, style: LineStyle): string {
  const prefix = style.reader === "journal" ? PRIORITIES[entry.level] : "";
  return `${prefix}${style.format === "json" ? jsonOf(entry) : textOf(entry, style).replaceAll("\n", `\n${prefix}`)}\n`;
}

function textOf({ time, level, message }: LogEntry, { reader, colours }: LineStyle): string {
  // A message that was made for the terminal of another command brings its colours; the second line of one stands in, so that it is no record of its own.
  const text = printableLines(message.replaceAll(COLOUR_CODES, "").trimEnd()).replaceAll("\n", "\n  ");
  // The journal has its own time, and knows the level from the prefix.
  if (reader === "journal") return text;
  if (reader === "pipe") return `${new Date(time).toISOString()} ${level} ${text}`;
  const paint = { debug: colours.dim, info: colours.green, warning: colours.yellow, error: colours.red }[level];
  return `${colours.dim(timeOfDay(time))} ${paint(level)} ${text}`;
}

/** "20:15:09", in the time zone of whoever sits there. */
function timeOfDay(time: number): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

function jsonOf({ time, level, message, fields }: LogEntry): string {
  const own = { time: new Date(time).toISOString(), level, message: message.replaceAll(COLOUR_CODES, "").trimEnd() };
  // Twice, so that they come first and win.
  return jsonText(Object.assign({ ...own }, fields, own));
}
