/** How much room a file system has (statvfs(3)). */
import { err, ok, type Result } from "neverthrow";
import { call, libc, Memory, pointer } from "./_libc.ts";
import type { FileDescriptor } from "./descriptor.ts";
import type { SysError } from "./errno.ts";
import { unsigned64 } from "./file-stat.ts";

export interface Space {
  /** For this user: what only root may use is not free. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number;
  /** 0 on file systems that have no fixed number. */
  readonly totalInodes: number;
  readonly readOnly: boolean;
  /** The number that the machine knows the file system by, in hexadecimal digits: f_fsid. Left out where it has none. */
  readonly fileSystem?: string;
}

/** What a file system says that has no number of its own. */
const NO_NUMBER = "0000000000000000";

/** The optional field of `Space`, from the halves of f_fsid. */
export function fileSystemNumber(high: number, low: number): { readonly fileSystem?: string } {
  const fileSystem = `${high.toString(16).padStart(8, "0")}${low.toString(16).padStart(8, "0")}`;
  return fileSystem === NO_NUMBER ? {} : { fileSystem };
}

/** Offsets in struct statvfs of the 64-bit C library. */
const STATVFS = {
  fragment: 8,
  blocks: 16,
  available: 32,
  inodes: 40,
  inodesAvailable: 56,
  number: 64,
  flags: 72,
  length: 112,
} as const;
const ST_RDONLY = 1;

const memory = new Memory(STATVFS.length);

export function space(descriptor: FileDescriptor): Result<Space, SysError> {
  const done = call("fstatvfs", () => libc.fstatvfs(descriptor, pointer(memory.address)));
  if (done.isErr()) return err(done.error);
  const { view } = memory;
  const fragment = unsigned64(view, STATVFS.fragment);
  return ok({
    freeBytes: unsigned64(view, STATVFS.available) * fragment,
    totalBytes: unsigned64(view, STATVFS.blocks) * fragment,
    freeInodes: unsigned64(view, STATVFS.inodesAvailable),
    totalInodes: unsigned64(view, STATVFS.inodes),
    readOnly: (view.getUint32(STATVFS.flags, true) & ST_RDONLY) !== 0,
    ...fileSystemNumber(view.getUint32(STATVFS.number + 4, true), view.getUint32(STATVFS.number, true)),
  });
}
