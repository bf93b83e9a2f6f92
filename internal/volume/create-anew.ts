/** Temporary files of which there is one name for each purpose. */
import { err, type Result } from "neverthrow";
import type { TemporaryFile, VolumeDirectory } from "./volume.ts";
import type { VolumeError } from "./volume-error.ts";

/** Creates one. A name that is taken was taken by a run that was killed: nobody else gives it. */
export async function createAnew(directory: VolumeDirectory, name: string): Promise<Result<TemporaryFile, VolumeError>> {
  const created = await directory.createTemporary(name);
  if (created.isOk() || created.error.reason !== "exists") return created;
  const removed = await directory.removeTemporary(name);
  return removed.isErr() ? err(removed.error) : directory.createTemporary(name);
}
