/** What is looked at of a running agent, from outside. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import type { Tolerance } from "./judge.ts";

export const QUANTITIES = ["megabytes", "descriptors", "threads", "inventoryKilobytes", "statusKilobytes", "logLines"] as const;
export type Quantity = (typeof QUANTITIES)[number];
export type Sample = Readonly<Record<Quantity, number>>;

/** Log lines are those since the sample before. */
export const TOLERANCES: Readonly<Record<Quantity, Tolerance>> = {
  megabytes: { share: 0.1, units: 25 },
  descriptors: { share: 0, units: 6 },
  threads: { share: 0, units: 2 },
  inventoryKilobytes: { share: 0.1, units: 2_048 },
  statusKilobytes: { share: 0.1, units: 4 },
  logLines: { share: 1, units: 5 },
};

const field = (text: string, name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? 0);

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

export interface SampledFiles {
  readonly database: string;
  readonly statusFile: string;
}

export function sample(pid: number, { database, statusFile }: SampledFiles, logLines: number): Sample {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    megabytes: field(status, "VmRSS") / 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: field(status, "Threads"),
    inventoryKilobytes: (sizeOf(database) + sizeOf(`${database}-wal`)) / 1024,
    statusKilobytes: sizeOf(statusFile) / 1024,
    logLines,
  };
}
