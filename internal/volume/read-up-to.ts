/** Small files, read whole. */
import { err, ok, type Result } from "neverthrow";
import { IoBuffer } from "../sys/mod.ts";
import type { SourceFile } from "./volume.ts";
import type { VolumeError } from "./volume-error.ts";

/** The first bytes of a file, at most so many. A file system may give less than it is asked for, and have more (read(2)): it is asked until it has no more. */
export async function readUpTo(source: SourceFile, most: number): Promise<Result<Uint8Array, VolumeError>> {
  const buffer = new IoBuffer(most);
  const whole = new Uint8Array(most);
  let length = 0;
  while (length < most) {
    const read = await source.read(buffer, most - length, length);
    if (read.isErr()) return err(read.error);
    if (read.value === 0) break;
    whole.set(buffer.bytes.subarray(0, read.value), length);
    length += read.value;
  }
  return ok(whole.subarray(0, length));
}
