/**
 * A temporary file on another host, open for writing. Writes, attributes and the flush are sent without waiting for each other; what fails among them is told by
 * the next call, and at the latest by `sync`, which waits for all.
 */
import { err, ok, type Result } from "neverthrow";
import type { IoBuffer } from "../../sys/mod.ts";
import type { FileAttributes, TemporaryFile } from "../volume.ts";
import type { VolumeError } from "../volume-error.ts";
import { STATUS } from "./packets.ts";
import { close, fsync, type Handle, read, setHandleAttributes, write } from "./sftp-calls.ts";
import type { SftpConnection, SftpFailure, SftpResult } from "./sftp-connection.ts";
import { explainFailure, sftpError } from "./sftp-errors.ts";

/** Bytes of one file that may be on the way. */
const WINDOW_BYTES = 4 << 20;
/** A large file is flushed in such steps, so that what was written before the last two is durable: see `durableBytes`. */
export const FLUSH_STEP_BYTES = 64 << 20;

/** How much of a temporary file of this size is surely on the far end's disk: at most two steps were on their way. */
export const durableBytes = (size: number): number => Math.max(0, Math.floor(size / FLUSH_STEP_BYTES) - 1) * FLUSH_STEP_BYTES;

/** SFTP 3 counts seconds from 1970 to 2106. */
const MAX_SECONDS = 0xffff_ffff;

const isDenied = (failure: SftpFailure): boolean => failure.kind === "status" && failure.code === STATUS.permissionDenied;

export interface TemporaryPlace {
  readonly name: string;
  readonly whole: string;
  /** It counts as one of its connection's large files. */
  readonly large: boolean;
  /** The volume's root at the far end: whose free space is asked. */
  readonly root: string;
  /** Owners that this login could or could not give files to. */
  readonly owners: Map<string, boolean>;
}

export class SftpTemporaryFile implements TemporaryFile {
  #closed = false;
  #size: number;
  #inFlight = 0;
  #failure: SftpFailure | undefined;
  #waiting: (() => void) | undefined;
  #nextFlush: number;
  #lastFlush: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly place: TemporaryPlace,
    private readonly connection: SftpConnection,
    private readonly handle: Handle,
    size: number,
  ) {
    this.#size = size;
    // What is behind that is written again, and flushed step by step again.
    this.#nextFlush = durableBytes(size) + FLUSH_STEP_BYTES;
    connection.load += 1;
    if (place.large) connection.largeFiles += 1;
  }

  get name(): string {
    return this.place.name;
  }

  async #error(operation: string, failure: SftpFailure): Promise<VolumeError> {
    const error = sftpError(operation, this.place.whole, failure);
    return explainFailure(this.connection, error, this.place.root, { bytes: Math.min(this.#size, 1 << 20) });
  }

  #sent(bytes: number, done: Promise<SftpResult<undefined>>): void {
    this.#inFlight += bytes;
    void done.then((result) => {
      this.#inFlight -= bytes;
      if (result.isErr()) this.#failure ??= result.error;
      this.#waiting?.();
    });
  }

  /** Waits until at most so much is on the way. */
  async #until(bytes: number): Promise<void> {
    while (this.#inFlight > bytes && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#waiting = undefined;
  }

  /** SFTP cannot reserve: the guard has looked at the free space, and the write itself will find out. */
  reserve(): Result<"not possible", VolumeError> {
    return ok("not possible");
  }

  async write(buffer: IoBuffer, length: number, position: number): Promise<Result<undefined, VolumeError>> {
    const most = this.connection.abilities.writeBytes;
    for (let done = 0; done < length && this.#failure === undefined; done += most) {
      const bytes = buffer.bytes.subarray(done, Math.min(length, done + most));
      this.#sent(bytes.length, write(this.connection, this.handle, position + done, bytes));
    }
    this.#size = Math.max(this.#size, position + length);
    if (position + length >= this.#nextFlush) await this.#flushStep();
    if (this.#inFlight > WINDOW_BYTES) await this.#until(WINDOW_BYTES);
    return this.#failure === undefined ? ok(undefined) : err(await this.#error("write", this.#failure));
  }

  /** The flush of this step is sent, that of the step before is waited for. */
  async #flushStep(): Promise<void> {
    this.#nextFlush += FLUSH_STEP_BYTES;
    if (!this.connection.abilities.fsync) return;
    await this.#lastFlush;
    const flush = fsync(this.connection, this.handle);
    this.#lastFlush = flush;
    this.#sent(1, flush);
  }

  async readBack(buffer: IoBuffer, length: number, position: number): Promise<Result<number, VolumeError>> {
    let done = 0;
    while (done < length) {
      const wanted = Math.min(this.connection.abilities.readBytes, length - done);
      const got = await read(this.connection, this.handle, position + done, wanted, buffer.bytes.subarray(done));
      if (got.isErr()) {
        if (got.error.kind === "status" && got.error.code === STATUS.endOfFile) break;
        return err(sftpError("read", this.place.whole, got.error));
      }
      if (got.value === 0) break;
      done += got.value;
    }
    return ok(done);
  }

  writeBehind(): void {
    // The far end's cache is its own.
  }

  async seal(size: number, attributes: FileAttributes): Promise<Result<undefined, VolumeError>> {
    const { connection, handle } = this;
    if (this.#size !== size) this.#sent(1, setHandleAttributes(connection, handle, { size }));
    this.#size = size;
    const { uid, gid, mode } = attributes;
    const owned = await this.#canOwn(uid, gid);
    const mtimeSeconds = Math.min(MAX_SECONDS, Math.max(0, attributes.mtimeSeconds));
    // A copy that is not its owner's must not be set-id for somebody else.
    const permissions = owned ? mode : mode & 0o1777;
    const setId = (permissions & 0o6000) !== 0;
    const owner = owned ? { owner: { uid, gid } } : {};
    // The server gives the file away last, and to give it away clears set-id bits (chown(2)).
    if (setId && owned) this.#sent(1, setHandleAttributes(connection, handle, owner));
    // As on this machine: where the file system lets nobody change modes (some with ACLs), the copy is still a copy.
    const moded = setHandleAttributes(connection, handle, { ...(setId ? {} : owner), permissions });
    this.#sent(
      1,
      moded.then((answer) => (answer.isErr() && isDenied(answer.error) ? ok(undefined) : answer)),
    );
    const atimeSeconds = Math.floor(Date.now() / 1000);
    this.#sent(1, setHandleAttributes(connection, handle, { mtimeSeconds, atimeSeconds }));
    return ok(undefined);
  }

  /** Whether files can be this owner's here: tried once, and then known of this login. */
  async #canOwn(uid: number, gid: number): Promise<boolean> {
    // Another file system below the same login may know no owners.
    const key = `${this.place.root} ${uid}:${gid}`;
    const known = this.place.owners.get(key);
    if (known !== undefined) return known;
    const answer = await setHandleAttributes(this.connection, this.handle, { owner: { uid, gid } });
    if (answer.isErr() && answer.error.kind === "transport") {
      this.#failure ??= answer.error;
      return false;
    }
    const refused = answer.isErr() && isDenied(answer.error);
    if (answer.isOk() || refused) this.place.owners.set(key, answer.isOk());
    return answer.isOk();
  }

  async sync(): Promise<Result<undefined, VolumeError>> {
    if (this.connection.abilities.fsync) this.#sent(1, fsync(this.connection, this.handle));
    await this.#until(0);
    return this.#failure === undefined ? ok(undefined) : err(await this.#error("write", this.#failure));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.connection.load -= 1;
    if (this.place.large) this.connection.largeFiles -= 1;
    void close(this.connection, this.handle);
  }
}
