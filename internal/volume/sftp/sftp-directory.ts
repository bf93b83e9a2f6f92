/** A directory on another host: a path, as SFTP has no handle that other calls could start from. */
import { err, ok, type Result } from "neverthrow";
import type { EntryVisitor, FileStat } from "../../sys/mod.ts";
import { modeAtFirst } from "../directory-mode.ts";
import { asideName } from "../temporary-name.ts";
import type { DirectoryAttributes, PublishMode, VolumeDirectory } from "../volume.ts";
import type { VolumeError } from "../volume-error.ts";
import { OPEN, STATUS } from "./packets.ts";
import {
  close,
  fstat,
  fsync,
  type Handle,
  lstat,
  makeDirectory,
  open,
  openDirectory,
  remove,
  renameReplacing,
  renameToNew,
  setAttributes,
} from "./sftp-calls.ts";
import type { SftpConnection, SftpFailure, SftpResult } from "./sftp-connection.ts";
import { explainFailure, ownError, sftpError } from "./sftp-errors.ts";
import { isLarge, type SftpLink } from "./sftp-link.ts";
import { type EntryBudget, listNames } from "./sftp-listing.ts";
import { SftpSourceFile } from "./sftp-source-file.ts";
import { SftpTemporaryFile } from "./sftp-temporary-file.ts";
import type { SshAddress } from "./ssh-address.ts";

export class SftpDirectory implements VolumeDirectory {
  /** OpenSSH's server passes over every name whose lstat(2) fails. */
  readonly hidesNames = true;

  constructor(
    readonly path: string,
    private readonly whole: string,
    private readonly farPath: string,
    private readonly address: SshAddress,
    private readonly link: SftpLink,
    /** Hears of a directory that was made here: it need not be looked at again. */
    private readonly made: (path: string) => void,
    private readonly budget: EntryBudget,
  ) {}

  #far(name: string): string {
    return this.farPath === "/" ? `/${name}` : `${this.farPath}/${name}`;
  }

  #error(operation: string, name: string, failure: SftpFailure): VolumeError {
    return sftpError(operation, name === "" ? this.whole : `${this.whole}/${name}`, failure);
  }

  /** Performs something on the least busy connection. */
  async #on<Value>(
    operation: string,
    name: string,
    action: (connection: SftpConnection) => Promise<Result<Value, VolumeError>>,
    large = false,
  ): Promise<Result<Value, VolumeError>> {
    const available = large ? undefined : this.link.available();
    const connection: SftpResult<SftpConnection> =
      available === undefined ? await (large ? this.link.forLargeFile() : this.link.connection()) : ok(available);
    if (connection.isErr()) return err(this.#error(operation, name, connection.error));
    connection.value.load += 1;
    const done = await action(connection.value);
    connection.value.load -= 1;
    // The file that was opened counts itself.
    if (large) connection.value.largeFiles -= 1;
    return done;
  }

  /** What failed while writing, with what the far end can tell of why. */
  async #failed(
    connection: SftpConnection,
    operation: string,
    name: string,
    failure: SftpFailure,
    taken?: string,
  ): Promise<VolumeError> {
    const error = this.#error(operation, name, failure);
    return explainFailure(connection, error, this.address.path, taken === undefined ? {} : { taken: this.#far(taken) });
  }

  entries(visitor: EntryVisitor): Promise<Result<undefined, VolumeError>> {
    return this.#on("list", "", async (connection) => {
      const opened = await openDirectory(connection, this.farPath);
      if (opened.isErr()) return err(this.#error("list", "", opened.error));
      const listed = await this.#list(connection, opened.value, visitor);
      void close(connection, opened.value);
      return listed;
    });
  }

  async #list(connection: SftpConnection, handle: Handle, visitor: EntryVisitor): Promise<Result<undefined, VolumeError>> {
    const listed = await listNames(connection, handle, this.budget, visitor);
    if (listed.isOk()) return listed.value.namedItself ? ok(undefined) : this.#provenListing(connection);
    const { error } = listed;
    return err(error.kind === "endless" ? ownError("endless", "list", this.whole, error.words) : this.#error("list", "", error));
  }

  /** OpenSSH leaves out every name that it may not look at, and says nothing: a listing without "." proves nothing until "." can be looked at. */
  async #provenListing(connection: SftpConnection): Promise<Result<undefined, VolumeError>> {
    const itself = await lstat(connection, this.#far("."));
    return itself.map(() => undefined).mapErr((failure) => this.#error("list", "", failure));
  }

  look(name: string): Promise<Result<FileStat | undefined, VolumeError>> {
    return this.#on("look at", name, async (connection) => {
      const found = await lstat(connection, this.#far(name));
      if (found.isOk()) return ok(found.value);
      const { error } = found;
      return error.kind === "status" && error.code === STATUS.noSuchFile
        ? ok(undefined)
        : err(this.#error("look at", name, error));
    });
  }

  attributes(): Promise<Result<FileStat, VolumeError>> {
    return this.#on("look at", "", async (connection) =>
      (await lstat(connection, this.farPath)).mapErr((failure) => this.#error("look at", "", failure)),
    );
  }

  async openSource(name: string): Promise<Result<SftpSourceFile, VolumeError>> {
    // To open a pipe would block the far end for good: look before.
    const found = await this.look(name);
    if (found.isErr()) return err({ ...found.error, operation: "open" });
    const whole = `${this.whole}/${name}`;
    if (found.value === undefined) return err(ownError("not-found", "open", whole));
    if (found.value.kind === "symlink") return err(ownError("is-a-symlink", "open", whole));
    if (found.value.kind !== "file") return err(ownError("not-a-regular-file", "open", whole));
    const large = isLarge(found.value.size);
    return this.#on("open", name, (connection) => this.#openSource(connection, name, large), large);
  }

  async #openSource(connection: SftpConnection, name: string, large: boolean): Promise<Result<SftpSourceFile, VolumeError>> {
    const whole = `${this.whole}/${name}`;
    const opened = await open(connection, this.#far(name), OPEN.read);
    if (opened.isErr()) return err(this.#error("open", name, opened.error));
    const now = await fstat(connection, opened.value);
    if (now.isOk() && now.value.kind === "file") {
      return ok(new SftpSourceFile(whole, connection, opened.value, now.value, large));
    }
    void close(connection, opened.value);
    return err(now.isErr() ? this.#error("look at", name, now.error) : ownError("not-a-regular-file", "open", whole));
  }

  createTemporary(name: string, size = 0): Promise<Result<SftpTemporaryFile, VolumeError>> {
    const create = async (connection: SftpConnection): Promise<Result<SftpTemporaryFile, VolumeError>> => {
      const flags = OPEN.read | OPEN.write | OPEN.create | OPEN.exclusive;
      const opened = await open(connection, this.#far(name), flags, 0o600);
      if (opened.isErr()) return err(await this.#failed(connection, "create", name, opened.error, name));
      return ok(this.#temporary(name, connection, opened.value, 0, isLarge(size)));
    };
    return this.#on("create", name, create, isLarge(size));
  }

  continueTemporary(name: string): Promise<Result<{ file: SftpTemporaryFile; size: number } | undefined, VolumeError>> {
    const goOn = async (connection: SftpConnection): ReturnType<SftpDirectory["continueTemporary"]> => {
      const there = await lstat(connection, this.#far(name));
      if (there.isErr()) {
        const { error } = there;
        const absent = error.kind === "status" && error.code === STATUS.noSuchFile;
        return absent ? ok(undefined) : err(this.#error("look at", name, error));
      }
      if (there.value.kind !== "file") {
        return err(ownError("not-a-regular-file", "open", `${this.whole}/${name}`));
      }
      const opened = await open(connection, this.#far(name), OPEN.read | OPEN.write);
      if (opened.isErr()) {
        if (opened.error.kind === "transport") return err(this.#error("open", name, opened.error));
        // Sealed already, and not to be written again: it is our own temporary file, and is begun anew.
        const removed = await remove(connection, this.#far(name));
        return removed.map(() => undefined).mapErr((failure) => this.#error("remove", name, failure));
      }
      // Without a flush, nothing of it is known to be durable.
      const size = connection.abilities.fsync ? there.value.size : 0;
      return ok({ file: this.#temporary(name, connection, opened.value, size, true), size });
    };
    return this.#on("open", name, goOn, true);
  }

  #temporary(name: string, connection: SftpConnection, handle: Handle, size: number, large: boolean): SftpTemporaryFile {
    return new SftpTemporaryFile(
      { name, large, whole: `${this.whole}/${name}`, root: this.address.path, owners: this.link.owners },
      connection,
      handle,
      size,
    );
  }

  publish(temporary: string, name: string, how: PublishMode): Promise<Result<FileStat | undefined, VolumeError>> {
    return this.#on("rename to", name, async (connection) => {
      if (how !== "new" && connection.abilities.posixRename) {
        const to = this.#far(name);
        const [replaced, there] = await Promise.all([
          renameReplacing(connection, this.#far(temporary), to),
          lstat(connection, to),
        ]);
        if (replaced.isErr()) return err(await this.#failed(connection, "rename to", name, replaced.error));
        return ok(there.unwrapOr(undefined));
      }
      const named = await this.#rename(connection, temporary, name);
      if (how === "renew") return this.#renew(connection, temporary, name, named);
      if (how === "new" || named.isOk() || named.error.reason !== "exists") return named;
      const words = "the far end cannot replace a file at once (posix-rename@openssh.com)";
      return err(ownError("unsupported", "rename to", `${this.whole}/${name}`, words));
    });
  }

  /** Never replaces. */
  async #rename(connection: SftpConnection, from: string, name: string): Promise<Result<FileStat | undefined, VolumeError>> {
    const to = this.#far(name);
    if (!connection.abilities.hardlink) {
      // Servers that cannot link may replace what is there: at least look before.
      const taken = await lstat(connection, to);
      if (taken.isOk()) return err(ownError("exists", "rename to", `${this.whole}/${name}`));
    }
    const [renamed, there] = await Promise.all([renameToNew(connection, this.#far(from), to), lstat(connection, to)]);
    if (renamed.isErr()) return err(await this.#failed(connection, "rename to", name, renamed.error, name));
    return ok(there.unwrapOr(undefined));
  }

  /** Gives the name of a file of our own to its successor in steps. Nothing is removed before that has it, and what is removed then has a temporary name. */
  async #renew(
    connection: SftpConnection,
    temporary: string,
    name: string,
    named: Result<FileStat | undefined, VolumeError>,
  ): Promise<Result<FileStat | undefined, VolumeError>> {
    if (named.isErr() && named.error.reason !== "exists") return named;
    const aside = asideName(temporary);
    // Of a run that was cut off here; there is none nearly always.
    await remove(connection, this.#far(aside));
    if (named.isOk()) return named;
    const old = await lstat(connection, this.#far(name));
    if (old.isOk() && old.value.kind !== "file") return named;
    const moved = await this.#rename(connection, name, aside);
    if (moved.isErr()) return moved;
    const renewed = await this.#rename(connection, temporary, name);
    if (renewed.isErr()) await this.#rename(connection, aside, name);
    else await remove(connection, this.#far(aside));
    return renewed;
  }

  makeDirectory(name: string, attributes: DirectoryAttributes): Promise<Result<undefined, VolumeError>> {
    return this.#on("make directory", name, async (connection) => {
      const path = this.#far(name);
      const made = await makeDirectory(connection, path, modeAtFirst(attributes));
      if (made.isErr()) return err(await this.#failed(connection, "make directory", name, made.error, name));
      // Only root may give a directory away. The mode comes afterwards: the far end's umask was taken off.
      const { owner, mode } = attributes;
      if (owner !== undefined) void setAttributes(connection, path, { owner });
      const moded = await setAttributes(connection, path, { permissions: mode });
      this.made(this.path === "" ? name : `${this.path}/${name}`);
      const refused = moded.isErr() && moded.error.kind === "status" && moded.error.code === STATUS.permissionDenied;
      return moded.isErr() && !refused ? err(this.#error("make directory", name, moded.error)) : ok(undefined);
    });
  }

  removeTemporary(name: string): Promise<Result<undefined, VolumeError>> {
    return this.#on("remove", name, async (connection) => {
      const removed = await remove(connection, this.#far(name));
      return removed.isOk() ? ok(undefined) : err(await this.#failed(connection, "remove", name, removed.error));
    });
  }

  /** A directory that is opened for reading can be flushed like a file (fsync(2)). */
  sync(): Promise<Result<undefined, VolumeError>> {
    return this.#on("flush", "", async (connection) => {
      if (!connection.abilities.fsync) return ok(undefined);
      const opened = await open(connection, this.farPath, OPEN.read);
      if (opened.isErr()) return err(this.#error("flush", "", opened.error));
      const synced = await fsync(connection, opened.value);
      void close(connection, opened.value);
      return synced.isOk() ? ok(undefined) : err(await this.#failed(connection, "flush", "", synced.error));
    });
  }

  close(): void {
    // Nothing is held open at the far end.
  }
}
