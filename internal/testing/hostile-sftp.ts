/**
 * A far end that means harm, in the place of ssh: a real sftp-server behind it does what it is asked, and what it answers is distorted on the way. Run as a program, with the
 * name of the distortion as its argument; what it does not distort is honest, so that each shows by itself.
 */
import { writeSync } from "node:fs";

const SFTP_SERVER = "/usr/lib/openssh/sftp-server";

const T = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  opendir: 11,
  readdir: 12,
  mkdir: 14,
  stat: 17,
  rename: 18,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attributes: 105,
  extended: 200,
  extendedReply: 201,
} as const;

/** A request that was made. */
interface Request {
  readonly type: number;
  /** Of an extended request. */
  readonly extension: string;
  /** How many requests of this type came before. */
  readonly count: number;
  readonly body: Buffer;
}

/** What is sent in the place of an answer; undefined sends it as it is. */
type Distort = (reply: Buffer, request: Request) => readonly Buffer[] | undefined;

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const text = (value: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u32(bytes.length), bytes]);
};
const packet = (...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length), body]);
};

const typeOf = (reply: Buffer): number => reply[4] ?? 0;
const idOf = (reply: Buffer): Buffer => reply.subarray(5, 9);
const with_ = (reply: Buffer, type: number, ...parts: readonly Uint8Array[]): Buffer =>
  packet(Buffer.from([type]), idOf(reply), ...parts);
const status = (reply: Buffer, code: number, words = "", language = ""): Buffer =>
  with_(reply, T.status, u32(code), text(words), text(language));

/** SSH_FILEXFER_ATTR_SIZE | _UIDGID | _PERMISSIONS | _ACMODTIME */
const attributes = (mode: number, size = 10n): Buffer => {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32BE(0xf);
  bytes.writeBigUInt64BE(size, 4);
  bytes.writeUInt32BE(mode, 20);
  bytes.writeUInt32BE(1_700_000_000, 24);
  bytes.writeUInt32BE(1_700_000_000, 28);
  return bytes;
};
const FILE = 0o100644;
const DIRECTORY = 0o040755;
const LINK = 0o120777;

const names = (reply: Buffer, list: readonly (readonly [name: string | Uint8Array, mode: number, size?: bigint])[]): Buffer =>
  with_(
    reply,
    T.name,
    u32(list.length),
    ...list.flatMap(([name, mode, size]) => [text(name), text("-"), attributes(mode, size)]),
  );

/** Distorts the answers to requests of one type that went well. */
const on =
  (request: number, distort: (reply: Buffer, request: Request) => readonly Buffer[] | undefined): Distort =>
  (reply, asked) =>
    asked.type === request && (typeOf(reply) !== T.status || request === T.readdir) ? distort(reply, asked) : undefined;

/** The first listing of each handle has these names as well. */
const listing = (...list: readonly (readonly [string | Uint8Array, number, bigint?])[]): Distort =>
  on(T.readdir, (reply) => (typeOf(reply) === T.name ? [names(reply, [...list, [".", DIRECTORY]])] : undefined));

/** Lists for ever. */
const endless = (page: (count: number) => readonly (readonly [string, number])[]): Distort =>
  on(T.readdir, (reply, { count }) => [names(reply, page(count))]);

/** After some honest answers, what breaks the stream. */
function later(make: (reply: Buffer) => readonly Buffer[]): Distort {
  let honest = 12;
  return (reply) => {
    honest -= 1;
    return honest >= 0 ? undefined : make(reply);
  };
}

const onStatvfs =
  (distort: (reply: Buffer) => readonly Buffer[]): Distort =>
  (reply, request) =>
    request.extension === "statvfs@openssh.com" ? distort(reply) : undefined;
const onLimits =
  (value: bigint): Distort =>
  (reply, request) => {
    if (request.extension !== "limits@openssh.com") return undefined;
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(value);
    return [with_(reply, T.extendedReply, number, number, number, number)];
  };

const dataOf = (reply: Buffer): Buffer => reply.subarray(13);
const lengthAsked = ({ body }: Request): number => body.readUInt32BE(body.length - 4);

let held: Buffer | undefined;

export const DISTORTIONS = {
  honest: () => undefined,
  // How it greets.
  "version 0": on(T.init, () => [packet(Buffer.from([T.version]), u32(0))]),
  "version 99": on(T.init, () => [packet(Buffer.from([T.version]), u32(99))]),
  "a greeting without end": on(T.init, () => [Buffer.concat([u32(0xffff_ffff), Buffer.alloc(100_000, 0x20)])]),
  "extensions without end": on(T.init, () => [packet(Buffer.from([T.version]), u32(3), text("x"), u32(0x7fff_ffff))]),
  // Packets.
  "a length of 4 GiB": later(() => [Buffer.concat([u32(0xffff_ffff), Buffer.alloc(1 << 16)])]),
  "a length of 0": later(() => [u32(0)]),
  "a length beyond the limit": later(() => [Buffer.concat([u32((1 << 20) + 1), Buffer.alloc(1 << 16)])]),
  "a packet that stops in its middle": later((reply) => [reply.subarray(0, reply.length - 3), Buffer.alloc(0)]),
  "bytes that are nothing": later(() => [Buffer.from("\u0001\u0002Welcome to popeye\u001b[2J".repeat(50))]),
  // Who is answered.
  "answers to nobody": (reply) => [packet(Buffer.from([T.status]), u32(0x7fff_0000), u32(0)), reply],
  "wrong numbers": later((reply) => [
    Buffer.concat([reply.subarray(0, 5), u32(reply.readUInt32BE(5) ^ 0x5555), reply.subarray(9)]),
  ]),
  "each answer twice": (reply, { type }) => (type === T.init ? undefined : [reply, reply]),
  "answers to the questions of others": (reply, { type, extension }) => {
    if (type === T.init || extension !== "") return undefined;
    if (held === undefined) {
      held = reply;
      setTimeout(() => {
        if (held !== undefined) send(held);
        held = undefined;
      }, 20);
      return [];
    }
    const other = held;
    held = undefined;
    const swap = (one: Buffer, id: Buffer): Buffer => Buffer.concat([one.subarray(0, 5), id, one.subarray(9)]);
    return [swap(other, idOf(reply)), swap(reply, idOf(other))];
  },
  "another kind of answer": later((reply) => [with_(reply, typeOf(reply) === T.attributes ? T.handle : T.attributes, text("x"))]),
  "every answer in bytes": (reply) => Array.from(reply, (byte) => Buffer.from([byte])),
  // Names.
  "names that lead out": listing(["../../../../canary", FILE], ["..", DIRECTORY], ["ok", FILE]),
  "absolute names": listing(["/canary/file", FILE]),
  "names with slashes": listing(["a/b", DIRECTORY]),
  "an empty name": listing(["", FILE]),
  "a name with NUL": listing(["a\0b", FILE]),
  "names of 100 KB": listing(["x".repeat(100_000), FILE], ["y".repeat(100_000), DIRECTORY], ["é".repeat(50_000), LINK]),
  "names that act on a terminal": listing(
    ["\u001b]0;owned\u0007\u001b[2J", FILE],
    ["\u202edlrow\u009b31m", DIRECTORY],
    [Buffer.from([0xff, 0x9b, 0x41]), FILE],
  ),
  // Listings.
  "the same names for ever": endless(() => [
    ["a", FILE],
    ["b", DIRECTORY],
    [".", DIRECTORY],
  ]),
  "new files for ever": endless((count) => Array.from({ length: 100 }, (_, index) => [`f${count}-${index}`, FILE])),
  "new directories for ever": endless((count) => Array.from({ length: 100 }, (_, index) => [`d${count}-${index}`, DIRECTORY])),
  "a listing of nothing for ever": endless(() => []),
  "a million names in one answer": on(T.readdir, (reply) => [
    with_(reply, T.name, u32(1_000_000), text("a"), text("-"), attributes(FILE)),
  ]),
  "a directory in itself": (reply, { type }) => {
    if (type === T.lstat || type === T.stat) return [with_(reply, T.attributes, attributes(DIRECTORY))];
    if (type === T.opendir) return [with_(reply, T.handle, text("abcd"))];
    if (type !== T.readdir) return undefined;
    listed = !listed;
    return [
      listed
        ? names(reply, [
            [".", DIRECTORY],
            ["a", DIRECTORY],
            ["b", DIRECTORY],
            ["f", FILE],
          ])
        : status(reply, 1, "End of file"),
    ];
  },
  // What things are.
  "files for directories": on(T.readdir, (reply) => [
    Buffer.from(reply.toString("latin1").replaceAll("\u0000\u0000\u0041\u00ed", "\u0000\u0000\u0081\u00a4"), "latin1"),
  ]),
  "directories for files": on(T.readdir, (reply) => [
    Buffer.from(reply.toString("latin1").replaceAll("\u0000\u0000\u0081\u00a4", "\u0000\u0000\u0041\u00ed"), "latin1"),
  ]),
  "links for everything, when looked at": on(T.lstat, (reply) => [with_(reply, T.attributes, attributes(LINK))]),
  "files of exabytes": listing(["huge", FILE, 0xffff_ffff_ffff_ffffn], ["large", FILE, 0x7fff_ffff_ffff_ffffn]),
  "sizes of exabytes, when looked at": (reply, { type }) =>
    (type === T.lstat || type === T.fstat) &&
    typeOf(reply) === T.attributes &&
    (reply[23] ?? 0) !== 0x41 &&
    (reply.readUInt32BE(25) & 0o170000) !== 0o040000
      ? [with_(reply, T.attributes, attributes(FILE, 0xffff_ffff_ffff_ffffn))]
      : undefined,
  "no attributes at all": (reply, { type }) =>
    type === T.lstat || type === T.fstat || type === T.stat ? [with_(reply, T.attributes, u32(0))] : undefined,
  // Contents.
  "more bytes than were asked for": on(T.read, (reply, request) => [
    with_(reply, T.data, text(Buffer.alloc(lengthAsked(request) + 7))),
  ]),
  "no bytes, for ever": on(T.read, (reply) => [with_(reply, T.data, text(""))]),
  "files that never end": (reply, request) =>
    request.type === T.read
      ? [with_(reply, T.data, text(Buffer.alloc(Math.min(lengthAsked(request), 30_000), 0x41)))]
      : undefined,
  "a byte at a time": on(T.read, (reply) => [with_(reply, T.data, text(dataOf(reply).subarray(0, 1)))]),
  "other bytes every time": on(T.read, (reply) => [
    with_(reply, T.data, text(Buffer.from(dataOf(reply).map(() => Math.random() * 256)))),
  ]),
  // What it says of itself.
  "space without end": onStatvfs((reply) => [with_(reply, T.extendedReply, Buffer.alloc(88, 0xff))]),
  "no space": onStatvfs((reply) => [with_(reply, T.extendedReply, Buffer.alloc(88))]),
  "half an answer on space": onStatvfs((reply) => [with_(reply, T.extendedReply, Buffer.alloc(30, 1))]),
  "limits of 1": onLimits(1n),
  "limits without end": onLimits(0xffff_ffff_ffff_ffffn),
  "handles of 200 KB": (reply, { type }) =>
    type === T.open && typeOf(reply) === T.handle ? [with_(reply, T.handle, text(Buffer.alloc(200_000)))] : undefined,
  "empty handles": (reply, { type }) =>
    type === T.open && typeOf(reply) === T.handle ? [with_(reply, T.handle, text(""))] : undefined,
  "refusals in a novel": (reply, { type }) =>
    type === T.open || type === T.mkdir ? [status(reply, 4, "\u001b[2J\u009b31m\u202e no \r\n".repeat(10_000))] : undefined,
  // What it does.
  "writes that are forgotten": () => undefined,
  "renames that are forgotten": () => undefined,
  "everything is forgotten": () => undefined,
  "it talks without end beside": (reply, { type }) => {
    if (type === T.init) setInterval(() => writeSync(2, "\u001b]0;owned\u0007 blah\n".repeat(1_000)), 5);
    return [reply];
  },
} as const satisfies Record<string, Distort>;

let listed = false;

export type Distortion = keyof typeof DISTORTIONS;

/** Requests that are not handed on: the far end says that it has done them. */
type Forgets = (type: number, extension: string) => boolean;
const isRename: Forgets = (type, extension) => type === T.rename || extension === "posix-rename@openssh.com";
const FORGETTING: Partial<Record<Distortion, Forgets>> = {
  "writes that are forgotten": (type) => type === T.write,
  "renames that are forgotten": isRename,
  "everything is forgotten": (type, extension) => type === T.write || type === T.mkdir || isRename(type, extension),
};

function send(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSome(bytes.subarray(at));
}

function writeSome(bytes: Uint8Array): number {
  try {
    return writeSync(1, bytes);
  } catch (exception) {
    if (exception instanceof Error && "code" in exception && exception.code === "EAGAIN") return 0;
    // Nobody listens any more.
    process.exit(0);
  }
}

/** Splits a stream into packets, each with its length. */
async function eachPacket(stream: AsyncIterable<Uint8Array>, use: (packet: Buffer) => void): Promise<void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const length = 4 + rest.readUInt32BE(0);
      use(Buffer.from(rest.subarray(0, length)));
      rest = rest.subarray(length);
    }
  }
}

const extensionOf = (body: Buffer, type: number): string =>
  type === T.extended ? body.subarray(4, 4 + body.readUInt32BE(0)).toString() : "";

async function serve(name: Distortion): Promise<void> {
  const distort: Distort = DISTORTIONS[name];
  const forgets = FORGETTING[name] ?? (() => false);
  const server = Bun.spawn([SFTP_SERVER], { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
  const asked = new Map<number, Request>();
  const counts = new Map<number, number>();
  void eachPacket(server.stdout, (reply) => {
    const id = typeOf(reply) === T.version ? 0 : reply.readUInt32BE(5);
    const request = asked.get(id);
    asked.delete(id);
    const sent = request === undefined ? undefined : distort(reply, request);
    for (const bytes of sent ?? [reply]) send(bytes);
    // A stream that is broken on purpose ends there.
    if (sent?.at(-1)?.length === 0) process.exit(0);
  });
  await eachPacket(Bun.stdin.stream(), (packet) => {
    const type = typeOf(packet);
    const id = type === T.init ? 0 : packet.readUInt32BE(5);
    const body = packet.subarray(type === T.init ? 5 : 9);
    const count = counts.get(type) ?? 0;
    counts.set(type, count + 1);
    if (forgets(type, extensionOf(body, type))) {
      send(status(packet, 0));
      return;
    }
    asked.set(id, { type, extension: extensionOf(body, type), count, body });
    void server.stdin.write(packet);
    void server.stdin.flush();
  });
  server.kill();
  process.exit(0);
}

// The name is one that a test has taken from the list above.
if (import.meta.main) await serve((process.argv[2] ?? "honest") as Distortion);
