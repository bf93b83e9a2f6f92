/** Long answers that are written while they are found: whoever writes waits for the reader, so that nothing piles up in memory. */
import { jsonText } from "../../../internal/sys/mod.ts";
import { shown } from "./shown.ts";

/** Writes text to standard output, made fit to be seen, and waits until it has been taken. */
export const writeText = (text: string): Promise<void> => writeOut(shown(text));

/** Writes to standard output as it is, and waits until it has been taken, or nobody reads it any more: then the command is asked to stop (main.ts). */
export const writeOut = (chunk: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(chunk, (error?: NodeJS.ErrnoException | null) => {
      if (error && error.code !== "EPIPE") reject(error);
      else resolve();
    });
  });

/** One JSON object a line. */
export const writeLines = (values: readonly unknown[]): Promise<void> =>
  writeOut(values.map((value) => `${jsonText(value)}\n`).join(""));
