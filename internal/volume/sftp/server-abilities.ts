/** What an SFTP server can do beyond SFTP 3, and how much at a time. What it says of that is believed within reason. */
import type { PacketReader } from "./packets.ts";

export interface ServerAbilities extends ServerLimits {
  readonly fsync: boolean;
  readonly posixRename: boolean;
  /** Told by servers whose RENAME links and unlinks, and so never replaces. */
  readonly hardlink: boolean;
  readonly statvfs: boolean;
}

export interface ServerLimits {
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly openHandles: number;
}

export const LIMITS = "limits@openssh.com";

/** RFC drafts promise 32 KiB; and every server allows this many open files. */
const MODEST: ServerLimits = { readBytes: 32_768, writeBytes: 32_768, openHandles: 64 };
/** With less, a file would be as many requests as bytes. */
const LEAST: ServerLimits = { readBytes: 4_096, writeBytes: 4_096, openHandles: 1 };
/** Larger packets gain nothing, and wait longer behind each other. */
export const LARGEST_CHUNK_BYTES = 255 << 10;
const MOST: ServerLimits = { readBytes: LARGEST_CHUNK_BYTES, writeBytes: LARGEST_CHUNK_BYTES, openHandles: 1 << 20 };

/** The answer to "limits@openssh.com"; 0 is no answer (PROTOCOL, section 4.8). */
export function readLimits(reader: PacketReader): ServerLimits {
  const within = (value: number, name: keyof ServerLimits): number =>
    value === 0 ? MODEST[name] : Math.max(LEAST[name], Math.min(value, MOST[name]));
  reader.u64();
  return {
    readBytes: within(reader.u64(), "readBytes"),
    writeBytes: within(reader.u64(), "writeBytes"),
    openHandles: within(reader.u64(), "openHandles"),
  };
}

export const abilitiesOf = (extensions: ReadonlySet<string>, limits: ServerLimits | undefined): ServerAbilities => ({
  fsync: extensions.has("fsync@openssh.com"),
  posixRename: extensions.has("posix-rename@openssh.com"),
  hardlink: extensions.has("hardlink@openssh.com"),
  statvfs: extensions.has("statvfs@openssh.com"),
  ...(limits ?? MODEST),
});
