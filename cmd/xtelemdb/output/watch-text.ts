/**
 * What `status --watch` shows, as text: pure functions of what was read, when, and how large the terminal is. Rates come from successive readings: what a replica
 * holds now against what it held at the beginning of the window.
 */
import type { EventDocument, ReplicaStatus, StatusDocument } from "../../../internal/agent/mod.ts";
import { amount, bytes, colours, duration, number, oneLine, printable, table } from "./text.ts";

export interface Reading {
  readonly status: StatusDocument;
  /** The newest first. */
  readonly events: readonly EventDocument[];
  /** Milliseconds of a clock that never jumps. */
  readonly at: number;
}

/** Long enough that a few large files, each of which counts when it is done, give a rate. */
const WINDOW_MILLISECONDS = 60_000;
/** A rate of less time than that says nothing. */
const SHORTEST_MILLISECONDS = 900;

/** The readings that a rate is made of, the oldest first; those of before the window are forgotten. */
export const remember = (readings: readonly Reading[], reading: Reading): readonly Reading[] => [
  ...readings.filter(({ at }) => at >= reading.at - WINDOW_MILLISECONDS),
  reading,
];

export interface Pace {
  readonly filesPerSecond: number;
  readonly bytesPerSecond: number;
}

const currentOf = ({ status }: Reading, url: string) => status.replicas.find((replica) => replica.url === url)?.current;

/** How fast a replica fills; undefined while that is not known, or when it does not. */
export function paceOf(readings: readonly Reading[], url: string): Pace | undefined {
  const first = readings.find((reading) => currentOf(reading, url) !== undefined);
  const last = readings.at(-1);
  if (first === undefined || last === undefined || last.at - first.at < SHORTEST_MILLISECONDS) return undefined;
  const [before, now] = [currentOf(first, url), currentOf(last, url)];
  if (before === undefined || now === undefined) return undefined;
  const seconds = (last.at - first.at) / 1000;
  const filesPerSecond = Math.max(0, now.files - before.files) / seconds;
  const bytesPerSecond = Math.max(0, now.bytes - before.bytes) / seconds;
  return filesPerSecond === 0 && bytesPerSecond === 0 ? undefined : { filesPerSecond, bytesPerSecond };
}

/** Milliseconds until what waits is copied, at this pace. Files that still grow are not counted: nobody knows when they end. */
export function millisecondsLeft({ pending, growing }: ReplicaStatus, pace: Pace | undefined): number | undefined {
  const left = { files: pending.files - growing.files, bytes: pending.bytes - growing.bytes };
  if (pace === undefined || left.files <= 0) return undefined;
  const seconds = pace.bytesPerSecond > 0 ? left.bytes / pace.bytesPerSecond : left.files / pace.filesPerSecond;
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

function replicaRow(replica: ReplicaStatus, readings: readonly Reading[]): string[] {
  const reason = replica.conditions.find(({ type }) => type === "Ready")?.reason ?? "NotLookedAtYet";
  const stalled = replica.conditions.some(({ type, status }) => type === "Stalled" && status === "True");
  const state = replica.ready ? colours.green("ready") : stalled ? colours.red(`stalled: ${reason}`) : colours.yellow(reason);
  const pace = paceOf(readings, replica.url);
  const left = millisecondsLeft(replica, pace);
  const rate = pace === undefined ? "-" : `${bytes(pace.bytesPerSecond)}/s, ${number(Math.round(pace.filesPerSecond))} files/s`;
  return [
    printable(replica.url),
    state,
    amount(replica.current),
    amount(replica.pending),
    rate,
    left === undefined ? "-" : duration(Math.ceil(left / 1000) * 1000),
  ];
}

const eventLine = ({ last, severity, subject, reason, message, count }: EventDocument): string => {
  const text = `${printable(subject)}: ${reason}: ${oneLine(message)}`;
  const times = count === 1 ? "" : ` (${number(count)} times)`;
  return `  ${last}  ${severity === "info" ? text : colours.yellow(text)}${times}`;
};

/** The lines of one view. `trouble`: why the last look failed, if it did. */
export function watchText(readings: readonly Reading[], trouble?: string): string[] {
  const reading = readings.at(-1);
  if (reading === undefined) return [];
  const { status, events } = reading;
  const { agent } = status;
  const doing =
    agent.process === undefined
      ? "no sync is running"
      : `${agent.phase ?? "working"}: ${agent.process.command} (process ${agent.process.pid})`;
  const verdict = status.converged ? colours.green("converged") : colours.yellow("not converged yet");
  const replicas = status.replicas.filter(({ declared }) => declared);
  const rows = replicas.map((replica) => replicaRow(replica, readings));
  return [
    `${colours.bold(agent.hostname)}  ${verdict}  ${doing}`,
    ...(trouble === undefined ? [] : [colours.red(oneLine(trouble))]),
    "",
    ...(rows.length === 0
      ? ["no replica is declared"]
      : table(["REPLICA", "STATE", "CURRENT", "PENDING", "RATE", "LEFT"], rows).split("\n")),
    ...(events.length === 0 ? [] : ["", colours.dim("NEWEST EVENTS"), ...events.map(eventLine)]),
  ];
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The beginning of a line that is at most so wide. Bun's own cut may take one wide character too many. */
function cut(line: string, columns: number): string {
  for (let width = columns; width > 0; width--) {
    const part = Bun.sliceAnsi(line, 0, width);
    if (Bun.stringWidth(part) <= columns) return part;
  }
  return "";
}

/** The lines that fit, with how to end it below; what does not fit is counted. */
export function fitted(lines: readonly string[], { columns, rows }: Size, hint: string): string[] {
  const room = Math.max(1, rows - 1);
  const shown = lines.length <= room ? lines : [...lines.slice(0, room - 1), `... ${lines.length - room + 1} more lines`];
  return [...shown, colours.dim(hint)].slice(0, Math.max(1, rows)).map((line) => cut(line, columns));
}

/** What a status says apart from when it was read: another text is news. */
export const newsOf = (status: StatusDocument): string =>
  JSON.stringify(status, (key, value: unknown) => (key === "writtenAt" || key === "ageSeconds" ? undefined : value));
