/**
 * One ssh process that speaks SFTP 3: requests go out as they come, answers are matched by their id. The server handles what it gets in order, so what must
 * follow something else may be sent without waiting for it.
 *
 * Promises: every request is answered, by the far end or by why it never will be; a far end that owes an answer and is silent for too long is given up
 * (`no-progress`); what is not SFTP ends the connection, never the program.
 */
import { err, ok, type Result } from "neverthrow";
import { type SshProcess, startSsh } from "../../sys/mod.ts";
import type { TransportReason } from "../volume-error.ts";
import { PacketError, PacketReader, PacketSplitter, PacketWriter, REPLY, REQUEST, STATUS } from "./packets.ts";
import { type SshAddress, sshArguments } from "./ssh-address.ts";
import { sshFailure } from "./ssh-failure.ts";

/** What the far end answered, or why it does not. */
export type SftpFailure =
  | { readonly kind: "status"; readonly code: number; readonly words: string }
  | { readonly kind: "transport"; readonly reason: TransportReason; readonly words: string };

export type SftpResult<Value> = Result<Value, SftpFailure>;

/** What the server can do beyond SFTP 3, and how much at a time. */
export interface ServerAbilities {
  readonly fsync: boolean;
  readonly posixRename: boolean;
  /** Told by servers whose RENAME links and unlinks, and so never replaces. */
  readonly hardlink: boolean;
  readonly statvfs: boolean;
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly openHandles: number;
}

/** RFC drafts promise 32 KiB; and every server allows this many open files. */
const MODEST = { readBytes: 32_768, writeBytes: 32_768, openHandles: 64 } as const;
/** Larger packets gain nothing, and wait longer behind each other. */
const LARGEST_CHUNK_BYTES = 255 << 10;

type Handler = (reply: { readonly type: number; readonly reader: PacketReader } | SftpFailure) => void;

export class SftpConnection {
  readonly #process: SshProcess;
  readonly #pending = new Map<number, Handler>();
  readonly #splitter = new PacketSplitter();
  readonly #watchdog: ReturnType<typeof setInterval>;
  readonly #watchEvery: number;
  #watchedAt = performance.now();
  #nextId = 1;
  #failure: SftpFailure | undefined;
  #stage: "connecting" | "connected" = "connecting";
  #heardAt = performance.now();
  #onVersion: ((reader: PacketReader) => void) | undefined;
  #queued: Uint8Array[] = [];
  #queuedBytes = 0;
  #abilities: ServerAbilities = { fsync: false, posixRename: false, hardlink: false, statvfs: false, ...MODEST };
  #roundTripMilliseconds = 0;
  /** Files and requests that it is busy with: the least busy connection gets the next. */
  load = 0;
  /** Files among them whose bytes alone keep it busy. */
  largeFiles = 0;

  private constructor(private readonly address: SshAddress) {
    this.#process = startSsh(sshArguments(address));
    this.#watchEvery = Math.max(50, Math.min(1000, address.timeoutMilliseconds / 4));
    this.#watchdog = setInterval(() => this.#watch(), this.#watchEvery);
    void this.#listen();
  }

  /** Starts ssh and greets the server. */
  static async open(address: SshAddress): Promise<SftpResult<SftpConnection>> {
    const connection = new SftpConnection(address);
    const greeted = await connection.#greet();
    if (greeted.isErr()) connection.close();
    return greeted.map(() => connection);
  }

  get abilities(): ServerAbilities {
    return this.#abilities;
  }

  /** How long the first question took. */
  get roundTripMilliseconds(): number {
    return this.#roundTripMilliseconds;
  }

  get broken(): boolean {
    return this.#failure !== undefined;
  }

  async #greet(): Promise<SftpResult<undefined>> {
    const extensions = await new Promise<SftpResult<ReadonlySet<string>>>((resolve) => {
      // The one packet without an id; a failure of the connection is told through the same handler.
      this.#pending.set(0, (reply) => {
        if ("kind" in reply) resolve(err(reply));
      });
      this.#onVersion = (reader) => {
        const version = reader.u32();
        if (version < 3) throw new PacketError(`the far end speaks version ${version} of SFTP, which is too old`);
        const names = new Set<string>();
        while (reader.left > 0) {
          names.add(reader.path());
          reader.bytes();
        }
        this.#pending.delete(0);
        resolve(ok(names));
      };
      this.#process.write(new PacketWriter(REQUEST.init, 3).finish());
    });
    if (extensions.isErr()) return err(extensions.error);
    this.#stage = "connected";
    const has = (name: string): boolean => extensions.value.has(name);
    const asked = performance.now();
    const limits = has("limits@openssh.com") ? await this.#limits() : ok(MODEST);
    if (limits.isErr() && limits.error.kind === "transport") return err(limits.error);
    this.#roundTripMilliseconds = performance.now() - asked;
    this.#abilities = {
      fsync: has("fsync@openssh.com"),
      posixRename: has("posix-rename@openssh.com"),
      hardlink: has("hardlink@openssh.com"),
      statvfs: has("statvfs@openssh.com"),
      ...limits.unwrapOr(MODEST),
    };
    return ok(undefined);
  }

  #limits(): Promise<SftpResult<Pick<ServerAbilities, "readBytes" | "writeBytes" | "openHandles">>> {
    const within = (value: number, fallback: number, most: number): number => (value === 0 ? fallback : Math.min(value, most));
    return this.ask(
      (id) => new PacketWriter(REQUEST.extended, id).ascii("limits@openssh.com"),
      REPLY.extended,
      (reader) => {
        reader.u64();
        return {
          readBytes: within(reader.u64(), MODEST.readBytes, LARGEST_CHUNK_BYTES),
          writeBytes: within(reader.u64(), MODEST.writeBytes, LARGEST_CHUNK_BYTES),
          openHandles: within(reader.u64(), MODEST.openHandles, 1 << 20),
        };
      },
    );
  }

  /** Sends a request whose answer is of that type; a status instead of it is the failure. */
  ask<Value>(
    make: (id: number) => PacketWriter,
    type: number,
    read: (reader: PacketReader) => Value,
  ): Promise<SftpResult<Value>> {
    return new Promise((resolve) => {
      this.#send(make, (reply) => {
        if ("kind" in reply) return resolve(err(reply));
        if (reply.type === type) return resolve(ok(read(reply.reader)));
        resolve(err(this.#status(reply)));
      });
    });
  }

  /** Sends a request that is answered by a status. */
  tell(make: (id: number) => PacketWriter): Promise<SftpResult<undefined>> {
    return new Promise((resolve) => {
      this.#send(make, (reply) => {
        if ("kind" in reply) return resolve(err(reply));
        const status = this.#status(reply);
        resolve(status.kind === "status" && status.code === STATUS.ok ? ok(undefined) : err(status));
      });
    });
  }

  #status({ type, reader }: { readonly type: number; readonly reader: PacketReader }): SftpFailure {
    if (type !== REPLY.status) throw new PacketError(`an answer of type ${type} came where none is due`);
    const code = reader.u32();
    return { kind: "status", code, words: reader.left >= 4 ? reader.path() : "" };
  }

  #send(make: (id: number) => PacketWriter, handler: Handler): void {
    if (this.#failure !== undefined) {
      handler(this.#failure);
      return;
    }
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    if (this.#pending.size === 0) this.#heardAt = performance.now();
    this.#pending.set(id, handler);
    const packet = make(id).finish();
    if (this.#queued.length === 0) queueMicrotask(() => this.#flush());
    this.#queued.push(packet);
    this.#queuedBytes += packet.length;
    if (this.#queuedBytes >= LARGEST_CHUNK_BYTES) this.#flush();
  }

  /** Many small packets become one write. */
  #flush(): void {
    const packets = this.#queued;
    if (packets.length === 0) return;
    const all = packets.length === 1 ? (packets[0] ?? new Uint8Array(0)) : Buffer.concat(packets, this.#queuedBytes);
    this.#queued = [];
    this.#queuedBytes = 0;
    this.#process.write(all);
  }

  async #listen(): Promise<void> {
    try {
      for await (const chunk of this.#process.output) {
        this.#heardAt = performance.now();
        this.#splitter.push(chunk, (packet) => this.#heard(packet));
      }
    } catch (exception) {
      if (exception instanceof PacketError) this.#breakOff(this.#notSftp(exception.message));
      // Reading failed: the process tells why by its end.
    }
    const why = await this.#process.ended;
    const said = this.#process.said();
    const reason = why === "" ? sshFailure(said, this.#stage) : "host-unreachable";
    const words = said === "" && this.#stage === "connected" ? "ssh ended" : lastLines(said);
    this.#breakOff({ kind: "transport", reason, words });
  }

  #notSftp(detail: string): SftpFailure {
    const reason = this.#stage === "connecting" ? "sftp-missing" : "protocol-broken";
    return { kind: "transport", reason, words: `${detail}; is something printed at login there?` };
  }

  #heard(packet: Uint8Array): void {
    const reader = new PacketReader(packet);
    const type = reader.byte();
    if (type === REPLY.version && this.#onVersion !== undefined) {
      const greet = this.#onVersion;
      this.#onVersion = undefined;
      greet(reader);
      return;
    }
    const id = reader.u32();
    const handler = this.#pending.get(id);
    if (id === 0 || handler === undefined) throw new PacketError(`an answer came to a request (${id}) that was never made`);
    this.#pending.delete(id);
    try {
      handler({ type, reader });
    } catch (exception) {
      if (!(exception instanceof PacketError)) throw exception;
      // This request would stay without an answer.
      handler(this.#notSftp(exception.message));
      throw exception;
    }
  }

  #watch(): void {
    const now = performance.now();
    const late = now - this.#watchedAt > 2 * this.#watchEvery;
    this.#watchedAt = now;
    // This thread itself was busy: answers may be waiting to be read.
    if (late) this.#heardAt = now;
    if (this.#pending.size === 0) return;
    const silent = performance.now() - this.#heardAt;
    if (silent < this.address.timeoutMilliseconds) return;
    const said = lastLines(this.#process.said());
    const reason = this.#stage === "connecting" ? "host-unreachable" : "no-progress";
    const words = `${Math.round(silent / 1000)} s without a word from the far end${said === "" ? "" : `; ssh said: ${said}`}`;
    this.#breakOff({ kind: "transport", reason, words });
  }

  #breakOff(failure: SftpFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#end();
    for (const handler of this.#pending.values()) handler(failure);
    this.#pending.clear();
  }

  #end(): void {
    clearInterval(this.#watchdog);
    this.#process.kill();
  }

  /** Ends ssh; whoever still waits is told that the connection is gone. Idempotent. */
  close(): void {
    this.#breakOff({ kind: "transport", reason: "connection-lost", words: "it was closed" });
  }
}

/** What ssh says last says most; a changed key is announced by a whole poster. */
const lastLines = (said: string): string =>
  said
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^@+$/.test(line))
    .slice(-3)
    .join("; ");
