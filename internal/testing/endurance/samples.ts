/** What is looked at of a running agent, from outside. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import type { Tolerance } from "./judge.ts";

export const QUANTITIES = [
  "megabytes",
  "descriptors",
  "connections",
  "threads",
  "inventoryKilobytes",
  "statusKilobytes",
  "logLines",
] as const;
export type Quantity = (typeof QUANTITIES)[number];
export type Sample = Readonly<Record<Quantity, number>>;

/**
 * Log lines are those since the sample before. Connections are ssh processes: a worker opens up to four as the work wants, and closes them when it has rested, so that their number is
 * the work's; among the descriptors theirs are not counted, or three connections more would look like a leak, and hide one.
 */
export const TOLERANCES: Readonly<Record<Quantity, Tolerance>> = {
  megabytes: { share: 0.1, units: 25 },
  descriptors: { share: 0, units: 6 },
  connections: { share: 0, units: 6 },
  threads: { share: 0, units: 2 },
  inventoryKilobytes: { share: 0.1, units: 2_048 },
  statusKilobytes: { share: 0.1, units: 4 },
  logLines: { share: 1, units: 5 },
};

const field = (text: string, name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(text)?.[1] ?? 0);

/** The three pipes of a child process, and the descriptor that tells its end. */
const DESCRIPTORS_OF_A_CHILD = 4;

/** What the descriptors of a process are open on. One that is closed while they are read is none. */
function openDescriptors(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((descriptor) => {
    try {
      return readlinkSync(`${folder}/${descriptor}`);
    } catch {
      return [];
    }
  });
}

/** How many descriptors a process has but for those of its children, and how many children. */
export function descriptorsOf(pid: number): { readonly descriptors: number; readonly connections: number } {
  const open = openDescriptors(pid);
  const connections = open.filter((target) => target === "anon_inode:[pidfd]").length;
  return { descriptors: open.length - DESCRIPTORS_OF_A_CHILD * connections, connections };
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

export interface SampledFiles {
  readonly database: string;
  readonly statusFile: string;
}

export function sample(pid: number, { database, statusFile }: SampledFiles, logLines: number): Sample {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return {
    megabytes: field(status, "VmRSS") / 1024,
    ...descriptorsOf(pid),
    threads: field(status, "Threads"),
    inventoryKilobytes: (sizeOf(database) + sizeOf(`${database}-wal`)) / 1024,
    statusKilobytes: sizeOf(statusFile) / 1024,
    logLines,
  };
}
