/** How numbers, times and tables look to a person; plain in a pipe, in colour on a terminal. */
import colours from "picocolors";
import prettyBytes from "pretty-bytes";
import prettyMilliseconds from "pretty-ms";
import { printable } from "../../../internal/sys/mod.ts";

export { colours, printable };

export type Colours = ReturnType<typeof colours.createColors>;

/** Colours for another stream than standard output, which alone picocolors looks at. */
export const coloursFor = (stream: NodeJS.WriteStream): Colours =>
  colours.createColors(
    Boolean(process.env.FORCE_COLOR) || (stream.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb"),
  );
/** A message in one line. The names in it are printable already, and stay as they are; what else could act on a terminal is made so. */
export const oneLine = (message: string): string => printable(message.replaceAll(/\s*\n\s*/g, " ")).replaceAll("\\\\", "\\");

export const bytes = (count: number): string => prettyBytes(count, { binary: true });

/** 1234567 as "1,234,567". */
export const number = (count: number): string => count.toLocaleString("en-US");

/** "1 file", "2 files". */
export const counted = (count: number, noun: string): string => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

export const duration = (milliseconds: number): string =>
  prettyMilliseconds(milliseconds, { unitCount: 2, secondsDecimalDigits: 1 });

export const amount = ({ files, bytes: size }: { readonly files: number; readonly bytes: number }): string =>
  files === 0 ? "-" : `${number(files)} (${bytes(size)})`;

/** The visible width: without colour codes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes begin with a control character
const width = (text: string): number => Bun.stringWidth(text.replaceAll(/\u001b\[[0-9;]*m/g, ""));

/** Columns aligned by spaces; the last column is never padded, so that nothing trails. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], indent = ""): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ""))));
  const line = (row: readonly string[]) =>
    indent +
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - width(cell))))
      .join("  ")
      .trimEnd();
  return [colours.dim(line(header)), ...rows.map(line)].join("\n");
}
