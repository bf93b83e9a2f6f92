/** Making, removing and renaming names in open directories. */
import type { Result } from "neverthrow";
import { call, cString, libc, nothing, pointer } from "./_libc.ts";
import type { FileDescriptor } from "./descriptor.ts";
import type { SysError } from "./errno.ts";

/** mkdirat(2); the umask is taken off the mode. */
export const makeDirectory = (directory: FileDescriptor, name: string, mode: number): Result<undefined, SysError> =>
  cString("mkdirat", name).andThen((path) => call("mkdirat", () => libc.mkdirat(directory, pointer(path), mode)).map(nothing));

/** unlinkat(2): removes a file's name, never a directory. */
export const removeFile = (directory: FileDescriptor, name: string): Result<undefined, SysError> =>
  cString("unlinkat", name).andThen((path) => call("unlinkat", () => libc.unlinkat(directory, pointer(path), 0)).map(nothing));

const RENAME_NOREPLACE = 1;

function renameWith(directory: FileDescriptor, from: string, to: string, flags: number): Result<undefined, SysError> {
  return cString("renameat2", from, 0).andThen((fromPath) =>
    cString("renameat2", to, 1).andThen((toPath) =>
      call("renameat2", () => libc.renameat2(directory, pointer(fromPath), directory, pointer(toPath), flags)).map(nothing),
    ),
  );
}

/** Renames within a directory, atomically, over whatever has the name. */
export const rename = (directory: FileDescriptor, from: string, to: string): Result<undefined, SysError> =>
  renameWith(directory, from, to, 0);

/** Renames within a directory; EEXIST when the name is taken; EINVAL or ENOSYS where the file system cannot promise that (renameat2(2)). */
export const renameNoReplace = (directory: FileDescriptor, from: string, to: string): Result<undefined, SysError> =>
  renameWith(directory, from, to, RENAME_NOREPLACE);
