/**
 * What an SFTP status means. SFTP 3 has few codes: no space, a read-only file system, a name that is taken are all "failure". Where that is said, the far
 * end is asked again, by questions that have an answer.
 */
import type { VolumeError, VolumeErrorReason } from "../volume-error.ts";
import { STATUS } from "./packets.ts";
import { lstat, statvfs } from "./sftp-calls.ts";
import type { SftpConnection, SftpFailure } from "./sftp-connection.ts";

const MAX_NAME_BYTES = 255;

function reasonOf(failure: SftpFailure, path: string): VolumeErrorReason {
  if (failure.kind === "transport") return failure.reason;
  switch (failure.code) {
    case STATUS.noSuchFile:
      return "not-found";
    case STATUS.permissionDenied:
      return "denied";
    case STATUS.badMessage: {
      const name = path.slice(path.lastIndexOf("/") + 1);
      return Buffer.byteLength(name) > MAX_NAME_BYTES ? "name-too-long" : "name-not-allowed";
    }
    case STATUS.unsupported:
      return "unsupported";
    default:
      return "other";
  }
}

/** `whole`: the path as a person would write it. */
export const sftpError = (operation: string, whole: string, failure: SftpFailure): VolumeError => ({
  kind: "volume",
  reason: reasonOf(failure, whole),
  operation,
  path: whole,
  code: "",
  words: failure.words,
});

/** A flush, a directory and a name need room too. */
const ALMOST_NOTHING_BYTES = 64 << 10;

/** Asks what is behind a bare "failure" of something that writes. `path`: of the root; `taken`: the path of a name that had to be free. */
export async function explainFailure(
  connection: SftpConnection,
  error: VolumeError,
  root: string,
  needed: { readonly bytes?: number; readonly taken?: string },
): Promise<VolumeError> {
  if (error.reason !== "other" && error.reason !== "denied") return error;
  if (needed.taken !== undefined) {
    const there = await lstat(connection, needed.taken);
    if (there.isOk()) return { ...error, reason: "exists" };
  }
  if (!connection.abilities.statvfs) return error;
  const space = await statvfs(connection, root);
  if (space.isErr()) return error;
  const { readOnly, freeBytes, freeInodes, totalInodes } = space.value;
  if (readOnly) return { ...error, reason: "read-only" };
  if (error.reason === "denied") return error;
  const full = freeBytes < Math.max(ALMOST_NOTHING_BYTES, needed.bytes ?? 0) || (totalInodes > 0 && freeInodes === 0);
  return full ? { ...error, reason: "no-space" } : error;
}
