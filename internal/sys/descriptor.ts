/**
 * Opening and closing. A root is opened as the operator named it, symbolic links and all; below a root no link is followed and none leads out
 * (openat2(2), RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS).
 */
import { err, ok, type Result } from "neverthrow";
import { badString, call, cString, failed, libc, Memory, NO_STRING, pointer } from "./_libc.ts";
import { type SysError, sysError } from "./errno.ts";
import { bytesOfText } from "./name-bytes.ts";

declare const brand: unique symbol;
export type FileDescriptor = number & { readonly [brand]: "FileDescriptor" };

/** open(2) flags: four of them differ between the architectures (asm-generic/fcntl.h against arch/arm64/include/uapi/asm/fcntl.h). */
const ARM = process.arch === "arm64";
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_DIRECTORY = ARM ? 0o40000 : 0o200000;
const O_NOFOLLOW = ARM ? 0o100000 : 0o400000;
const O_NOATIME = 0o1000000;
const O_CLOEXEC = 0o2000000;

const AT_FDCWD = -100;
const SYS_OPENAT2 = 437;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;

/** A path given to the kernel is shorter than PATH_MAX (4096); longer ones are walked in pieces. */
const PIECE_BYTES = 4000;

/** struct open_how: flags, mode, resolve; 64 bits each. */
const openHow = new Memory(24);
let openat2Works = true;

// An open file's number comes from the kernel only here.
const descriptorOf = (fd: number) => fd as FileDescriptor;

function openAt(directory: number, path: string, flags: number, mode = 0): Result<FileDescriptor, SysError> {
  const address = cString(path);
  if (address === NO_STRING) return err(badString("openat", path));
  const opened = libc.openat(directory, pointer(address), flags | O_CLOEXEC, mode);
  if (opened >= 0) return ok(descriptorOf(opened));
  return failed("openat", () => libc.openat(directory, pointer(address), flags | O_CLOEXEC, mode)).map(descriptorOf);
}

/** Opens a directory that the operator named, following symbolic links. */
export const openRootDirectory = (path: string): Result<FileDescriptor, SysError> =>
  openAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);

export function close(descriptor: FileDescriptor): void {
  // close(2): whatever it answers, the descriptor is gone; errors of writing were asked for by fsync.
  libc.close(descriptor);
}

function openPiece(directory: FileDescriptor, path: string): Result<FileDescriptor, SysError> {
  const flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
  if (openat2Works) {
    openHow.view.setBigUint64(0, BigInt(flags), true);
    openHow.view.setBigUint64(8, 0n, true);
    openHow.view.setBigUint64(16, BigInt(RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH), true);
    const address = cString(path);
    if (address === NO_STRING) return err(badString("openat2", path));
    const opened = call("openat2", () => libc.syscall(SYS_OPENAT2, directory, pointer(address), pointer(openHow.address), 24, 0));
    if (opened.isOk()) return ok(descriptorOf(opened.value));
    // An old kernel has no such call, and a container's filter may forbid it.
    if (opened.error.code !== "ENOSYS" && opened.error.code !== "EPERM") return err(opened.error);
    openat2Works = false;
  }
  let current: FileDescriptor | undefined;
  for (const name of path.split("/")) {
    const next: Result<FileDescriptor, SysError> =
      name === ".." ? err(sysError("openat", 18)) : openAt(current ?? directory, name, flags);
    if (current !== undefined) close(current);
    if (next.isErr()) return err(next.error);
    current = next.value;
  }
  return current === undefined ? err(sysError("openat", 2)) : ok(current);
}

/** Cuts a path into pieces of whole names that the kernel takes. */
function piecesOf(path: string): string[] {
  if (path.length * 4 < PIECE_BYTES || bytesOfText(path).length < PIECE_BYTES) return [path];
  const pieces: string[] = [];
  let piece = "";
  for (const name of path.split("/")) {
    const longer = piece === "" ? name : `${piece}/${name}`;
    if (piece !== "" && bytesOfText(longer).length >= PIECE_BYTES) {
      pieces.push(piece);
      piece = name;
    } else piece = longer;
  }
  pieces.push(piece);
  return pieces;
}

/** Opens a directory below an open one; the empty path is the directory itself, opened anew. Paths may be longer than PATH_MAX. */
export function openDirectoryBelow(root: FileDescriptor, path: string): Result<FileDescriptor, SysError> {
  if (path === "") return openAt(root, ".", O_RDONLY | O_DIRECTORY);
  let current: FileDescriptor | undefined;
  for (const piece of piecesOf(path)) {
    const next = openPiece(current ?? root, piece);
    if (current !== undefined) close(current);
    if (next.isErr()) return err(next.error);
    current = next.value;
  }
  return current === undefined ? err(sysError("openat2", 2)) : ok(current);
}

/** Opens for reading what may not be a regular file at all: does not follow, does not block. The access time stays, where that is allowed. */
export function openFileForReading(directory: FileDescriptor, name: string): Result<FileDescriptor, SysError> {
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  const opened = openAt(directory, name, flags | O_NOATIME);
  // open(2): O_NOATIME is for the file's owner and for root.
  return opened.isErr() && opened.error.code === "EPERM" ? openAt(directory, name, flags) : opened;
}

/** Makes a file that did not exist, for writing. The umask is taken off the mode. */
export const createExclusive = (directory: FileDescriptor, name: string, mode: number): Result<FileDescriptor, SysError> =>
  openAt(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);

/** Opens a lock file, made if need be. */
export const openLockFile = (path: string): Result<FileDescriptor, SysError> =>
  openAt(AT_FDCWD, path, 2 | O_CREAT | O_NOFOLLOW, 0o640);
