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
import {
  abilitiesOf,
  LARGEST_CHUNK_BYTES,
  LIMITS,
  readLimits,
  type ServerAbilities,
  type ServerLimits,
} from "./server-abilities.ts";
import { type SshAddress, sshArguments } from "./ssh-address.ts";
import { sshFailure } from "./ssh-failure.ts";

/** What the far end answered, or why it does not. */
export type SftpFailure =
  | { readonly kind: "status"; readonly code: number; readonly words: string }
  | { readonly kind: "transport"; readonly reason: TransportReason; readonly words: string };

export type SftpResult<Value> = Result<Value, SftpFailure>;

/** What a far end says of a failure is kept with the file. */
const MOST_WORDS = 500;
/** A packet that comes in smaller pieces than this in the time that the far end may be silent does not come. */
const SIGN_OF_LIFE_BYTES = 1_024;

const CLOSED: SftpFailure = { kind: "transport", reason: "connection-lost", words: "it was closed" };

/** Those of this thread whose process has not ended. */
const living = new Set<SftpConnection>();
let noMore = false;

/** Ends every connection of this thread, in use or being opened; resolves when their processes have ended. None can be opened after that. */
export async function closeAllConnections(): Promise<void> {
  noMore = true;
  await Promise.all([...living].map((connection) => connection.close()));
}

type Handler = (reply: { readonly type: number; readonly reader: PacketReader } | SftpFailure) => void;

export class SftpConnection {
  readonly #process: SshProcess;
  readonly #ended: Promise<void>;
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
  #abilities = abilitiesOf(new Set(), undefined);
  #roundTripMilliseconds = 0;
  /** Files and requests that it is busy with: the least busy connection gets the next. */
  load = 0;
  /** Files among them whose bytes alone keep it busy. */
  largeFiles = 0;

  private constructor(
    private readonly address: SshAddress,
    process: SshProcess,
  ) {
    this.#process = process;
    this.#watchEvery = Math.max(50, Math.min(1000, address.timeoutMilliseconds / 4));
    living.add(this);
    this.#ended = process.ended.then(() => void living.delete(this));
    this.#watchdog = setInterval(() => this.#watch(), this.#watchEvery);
    void this.#listen();
  }

  /** Starts ssh and greets the server. `process`: what carries the bytes, where it is not ssh. */
  static async open(address: SshAddress, process?: SshProcess): Promise<SftpResult<SftpConnection>> {
    if (noMore) return err(CLOSED);
    const connection = new SftpConnection(address, process ?? startSsh(sshArguments(address)));
    const greeted = await connection.#greet();
    if (greeted.isErr()) void connection.close();
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
        if (version !== 3) throw new PacketError(`the far end speaks version ${version} of SFTP, and 3 was asked for`);
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
    const asked = performance.now();
    const limits = extensions.value.has(LIMITS) ? await this.#limits() : undefined;
    if (limits?.isErr() && limits.error.kind === "transport") return err(limits.error);
    this.#roundTripMilliseconds = performance.now() - asked;
    this.#abilities = abilitiesOf(extensions.value, limits?.unwrapOr(undefined));
    return ok(undefined);
  }

  #limits(): Promise<SftpResult<ServerLimits>> {
    return this.ask((id) => new PacketWriter(REQUEST.extended, id).ascii(LIMITS), REPLY.extended, readLimits);
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
    return { kind: "status", code, words: reader.left >= 4 ? reader.path().slice(0, MOST_WORDS).toWellFormed() : "" };
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
      let bytes = 0;
      for await (const chunk of this.#process.output) {
        bytes += chunk.length;
        if (bytes >= SIGN_OF_LIFE_BYTES) {
          this.#heardAt = performance.now();
          bytes = 0;
        }
        this.#take(chunk);
      }
    } catch {
      // Reading failed: the process tells why by its end.
    }
    const why = await this.#process.ended;
    const said = this.#process.said();
    const reason = why === "" ? sshFailure(said, this.#stage) : "host-unreachable";
    const words = said === "" && this.#stage === "connected" ? "ssh ended" : lastLines(said);
    this.#breakOff({ kind: "transport", reason, words });
  }

  /** Whatever goes wrong with what the far end sent ends the connection: nobody is left waiting for an answer. */
  #take(chunk: Uint8Array): void {
    try {
      if (!this.broken) this.#splitter.push(chunk, (packet) => this.#heard(packet));
    } catch (exception) {
      this.#breakOff(this.#notSftp(wordsOf(exception)));
    }
  }

  #notSftp(detail: string): SftpFailure {
    const reason = this.#stage === "connecting" ? "sftp-missing" : "protocol-broken";
    return { kind: "transport", reason, words: `${detail}; is something printed at login there?` };
  }

  #heard(packet: Uint8Array): void {
    this.#heardAt = performance.now();
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
      // This request would stay without an answer.
      handler(this.#notSftp(wordsOf(exception)));
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

  /** Ends ssh; whoever still waits is told that the connection is gone. Resolves when ssh has ended. Idempotent. */
  close(): Promise<void> {
    this.#breakOff(CLOSED);
    return this.#ended;
  }
}

const wordsOf = (exception: unknown): string => (exception instanceof Error ? exception.message : String(exception));

/** What ssh says last says most; a changed key is announced by a whole poster. */
const lastLines = (said: string): string =>
  said
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^@+$/.test(line))
    .slice(-3)
    .join("; ");
