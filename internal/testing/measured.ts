/** The most memory that a program takes. */
import { readFileSync } from "node:fs";
import type { Outcome, Running } from "./program.ts";

export interface MeasuredOutcome extends Outcome {
  readonly megabytes: number;
}

/** Waits for its end, and looks now and then. */
export async function measured(running: Running): Promise<MeasuredOutcome> {
  let kilobytes = 0;
  const look = setInterval(() => {
    kilobytes = Math.max(kilobytes, peakOf(running.pid));
  }, 50);
  const outcome = await running.ended;
  clearInterval(look);
  return { ...outcome, megabytes: kilobytes / 1024 };
}

function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    // It has ended.
    return 0;
  }
}
