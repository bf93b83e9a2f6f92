/**
 * The whole terminal as a page that is drawn anew (xterm's alternate screen, https://invisible-island.net/xterm/ctlseqs/ctlseqs.html). Whatever ends the
 * program, the terminal is as it was before.
 */
import { writeSync } from "node:fs";
import type { Size } from "./watch-text.ts";

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

/** Of the terminal now. */
export const sizeOf = (stream: NodeJS.WriteStream): Size => {
  const [columns = 80, rows = 24] = stream.getWindowSize();
  return { columns: columns || 80, rows: rows || 24 };
};

/** The codes that draw these lines over whatever was there. */
export const drawing = (lines: readonly string[]): string =>
  `\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`;

/** Runs with the whole terminal. `draw` shows lines when they are others than before; `resized` is called when the terminal has another size. */
export async function withScreen<Value>(
  stream: NodeJS.WriteStream & { readonly fd: number },
  resized: () => void,
  action: (draw: (lines: readonly string[]) => void) => Promise<Value>,
): Promise<Value> {
  let left = false;
  const leave = (): void => {
    if (left) return;
    left = true;
    // At the end of a process only what is written at once is written.
    writeSync(stream.fd, LEAVE);
  };
  let drawn = "";
  process.on("exit", leave);
  stream.on("resize", resized);
  stream.write(ENTER);
  try {
    return await action((lines) => {
      const text = drawing(lines);
      if (text === drawn || left) return;
      drawn = text;
      stream.write(text);
    });
  } finally {
    stream.off("resize", resized);
    leave();
    process.off("exit", leave);
  }
}
