/** Making, removing and renaming names in open directories. */
import { err, type Result } from "neverthrow";
import { badString, call, cString, DONE, failed, libc, NO_STRING, nothing, pointer } from "./_libc.ts";
import type { FileDescriptor } from "./descriptor.ts";
import type { SysError } from "./errno.ts";

/** mkdirat(2); the umask is taken off the mode. */
export function makeDirectory(directory: FileDescriptor, name: string, mode: number): Result<undefined, SysError> {
  const path = cString(name);
  if (path === NO_STRING) return err(badString("mkdirat", name));
  return call("mkdirat", () => libc.mkdirat(directory, pointer(path), mode)).map(nothing);
}

/** unlinkat(2): removes a file's name, never a directory. */
export function removeFile(directory: FileDescriptor, name: string): Result<undefined, SysError> {
  const path = cString(name);
  if (path === NO_STRING) return err(badString("unlinkat", name));
  return call("unlinkat", () => libc.unlinkat(directory, pointer(path), 0)).map(nothing);
}

const RENAME_NOREPLACE = 1;

function renameWith(directory: FileDescriptor, from: string, to: string, flags: number): Result<undefined, SysError> {
  const fromPath = cString(from, 0);
  const toPath = cString(to, 1);
  if (fromPath === NO_STRING || toPath === NO_STRING) return err(badString("renameat2", fromPath === NO_STRING ? from : to));
  const renamed = libc.renameat2(directory, pointer(fromPath), directory, pointer(toPath), flags);
  if (renamed === 0) return DONE;
  const again = () => libc.renameat2(directory, pointer(fromPath), directory, pointer(toPath), flags);
  return failed("renameat2", again).map(nothing);
}

/** Renames within a directory, atomically, over whatever has the name. */
export const rename = (directory: FileDescriptor, from: string, to: string): Result<undefined, SysError> =>
  renameWith(directory, from, to, 0);

/** Renames within a directory; EEXIST when the name is taken; EINVAL or ENOSYS where the file system cannot promise that (renameat2(2)). */
export const renameNoReplace = (directory: FileDescriptor, from: string, to: string): Result<undefined, SysError> =>
  renameWith(directory, from, to, RENAME_NOREPLACE);
