/**
 * The bytes of SFTP version 3 (draft-ietf-secsh-filexfer-02): numbers are big-endian, a string is its length and its bytes, a packet is a length, a type, an
 * id and what the type says. Reading never goes beyond the packet: what is too short or too long is a broken protocol, told by `PacketError`.
 */
import { bytesOfText, type FileStat, textOfBytes } from "../../sys/mod.ts";

export const REQUEST = {
  init: 1,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  stat: 17,
  rename: 18,
  extended: 200,
} as const;

export const REPLY = { version: 2, status: 101, handle: 102, data: 103, name: 104, attributes: 105, extended: 201 } as const;

export const STATUS = {
  ok: 0,
  endOfFile: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;

export const OPEN = { read: 0x1, write: 0x2, create: 0x8, truncate: 0x10, exclusive: 0x20 } as const;

const ATTRIBUTE = { size: 0x1, owner: 0x2, permissions: 0x4, times: 0x8, extended: 0x80000000 } as const;

/** The far end sent what no SFTP server sends. Thrown by `PacketReader` and caught by the connection, nowhere else. */
export class PacketError extends Error {}

const encoder = new TextEncoder();

/** Builds one packet. */
export class PacketWriter {
  #bytes = new Uint8Array(128);
  #view = new DataView(this.#bytes.buffer);
  #length = 4;

  constructor(type: number, id: number, room = 0) {
    if (room > 0) this.#grow(room + 64);
    this.byte(type);
    this.u32(id);
  }

  #grow(by: number): void {
    if (this.#length + by <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + by));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  byte(value: number): this {
    this.#grow(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
    return this;
  }

  u32(value: number): this {
    this.#grow(4);
    this.#view.setUint32(this.#length, value);
    this.#length += 4;
    return this;
  }

  u64(value: number): this {
    return this.u32(Math.floor(value / 2 ** 32)).u32(value % 2 ** 32);
  }

  bytes(value: Uint8Array): this {
    this.u32(value.length);
    this.#grow(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** A name or path. */
  path(value: string): this {
    return this.bytes(bytesOfText(value));
  }

  ascii(value: string): this {
    return this.bytes(encoder.encode(value));
  }

  attributes(given: Attributes): this {
    let flags = 0;
    if (given.size !== undefined) flags |= ATTRIBUTE.size;
    if (given.owner !== undefined) flags |= ATTRIBUTE.owner;
    if (given.permissions !== undefined) flags |= ATTRIBUTE.permissions;
    if (given.mtimeSeconds !== undefined) flags |= ATTRIBUTE.times;
    this.u32(flags);
    if (given.size !== undefined) this.u64(given.size);
    if (given.owner !== undefined) this.u32(given.owner.uid).u32(given.owner.gid);
    if (given.permissions !== undefined) this.u32(given.permissions);
    if (given.mtimeSeconds !== undefined) this.u32(given.atimeSeconds ?? given.mtimeSeconds).u32(given.mtimeSeconds);
    return this;
  }

  /** The whole packet, its length first. */
  finish(): Uint8Array {
    this.#view.setUint32(0, this.#length - 4);
    return this.#bytes.subarray(0, this.#length);
  }
}

/** What may be set of a file. SFTP 3 sets both times or none: the access time is the modification time where it is left out. */
export interface Attributes {
  readonly size?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly permissions?: number;
  /** 0 to 2^32-1: what SFTP 3 can say. */
  readonly mtimeSeconds?: number;
  readonly atimeSeconds?: number;
}

const S_IFMT = 0o170000;
const KINDS = new Map<number, FileStat["kind"]>([
  [0o100000, "file"],
  [0o040000, "directory"],
  [0o120000, "symlink"],
]);

/** Reads what follows the type of one packet. */
export class PacketReader {
  readonly #view: DataView;
  #at = 0;

  constructor(private readonly packet: Uint8Array) {
    this.#view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  }

  get left(): number {
    return this.packet.length - this.#at;
  }

  #take(length: number): number {
    if (length > this.left) throw new PacketError(`a packet ends ${length - this.left} bytes too early`);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u64(): number {
    const high = this.u32();
    return high * 2 ** 32 + this.u32();
  }

  /** A view into the packet, good until the next packet. */
  bytes(): Uint8Array {
    const length = this.u32();
    const at = this.#take(length);
    return this.packet.subarray(at, at + length);
  }

  path(): string {
    return textOfBytes(this.bytes());
  }

  /** A handle, as a copy. */
  handle(): Uint8Array {
    const handle = this.bytes();
    if (handle.length > MAX_HANDLE_BYTES) throw new PacketError(`a handle of ${handle.length} bytes`);
    return handle.slice();
  }

  /** SFTP 3 has whole seconds, no change time and no inode; a size, owner or time that was left out counts as 0, a kind that was left out as "other". */
  stat(): FileStat {
    const flags = this.u32();
    const size = (flags & ATTRIBUTE.size) === 0 ? 0 : this.u64();
    const owned = (flags & ATTRIBUTE.owner) !== 0;
    const uid = owned ? this.u32() : 0;
    const gid = owned ? this.u32() : 0;
    const mode = (flags & ATTRIBUTE.permissions) === 0 ? 0 : this.u32();
    const timed = (flags & ATTRIBUTE.times) !== 0;
    const atimeSeconds = timed ? this.u32() : 0;
    const mtimeSeconds = timed ? this.u32() : 0;
    if ((flags & ATTRIBUTE.extended) !== 0) {
      for (let left = this.u32(); left > 0; left--) {
        this.bytes();
        this.bytes();
      }
    }
    return {
      kind: KINDS.get(mode & S_IFMT) ?? "other",
      size,
      // Holes cannot be seen from here.
      blocks: Math.ceil(size / 512),
      mode: mode & 0o7777,
      uid,
      gid,
      inode: 0,
      device: 0,
      mtimeSeconds,
      mtimeNanoseconds: 0,
      ctimeSeconds: mtimeSeconds,
      ctimeNanoseconds: 0,
      atimeSeconds,
    };
  }
}

/** Splits a stream of bytes into packets; the packet that is handed on is good until the next call. Holds one packet and a chunk at most, however the stream is cut. */
export class PacketSplitter {
  #rest = new Uint8Array(0);
  #length = 0;
  /** Below so many bytes there is no whole packet. */
  #wanted = 4;

  /** @throws PacketError for a length that no packet has. */
  push(chunk: Uint8Array, use: (packet: Uint8Array) => void): void {
    if (this.#length === 0) this.#split(chunk, use);
    else {
      this.#append(chunk);
      if (this.#length >= this.#wanted) this.#split(this.#rest.subarray(0, this.#length), use);
    }
  }

  #append(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#rest.length) {
      const larger = new Uint8Array(Math.max(this.#length + bytes.length, 2 * this.#rest.length));
      larger.set(this.#rest.subarray(0, this.#length));
      this.#rest = larger;
    }
    this.#rest.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #split(bytes: Uint8Array, use: (packet: Uint8Array) => void): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    this.#wanted = 4;
    while (bytes.length - at >= 4) {
      const length = view.getUint32(at);
      if (length < 1 || length > MAX_PACKET_BYTES) {
        throw new PacketError(`a packet of ${length} bytes begins with "${beginning(bytes.subarray(at))}"`);
      }
      if (bytes.length - at - 4 < length) {
        this.#wanted = 4 + length;
        break;
      }
      use(bytes.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    // The chunk is its giver's: what is left of it is copied, also where it lies in the rest already.
    const left = bytes.subarray(at);
    this.#length = 0;
    this.#append(left);
  }
}

/** The draft's own limit; every request about the file carries it. */
const MAX_HANDLE_BYTES = 256;

/** OpenSSH's limit is 256 KiB; a listing of others may be larger. */
const MAX_PACKET_BYTES = 1 << 20;

/** Text of a shell that speaks before sftp does is best shown as it is. */
const beginning = (bytes: Uint8Array): string => new TextDecoder().decode(bytes.subarray(0, 60));
