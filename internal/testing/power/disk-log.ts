/** The log that recorder.py writes: every write and every flush of some disks in one order, with marks of what was happening. */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

export type DiskRecord =
  /** `at`: where on the disk; `from` to `to`: where its bytes stand in the log. */
  | { readonly kind: "write"; readonly disk: number; readonly at: number; readonly from: number; readonly to: number }
  /** Everything that was written to the disk before is on stable storage. */
  | { readonly kind: "flush"; readonly disk: number }
  | { readonly kind: "mark"; readonly text: string };

export interface DiskLog {
  readonly bytes: Uint8Array;
  readonly records: readonly DiskRecord[];
}

const HEAD_BYTES = 24;
const KINDS = ["write", "flush", "mark"] as const;

export function readDiskLog(path: string): DiskLog {
  const bytes = readFileSync(path);
  const records: DiskRecord[] = [];
  for (let position = 0; position + HEAD_BYTES <= bytes.length; ) {
    const kind = KINDS[bytes.readUInt8(position)];
    const disk = bytes.readUInt8(position + 1);
    const from = position + HEAD_BYTES;
    const to = from + Number(bytes.readBigUInt64LE(position + 16));
    if (kind === "write") records.push({ kind, disk, at: Number(bytes.readBigUInt64LE(position + 8)), from, to });
    else if (kind === "flush") records.push({ kind, disk });
    else if (kind === "mark") records.push({ kind, text: bytes.toString("utf8", from, to) });
    else throw new Error(`${path} is no log of a recorder at ${position}`);
    position = to;
  }
  return { bytes, records };
}

/** A stretch of a disk, and where its bytes stand in the log. */
export interface Stretch {
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** Writes stretches of the log to a disk's image, in their order. */
export function writeStretches(image: string, bytes: Uint8Array, stretches: readonly Stretch[]): void {
  const file = openSync(image, "r+");
  try {
    for (const { at, from, to } of stretches) writeSync(file, bytes, from, to - from, at);
  } finally {
    closeSync(file);
  }
}
