/** Progress on standard error: lines that redraw themselves on a terminal (the last file of each worker below), else one record of the log every 10 s. */
import type { Progress } from "../../../internal/agent/mod.ts";
import { bytes, duration, number, printable } from "./text.ts";

/** Lines of files below the first: the screen is for other things too. */
const MOST_FILES = 8;
const PIPE_EVERY_MILLISECONDS = 10_000;

export interface ProgressLine {
  show(progress: Progress): void;
  /** Takes the line off the terminal. */
  clear(): void;
}

function textOf(progress: Progress): string {
  const { phase, subject, files, bytes: size, totalFiles, totalBytes, elapsedMilliseconds } = progress;
  const seconds = Math.max(0.001, elapsedMilliseconds / 1000);
  const of = totalFiles === null ? "" : ` of ${number(totalFiles)}`;
  const ofBytes = totalBytes === null ? "" : ` of ${bytes(totalBytes)}`;
  const rate =
    phase === "copying" || (phase === "verifying" && totalBytes !== null)
      ? `, ${bytes(size / seconds)}/s`
      : `, ${number(Math.round(files / seconds))} files/s`;
  const left = totalBytes !== null && size > 0 ? ((totalBytes - size) / size) * elapsedMilliseconds : undefined;
  const eta = left === undefined || left < 0 ? "" : `, ${duration(left)} left`;
  return `${phase} ${number(files)}${of} files, ${bytes(size)}${ofBytes}${rate}${eta}  ${printable(subject)}`;
}

/** `say` takes what stands where nothing can be redrawn. */
export function progressLine(stream: NodeJS.WriteStream, say: (text: string) => void): ProgressLine {
  let shownAt = performance.now();
  let drawn = false;
  return {
    show(progress) {
      if (stream.isTTY) {
        const lines = [textOf(progress), ...progress.current.slice(0, MOST_FILES).map((path) => `  ${printable(path)}`)];
        const cut = lines.map((line) => line.slice(0, (stream.columns ?? 80) - 1));
        // Down to the end of the screen is ours; the cursor goes back to the first line.
        stream.write(`\r\u001b[J${cut.join("\n")}${cut.length > 1 ? `\u001b[${cut.length - 1}A` : ""}\r`);
        drawn = true;
      } else if (performance.now() - shownAt >= PIPE_EVERY_MILLISECONDS) {
        shownAt = performance.now();
        say(textOf(progress));
      }
    },
    clear() {
      if (drawn) stream.write("\r\u001b[J");
      drawn = false;
    },
  };
}
