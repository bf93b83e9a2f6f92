/** Progress on standard error: one line that redraws itself on a terminal, one line every 10 s in a pipe. */
import type { Progress } from "../../../internal/agent/mod.ts";
import { bytes, duration, number, printable } from "./text.ts";

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
  const rate = phase === "copying" ? `, ${bytes(size / seconds)}/s` : `, ${number(Math.round(files / seconds))} files/s`;
  const left = totalBytes !== null && size > 0 ? ((totalBytes - size) / size) * elapsedMilliseconds : undefined;
  const eta = left === undefined || left < 0 ? "" : `, ${duration(left)} left`;
  return `${phase} ${number(files)}${of} files, ${bytes(size)}${ofBytes}${rate}${eta}  ${printable(subject)}`;
}

export function progressLine(stream: NodeJS.WriteStream): ProgressLine {
  let shownAt = performance.now();
  let drawn = false;
  return {
    show(progress) {
      if (stream.isTTY) {
        stream.write(`\r\u001b[K${textOf(progress).slice(0, (stream.columns ?? 80) - 1)}`);
        drawn = true;
      } else if (performance.now() - shownAt >= PIPE_EVERY_MILLISECONDS) {
        shownAt = performance.now();
        stream.write(`${textOf(progress)}\n`);
      }
    },
    clear() {
      if (drawn) stream.write("\r\u001b[K");
      drawn = false;
    },
  };
}
