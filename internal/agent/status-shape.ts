/**
 * The status document as it is read from a file that somebody else may have written: what is not of its shape is no status. More fields than are known here are those of a
 * later release, and do no harm.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { z } from "zod";
import { STATUS_FORMAT, type StatusDocument } from "./status-document.ts";

/** Files, bytes or seconds: beyond all disks and all times there is nothing to show. */
const count = z.number().min(-1e21).max(1e21);
const amount = z.looseObject({ files: count, bytes: count });
const text = z.string();

const condition = z.looseObject({
  type: text,
  status: z.enum(["True", "False", "Unknown"]),
  reason: text,
  message: text,
  help: text,
  lastTransition: text,
  observedGeneration: count,
});

const dataDirectory = z.looseObject({
  path: text,
  declared: z.boolean(),
  growing: amount,
  settled: amount,
  absent: amount,
  excluded: amount,
  imported: amount,
  lastFullScan: text.nullable(),
  scan: z
    .looseObject({
      durationMilliseconds: count,
      directories: count,
      symlinks: count,
      special: count,
      excludedByPattern: z.array(z.looseObject({ pattern: text, matches: count })),
      unreadable: count,
      problems: z.array(z.looseObject({ path: text, message: text })),
    })
    .nullable(),
  conditions: z.array(condition),
});

const verification = z.looseObject({
  promisedSeconds: count.nullable(),
  neededSeconds: count.nullable(),
  total: amount,
  round: z.looseObject({ begunAt: text, files: count, bytes: count, share: count, bytesPerSecond: count }).nullable(),
  wholeSince: text.nullable(),
  oldestEvidence: text.nullable(),
  findings: z.looseObject({ suspect: count, corrupt: count, lost: count }),
});

const replica = z.looseObject({
  url: text,
  declared: z.boolean(),
  ready: z.boolean(),
  conditions: z.array(condition),
  current: amount,
  pending: amount,
  growing: amount,
  failed: amount,
  kept: amount,
  tombstones: amount.exactOptional(),
  oldestPending: z.looseObject({ since: text, ageSeconds: count }).nullable(),
  failures: z.array(z.looseObject({ reason: text, files: count, example: text })),
  verification: verification.nullable(),
  lastError: z.looseObject({ path: text, host: text, at: text, reason: text, message: text }).nullable(),
});

const run = z.looseObject({
  kind: text,
  startedAt: text,
  endedAt: text.nullable(),
  outcome: text.nullable(),
  copiedFiles: count,
  copiedBytes: count,
  adoptedFiles: count,
  failedFiles: count,
});

const statusSchema: z.ZodType<StatusDocument> = z.looseObject({
  format: z.literal(STATUS_FORMAT),
  writtenAt: text,
  agent: z.looseObject({
    version: text,
    hostname: text,
    state: z.enum(["running", "idle"]),
    process: z.looseObject({ pid: count, command: text, since: text }).exactOptional(),
    phase: text.exactOptional(),
  }),
  configuration: z.looseObject({ file: text, generation: count, observedGeneration: count }),
  converged: z.boolean(),
  conditions: z.array(condition),
  hosts: z.array(
    z.looseObject({ name: text, declared: z.boolean(), scannedHere: z.boolean(), dataDirectories: z.array(dataDirectory) }),
  ),
  replicas: z.array(replica),
  runs: z.looseObject({ total: count, last: run.nullable() }),
});

/** Far more than the status of hundreds of replicas. */
const MOST_BYTES = 16 << 20;

/** The status that a text holds; undefined when it holds none. */
export function parseStatus(json: string): StatusDocument | undefined {
  try {
    return statusSchema.safeParse(JSON.parse(json)).data;
  } catch {
    // No JSON.
    return undefined;
  }
}

/** What the status file says; undefined when there is none, or none that can be understood. Never waits for a pipe. */
export function readStatusFile(path: string): StatusDocument | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { size } = fstatSync(descriptor);
    if (!fstatSync(descriptor).isFile() || size > MOST_BYTES) return undefined;
    const bytes = new Uint8Array(size);
    return parseStatus(new TextDecoder().decode(bytes.subarray(0, readSync(descriptor, bytes))));
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
