/**
 * What an SFTP status means. SFTP 3 has few codes: no space, a read-only file system, a name that is taken are all "failure". Where that is said, the far
 * end is asked again, by questions that have an answer.
 */
import { bytesOfText } from "../../sys/mod.ts";
import type { VolumeError, VolumeErrorReason } from "../volume-error.ts";
import { STATUS } from "./packets.ts";
import { lstat, statvfs } from "./sftp-calls.ts";
import type { SftpConnection, SftpFailure } from "./sftp-connection.ts";

const MAX_NAME_BYTES = 255;

function reasonOf(failure: SftpFailure, operation: string, path: string): VolumeErrorReason {
  if (failure.kind === "transport") return failure.reason;
  switch (failure.code) {
    case STATUS.noSuchFile:
      return "not-found";
    case STATUS.permissionDenied:
      return "denied";
    case STATUS.badMessage:
      return badMessage(operation, path);
    case STATUS.unsupported:
      return "unsupported";
    default:
      return "other";
  }
}

/** What a name is given in. */
const NAMING = ["open", "look at", "create", "rename to", "make directory"];

/** OpenSSH's server has one code for a name that is too long, an argument that is not valid and a message that it cannot read: only where a name was given is it the name's. */
function badMessage(operation: string, path: string): VolumeErrorReason {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (bytesOfText(name).length > MAX_NAME_BYTES) return "name-too-long";
  return NAMING.includes(operation) ? "name-not-allowed" : "other";
}

/** `whole`: the path as a person would write it. */
export const sftpError = (operation: string, whole: string, failure: SftpFailure): VolumeError => ({
  kind: "volume",
  reason: reasonOf(failure, operation, whole),
  operation,
  path: whole,
  code: "",
  words: failure.words,
});

/** What we found ourselves, without a status of the far end. */
export const ownError = (reason: VolumeErrorReason, operation: string, whole: string, words?: string): VolumeError => ({
  kind: "volume",
  reason,
  operation,
  path: whole,
  code: "",
  ...(words === undefined ? {} : { words }),
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
