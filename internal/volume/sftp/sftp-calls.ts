/** The requests of SFTP 3 and OpenSSH's extensions (PROTOCOL, section 4), each a function of a connection. None waits for another: what is sent first is done first. */
import { err, ok } from "neverthrow";
import { type FileStat, fileSystemNumber, isCountable, type Space } from "../../sys/mod.ts";
import { type Attributes, PacketError, type PacketReader, PacketWriter, REPLY, REQUEST, STATUS } from "./packets.ts";
import type { SftpConnection, SftpResult } from "./sftp-connection.ts";

/** An open file or directory at the far end. */
export type Handle = Uint8Array;

type Call<Value> = Promise<SftpResult<Value>>;

const handleOf = { type: REPLY.handle, read: (reader: PacketReader): Handle => reader.handle() } as const;

/** A size that cannot be counted is one file's trouble, not the connection's. */
async function askStat(connection: SftpConnection, make: (id: number) => PacketWriter): Call<FileStat> {
  const asked = await connection.ask(make, REPLY.attributes, (reader) => reader.stat());
  return asked.andThen((stat): SftpResult<FileStat> => {
    if (isCountable(stat.size, stat.mtimeSeconds)) return ok(stat);
    return err({ kind: "status", code: STATUS.failure, words: `its size is said to be ${stat.size} bytes` });
  });
}

/** What the name is; a symbolic link is not followed. */
export const lstat = (connection: SftpConnection, path: string): Call<FileStat> =>
  askStat(connection, (id) => new PacketWriter(REQUEST.lstat, id).path(path));

/** What the name leads to. */
export const stat = (connection: SftpConnection, path: string): Call<FileStat> =>
  askStat(connection, (id) => new PacketWriter(REQUEST.stat, id).path(path));

export const fstat = (connection: SftpConnection, handle: Handle): Call<FileStat> =>
  askStat(connection, (id) => new PacketWriter(REQUEST.fstat, id).bytes(handle));

/** `flags`: of `OPEN`. `mode`: of a file that is made. */
export const open = (connection: SftpConnection, path: string, flags: number, mode?: number): Call<Handle> =>
  connection.ask(
    (id) => {
      const attributes = mode === undefined ? {} : { permissions: mode };
      return new PacketWriter(REQUEST.open, id).path(path).u32(flags).attributes(attributes);
    },
    handleOf.type,
    handleOf.read,
  );

export const close = (connection: SftpConnection, handle: Handle): Call<undefined> =>
  connection.tell((id) => new PacketWriter(REQUEST.close, id).bytes(handle));

export const openDirectory = (connection: SftpConnection, path: string): Call<Handle> =>
  connection.ask((id) => new PacketWriter(REQUEST.opendir, id).path(path), handleOf.type, handleOf.read);

export interface ListedName {
  readonly name: string;
  readonly stat: FileStat;
}

/** A listing of OpenSSH has a hundred names an answer, others have more; eight answers are on the way at a time. */
const MOST_NAMES_AN_ANSWER = 16_384;

/** The next names of an open directory; at its end the status "end of file". */
export const readDirectory = (connection: SftpConnection, handle: Handle): Call<readonly ListedName[]> =>
  connection.ask(
    (id) => new PacketWriter(REQUEST.readdir, id).bytes(handle),
    REPLY.name,
    (reader) => {
      const names: ListedName[] = [];
      const count = reader.u32();
      if (count > MOST_NAMES_AN_ANSWER) throw new PacketError(`${count} names in one answer`);
      for (let left = count; left > 0; left--) {
        const name = reader.path();
        reader.bytes();
        names.push({ name, stat: reader.stat() });
      }
      return names;
    },
  );

/** At most `length` bytes at `position`, into `target`; how many there were. At the end of the file the status "end of file". */
export const read = (
  connection: SftpConnection,
  handle: Handle,
  position: number,
  length: number,
  target: Uint8Array,
): Call<number> =>
  connection.ask(
    (id) => new PacketWriter(REQUEST.read, id).bytes(handle).u64(position).u32(length),
    REPLY.data,
    (reader) => {
      const bytes = reader.bytes();
      if (bytes.length > length) throw new PacketError(`${bytes.length} bytes where ${length} were asked for`);
      target.set(bytes);
      return bytes.length;
    },
  );

/** The bytes are copied before this returns. */
export const write = (connection: SftpConnection, handle: Handle, position: number, bytes: Uint8Array): Call<undefined> =>
  connection.tell((id) => new PacketWriter(REQUEST.write, id, bytes.length).bytes(handle).u64(position).bytes(bytes));

export const setAttributes = (connection: SftpConnection, path: string, attributes: Attributes): Call<undefined> =>
  connection.tell((id) => new PacketWriter(REQUEST.setstat, id).path(path).attributes(attributes));

export const setHandleAttributes = (connection: SftpConnection, handle: Handle, attributes: Attributes): Call<undefined> =>
  connection.tell((id) => new PacketWriter(REQUEST.fsetstat, id).bytes(handle).attributes(attributes));

export const makeDirectory = (connection: SftpConnection, path: string, mode: number): Call<undefined> =>
  connection.tell((id) => new PacketWriter(REQUEST.mkdir, id).path(path).attributes({ permissions: mode }));

export const remove = (connection: SftpConnection, path: string): Call<undefined> =>
  connection.tell((id) => new PacketWriter(REQUEST.remove, id).path(path));

/** Never replaces: OpenSSH links and unlinks, others refuse. */
export const renameToNew = (connection: SftpConnection, from: string, to: string): Call<undefined> =>
  connection.tell((id) => new PacketWriter(REQUEST.rename, id).path(from).path(to));

export const renameReplacing = (connection: SftpConnection, from: string, to: string): Call<undefined> =>
  connection.tell((id) => new PacketWriter(REQUEST.extended, id).ascii("posix-rename@openssh.com").path(from).path(to));

export const fsync = (connection: SftpConnection, handle: Handle): Call<undefined> =>
  connection.tell((id) => new PacketWriter(REQUEST.extended, id).ascii("fsync@openssh.com").bytes(handle));

const READ_ONLY = 1;

export const statvfs = (connection: SftpConnection, path: string): Call<Space> =>
  connection.ask(
    (id) => new PacketWriter(REQUEST.extended, id).ascii("statvfs@openssh.com").path(path),
    REPLY.extended,
    (reader) => {
      // f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_favail, f_fsid, f_flag, f_namemax
      const numbers = Array.from({ length: 8 }, () => reader.u64());
      // All 64 bits of it count: a double would lose some.
      const number = fileSystemNumber(reader.u32(), reader.u32());
      const flags = reader.u64();
      const at = (index: number): number => numbers[index] ?? 0;
      const fragment = at(1);
      const exact = (value: number): number => Math.min(value, Number.MAX_SAFE_INTEGER);
      return {
        freeBytes: exact(at(4) * fragment),
        totalBytes: exact(at(2) * fragment),
        freeInodes: exact(at(7)),
        totalInodes: exact(at(5)),
        readOnly: (flags & READ_ONLY) !== 0,
        ...number,
      };
    },
  );
