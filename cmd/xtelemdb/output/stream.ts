/** Long answers that are written while they are found: whoever writes waits for the reader, so that nothing piles up in memory. */

/** Writes to standard output, and waits until it has been taken. */
export const writeOut = (chunk: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(chunk, (error) => (error ? reject(error) : resolve()));
  });

/** One JSON object a line. */
export const writeLines = (values: readonly unknown[]): Promise<void> =>
  writeOut(values.map((value) => `${JSON.stringify(value)}\n`).join(""));
