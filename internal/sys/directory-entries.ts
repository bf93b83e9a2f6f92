/**
 * Lists a directory with the stat of each file: the scan's inner loop. getdents64(2) fills one buffer; statx(2) is called with the name's place in that
 * buffer, so that a name costs one string and nothing else.
 */
import { err, ok, type Result } from "neverthrow";
import { call, libc, Memory, pointer } from "./_libc.ts";
import type { FileDescriptor } from "./descriptor.ts";
import type { SysError } from "./errno.ts";
import { isCountable, STATX, signed64, tooLarge, unsigned64 } from "./file-stat.ts";
import { textOfBytes } from "./name-bytes.ts";

/** What a listing tells, an entry at a time. It must not list another directory meanwhile: the buffer is one a thread. */
export interface EntryVisitor {
  /** Asks for creation times, too, where the file system has them. */
  readonly wantsCreated?: boolean;
  /** `changed`: the change time in seconds with their fraction, for which a double is exact enough. `created`: the same of the creation time, if it is wanted and known. */
  file(name: string, size: number, mtimeSeconds: number, mtimeNanoseconds: number, changed: number, created?: number): void;
  directory(name: string): void;
  symlink(name: string): void;
  /** Sockets, pipes, devices. */
  special(name: string): void;
  /** The name is there, but what it is cannot be told. One that vanished meanwhile is not visited. */
  unreadable(name: string, error: SysError): void;
}

/** Offsets in struct linux_dirent64. */
const DIRENT = { length: 16, type: 18, name: 19 } as const;
const DT = { unknown: 0, directory: 4, file: 8, symlink: 10 } as const;

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
/** STATX_TYPE | STATX_MTIME | STATX_CTIME | STATX_SIZE: what is not asked for need not be fetched. */
const WANTED = 0x1 | 0x40 | 0x80 | 0x200;
const STATX_BTIME = 0x800;

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;

const entries = new Memory(1 << 18);
const stat = new Memory(STATX.length);

function nameAt(start: number): string {
  const { bytes } = entries;
  let end = start;
  let all = 0;
  for (let byte = bytes[end] ?? 0; byte !== 0; byte = bytes[++end] ?? 0) all |= byte;
  // ASCII is the same text in every reading; anything else takes the exact way.
  return all < 0x80 ? ascii.toString("latin1", start, end) : textOfBytes(bytes.subarray(start, end));
}
const ascii = Buffer.from(entries.buffer);

/** Visits every entry but "." and "..", from a directory that was opened for this. An error means that the listing is incomplete. */
export function readEntries(directory: FileDescriptor, visitor: EntryVisitor): Result<undefined, SysError> {
  const { view, bytes } = entries;
  for (;;) {
    const filled = call("getdents64", () => libc.getdents64(directory, pointer(entries.address), bytes.length));
    if (filled.isErr()) return err(filled.error);
    if (filled.value === 0) return ok(undefined);
    for (let at = 0; at < filled.value; at += view.getUint16(at + DIRENT.length, true)) {
      const start = at + DIRENT.name;
      if (bytes[start] === 0x2e && (bytes[start + 1] === 0 || (bytes[start + 1] === 0x2e && bytes[start + 2] === 0))) continue;
      const type = bytes[at + DIRENT.type];
      if (type === DT.directory) visitor.directory(nameAt(start));
      else if (type === DT.symlink) visitor.symlink(nameAt(start));
      else if (type === DT.file || type === DT.unknown) visitStat(directory, start, visitor);
      else visitor.special(nameAt(start));
    }
  }
}

function createdOf(view: DataView, { wantsCreated }: EntryVisitor): number | undefined {
  if (wantsCreated !== true || (view.getUint32(STATX.mask, true) & STATX_BTIME) === 0) return undefined;
  return signed64(view, STATX.birthSeconds) + view.getUint32(STATX.birthNanoseconds, true) / 1e9;
}

function visitStat(directory: FileDescriptor, start: number, visitor: EntryVisitor): void {
  const path = pointer(entries.address + start);
  const wanted = visitor.wantsCreated === true ? WANTED | STATX_BTIME : WANTED;
  if (libc.statx(directory, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, wanted, pointer(stat.address)) !== 0) {
    // Once more, in the way that tells the error.
    const again = call("statx", () =>
      libc.statx(directory, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, wanted, pointer(stat.address)),
    );
    if (again.isErr()) {
      if (again.error.code !== "ENOENT") visitor.unreadable(nameAt(start), again.error);
      return;
    }
  }
  const { view } = stat;
  const kind = view.getUint16(STATX.mode, true) & S_IFMT;
  const name = nameAt(start);
  if (kind === S_IFREG) {
    const size = unsigned64(view, STATX.size);
    const mtimeSeconds = signed64(view, STATX.mtimeSeconds);
    if (!isCountable(size, mtimeSeconds)) {
      visitor.unreadable(name, tooLarge());
      return;
    }
    visitor.file(
      name,
      size,
      mtimeSeconds,
      view.getUint32(STATX.mtimeNanoseconds, true),
      signed64(view, STATX.ctimeSeconds) + view.getUint32(STATX.ctimeNanoseconds, true) / 1e9,
      createdOf(view, visitor),
    );
  } else if (kind === S_IFDIR) visitor.directory(name);
  else if (kind === S_IFLNK) visitor.symlink(name);
  else visitor.special(name);
}
