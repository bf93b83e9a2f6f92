/** A file on another host, open for reading. Whoever reads it in order finds the next bytes already on their way. */
import { err, ok, type Result } from "neverthrow";
import type { FileStat, IoBuffer } from "../../sys/mod.ts";
import type { SourceFile } from "../volume.ts";
import type { VolumeError } from "../volume-error.ts";
import { STATUS } from "./packets.ts";
import { close, fstat, fsync, type Handle, read } from "./sftp-calls.ts";
import type { SftpConnection, SftpResult } from "./sftp-connection.ts";
import { sftpError } from "./sftp-errors.ts";

/** Bytes asked for ahead of a reader of a large file. */
const AHEAD_BYTES = 8 << 20;
const AHEAD_CHUNKS = 64;

/** An answer is short when it has fewer bytes than this, and the file goes on. */
const SHORT_BYTES = 1_024;
const MOST_SHORT_ANSWERS = 64;

interface Chunk {
  readonly position: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly arrived: Promise<SftpResult<number>>;
}

export class SftpSourceFile implements SourceFile {
  #closed = false;
  #ahead: Chunk[] = [];
  #short = 0;

  constructor(
    private readonly path: string,
    private readonly connection: SftpConnection,
    private readonly handle: Handle,
    readonly stat: FileStat,
    private readonly large: boolean,
  ) {
    connection.load += 1;
    if (large) connection.largeFiles += 1;
  }

  #ask(position: number, length: number): Chunk {
    const bytes = new Uint8Array(length);
    return { position, length, bytes, arrived: read(this.connection, this.handle, position, length, bytes) };
  }

  async read(buffer: IoBuffer, length: number, position: number): Promise<Result<number, VolumeError>> {
    let done = 0;
    while (done < length) {
      const chunk = this.#take(position + done, position, length);
      const arrived = await chunk.arrived;
      if (arrived.isErr()) {
        const { error } = arrived;
        this.#ahead = [];
        if (error.kind === "status" && error.code === STATUS.endOfFile) break;
        return err(sftpError("read", this.path, error));
      }
      buffer.bytes.set(chunk.bytes.subarray(0, arrived.value), done);
      done += arrived.value;
      if (arrived.value < chunk.length) {
        const broken = this.#tooShort(arrived.value, position + done);
        if (broken.isErr()) return err(broken.error);
        // A short answer is allowed anywhere: what was asked for behind it lies at the wrong place.
        this.#ahead = [];
        // Where the file should end, it ends; whoever doubts it looks at its size again (`statNow`).
        if (arrived.value === 0 || position + done >= this.stat.size) break;
      }
    }
    return ok(done);
  }

  /** A server may answer with less than was asked for; one that does so with next to nothing, again and again, would need years for a file. */
  #tooShort(bytes: number, end: number): Result<undefined, VolumeError> {
    if (bytes >= SHORT_BYTES || end >= this.stat.size) return ok(undefined);
    this.#short += 1;
    if (this.#short < MOST_SHORT_ANSWERS) return ok(undefined);
    this.#ahead = [];
    const words = `it answers with ${bytes} bytes at a time`;
    return err(sftpError("read", this.path, { kind: "transport", reason: "protocol-broken", words }));
  }

  /**
   * The chunk at this position: one that is on its way, or a new one; and more behind it while the file goes on. The reader reads steps of `step` bytes, one of which
   * begins at `start`: chunks never cross the end of a step.
   */
  #take(position: number, start: number, step: number): Chunk {
    const limit = this.connection.abilities.readBytes;
    const length = step - (position - start);
    const first = this.#ahead[0];
    if (first === undefined || first.position !== position || first.length > length) {
      this.#ahead = [this.#ask(position, Math.min(limit, length))];
    }
    const chunk = this.#ahead.shift() ?? this.#ask(position, Math.min(limit, length));
    let next = (this.#ahead.at(-1) ?? chunk).position + (this.#ahead.at(-1) ?? chunk).length;
    const until = Math.min(this.stat.size, position + (position > 0 || step > limit ? AHEAD_BYTES : 0));
    while (next < until && this.#ahead.length < AHEAD_CHUNKS) {
      const ahead = Math.min(limit, step - ((next - start) % step), this.stat.size - next);
      this.#ahead.push(this.#ask(next, ahead));
      next += ahead;
    }
    return chunk;
  }

  nextData(position: number): Result<{ start: number; end: number } | undefined, VolumeError> {
    return ok(position < this.stat.size ? { start: position, end: this.stat.size } : undefined);
  }

  forget(): void {
    // The far end's cache is its own.
  }

  async statNow(): Promise<Result<FileStat, VolumeError>> {
    return (await fstat(this.connection, this.handle)).mapErr((failure) => sftpError("look at", this.path, failure));
  }

  async sync(): Promise<Result<undefined, VolumeError>> {
    if (!this.connection.abilities.fsync) return ok(undefined);
    return (await fsync(this.connection, this.handle)).mapErr((failure) => sftpError("flush", this.path, failure));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.connection.load -= 1;
    if (this.large) this.connection.largeFiles -= 1;
    void close(this.connection, this.handle);
  }
}
