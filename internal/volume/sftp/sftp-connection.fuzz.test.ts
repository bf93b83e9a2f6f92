/** A far end that answers as a real server does (fixtures/sftp), but with something wrong in it: every question is answered, and nothing else happens. */
import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { SshProcess } from "../../sys/mod.ts";
import { fuzzTest, type Mutation, mutate, mutations } from "../../testing/mod.ts";
import { PacketReader, PacketSplitter, REPLY, REQUEST } from "./packets.ts";
import * as calls from "./sftp-calls.ts";
import { SftpConnection, type SftpResult } from "./sftp-connection.ts";
import { EntryBudget, listNames } from "./sftp-listing.ts";

const recorded: Record<string, string> = JSON.parse(
  readFileSync(join(import.meta.dir, "..", "..", "..", "fixtures", "sftp", "replies.json"), "utf8"),
);
const reply = (name: string): Buffer => Buffer.from(recorded[name] ?? "", "hex");
const REPLIES = Object.keys(recorded).map(reply);

/** What a real server answers; a second question for names finds their end. */
const RIGHT = new Map<number, Buffer>([
  [REQUEST.init, reply("version")],
  [REQUEST.lstat, reply("attributes of a file")],
  [REQUEST.stat, reply("attributes of a directory")],
  [REQUEST.fstat, reply("attributes of a file")],
  [REQUEST.open, reply("handle of a file")],
  [REQUEST.opendir, reply("handle of a directory")],
  [REQUEST.readdir, reply("names")],
  [REQUEST.read, reply("data")],
  [REQUEST.extended, reply("free space")],
]);

/** How one answer is wrong. */
interface Wrong {
  /** Another answer in its place. */
  readonly other: number | undefined;
  readonly keepsItsId: boolean;
  readonly mutations: readonly Mutation[];
  readonly twice: boolean;
}

const RIGHT_ANSWER: Wrong = { other: undefined, keepsItsId: false, mutations: [], twice: false };

/** Most answers are right, or nobody would get far. */
const wrong: fc.Arbitrary<Wrong> = fc.oneof(
  { weight: 60, arbitrary: fc.constant(RIGHT_ANSWER) },
  { weight: 1, arbitrary: mutations(3).map((what) => ({ ...RIGHT_ANSWER, mutations: what })) },
  { weight: 1, arbitrary: fc.nat(REPLIES.length - 1).map((other) => ({ ...RIGHT_ANSWER, other })) },
  {
    weight: 1,
    arbitrary: fc.record({
      other: fc.option(fc.nat(REPLIES.length - 1), { nil: undefined }),
      keepsItsId: fc.boolean(),
      mutations: mutations(3),
      twice: fc.boolean(),
    }),
  },
);

/** Turns of the event loop without a word from either side. */
const PATIENCE = 3;

/** A process that answers each request at once, as long as it has answers; then it ends, as it does when it waits in vain. */
class FarEnd implements SshProcess {
  readonly #splitter = new PacketSplitter();
  readonly #chunks: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  #over = false;
  readonly #wrongs: Wrong[];
  readonly ended: Promise<string>;
  #end: (why: string) => void = () => undefined;

  constructor(
    wrongs: readonly Wrong[],
    private readonly cuts: readonly number[],
  ) {
    this.#wrongs = [...wrongs];
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  write(bytes: Uint8Array): void {
    this.#splitter.push(bytes, (packet) => this.#answer(packet));
  }

  #answer(request: Uint8Array): void {
    const next = this.#wrongs.shift();
    if (next === undefined) {
      this.kill();
      return;
    }
    const reader = new PacketReader(request);
    const type = reader.byte();
    const whole = Buffer.from((next.other === undefined ? RIGHT.get(type) : REPLIES[next.other]) ?? reply("written"));
    if (!next.keepsItsId && whole[4] !== REPLY.version && request.length >= 5) whole.writeUInt32BE(reader.u32(), 5);
    const bytes = mutate(whole, next.mutations, REPLIES);
    for (let times = next.twice ? 2 : 1; times > 0; times--) this.#send(bytes);
  }

  #send(bytes: Uint8Array): void {
    const length = this.cuts[this.#chunks.length % this.cuts.length] ?? bytes.length;
    for (let at = 0; at < bytes.length; at += length) this.#chunks.push(bytes.subarray(at, at + length));
    this.#wake?.();
  }

  get output(): AsyncIterable<Uint8Array> {
    return this.#read();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    for (let idle = 0; idle <= PATIENCE && !(this.#over && this.#chunks.length === 0); ) {
      const chunk = this.#chunks.shift();
      idle = chunk === undefined ? idle + 1 : 0;
      if (chunk !== undefined) yield chunk;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          setImmediate(resolve);
        });
    }
    this.kill();
  }

  said(): string {
    return "";
  }

  kill(): void {
    this.#over = true;
    this.#wake?.();
    this.#end("");
  }
}

const ADDRESS = {
  kind: "ssh",
  name: "ssh://far/x",
  host: "far",
  path: "x",
  options: [],
  connections: 1,
  timeoutMilliseconds: 60_000,
  mostEntries: 1_000,
} as const;

const HANDLE = new Uint8Array(4);

/** Asks everything that there is to ask. */
async function askAll(connection: SftpConnection): Promise<void> {
  const target = new Uint8Array(100);
  const names: string[] = [];
  const note = (name: string): void => {
    names.push(name);
  };
  const listing = listNames(connection, HANDLE, new EntryBudget(ADDRESS.mostEntries), {
    file: (name, size, seconds) => {
      expect(Number.isSafeInteger(size) && size >= 0 && Number.isSafeInteger(seconds)).toBe(true);
      note(name);
    },
    directory: note,
    symlink: note,
    special: note,
    unreadable: note,
  });
  const asked: Promise<SftpResult<unknown>>[] = [
    calls.open(connection, "x", 1).then((handle) => handle.map((bytes) => expect(bytes.length).toBeLessThanOrEqual(256))),
    calls.openDirectory(connection, "x"),
    calls.lstat(connection, "x").then((stat) => stat.map(({ size }) => expect(Number.isSafeInteger(size)).toBe(true))),
    calls.stat(connection, "x"),
    calls.fstat(connection, HANDLE),
    calls.read(connection, HANDLE, 0, 50, target).then((read) => read.map((length) => expect(length).toBeWithin(0, 51))),
    calls.write(connection, HANDLE, 0, target),
    calls
      .statvfs(connection, "x")
      .then((space) => space.map(({ freeBytes }) => expect(Number.isSafeInteger(freeBytes)).toBe(true))),
    calls.fsync(connection, HANDLE),
    calls.renameToNew(connection, "a", "b"),
    calls.close(connection, HANDLE),
  ];
  for (const answer of await Promise.all(asked)) {
    if (answer.isErr()) expect(answer.error.words.length).toBeLessThan(5_000);
  }
  expect(target.subarray(50).every((byte) => byte === 0)).toBe(true);
  await listing;
  expect(names.length).toBeLessThanOrEqual(ADDRESS.mostEntries);
  for (const name of names) expect(name === "" || name === "." || name === ".." || /[/\0]/.test(name)).toBe(false);
}

describe("a far end that answers wrongly", () => {
  fuzzTest(
    "leaves no question without an answer, and makes nothing but failures",
    fc.asyncProperty(
      fc.array(wrong, { minLength: 1, maxLength: 60, size: "max" }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
      async (wrongs, cuts) => {
        const farEnd = new FarEnd(wrongs, cuts);
        const opened = await SftpConnection.open(ADDRESS, farEnd);
        if (opened.isErr()) return;
        await askAll(opened.value);
        farEnd.kill();
        await opened.value.close();
        expect(opened.value.broken).toBe(true);
        // After its end every question is answered at once.
        expect((await calls.lstat(opened.value, "x")).isErr()).toBe(true);
      },
    ),
    0.3,
  );
});
