/** An open directory of a local volume. */
import { err, ok, type Result } from "neverthrow";
import {
  addWatch,
  close,
  createExclusive,
  type EntryVisitor,
  type FileDescriptor,
  type FileStat,
  type InotifyDescriptor,
  isMountRoot,
  makeDirectory,
  openDirectoryBelow,
  openFileForReading,
  readEntries,
  removeFile,
  rename,
  renameNoReplace,
  type SysError,
  setMode,
  setOwner,
  statDescriptor,
  statEntry,
  syncFile,
} from "../../sys/mod.ts";
import { modeAtFirst } from "../directory-mode.ts";
import type { DirectoryAttributes, PublishMode, VolumeDirectory } from "../volume.ts";
import { type VolumeError, volumeError } from "../volume-error.ts";
import { LocalSourceFile } from "./local-source-file.ts";
import { LocalTemporaryFile } from "./local-temporary-file.ts";

/** What is there by now is somebody else's, or not ours to read: there is nothing more that could be asked for. Any other error leaves the name in doubt. */
const NOT_OURS: ReadonlySet<string> = new Set(["ENOENT", "ELOOP", "EACCES", "ENXIO"]);

export class LocalDirectory implements VolumeDirectory {
  readonly hidesNames = false;
  #closed = false;
  #isOfRoot: boolean | undefined;
  /** Owner and group that a new file gets here, once one was made: to ask for the same again would be a call too many. */
  #ownerOfNew: { readonly uid: number; readonly gid: number } | undefined;

  /** Names that were given since the last `sync`, where that has to be asked for file by file. */
  readonly #published = new Set<string>();

  /** `syncsNames`: on the root's file system, a flush of a directory is known to reach its disk. */
  constructor(
    readonly path: string,
    private readonly whole: string,
    private readonly descriptor: FileDescriptor,
    private readonly syncsNames: boolean,
    private readonly isOnRootsFileSystem: (directory: FileDescriptor) => boolean,
  ) {}

  #error(operation: string, name: string, error: SysError): VolumeError {
    return volumeError(operation, name === "" ? this.whole : `${this.whole}/${name}`, error);
  }

  isOfRoot(): boolean {
    this.#isOfRoot ??= this.isOnRootsFileSystem(this.descriptor);
    return this.#isOfRoot;
  }

  isMountPoint(): boolean | undefined {
    return isMountRoot(this.descriptor);
  }

  entries(visitor: EntryVisitor): Result<undefined, VolumeError> {
    return readEntries(this.descriptor, visitor).mapErr((error) => this.#error("list", "", error));
  }

  watch(inotify: InotifyDescriptor): Result<number, VolumeError> {
    return addWatch(inotify, this.descriptor).mapErr((error) => {
      const failed = this.#error("watch", "", error);
      // Its code would say that a disk is full.
      return error.code === "ENOSPC"
        ? { ...failed, reason: "too-many-watches", code: "", words: "fs.inotify.max_user_watches is reached" }
        : failed;
    });
  }

  look(name: string): Result<FileStat | undefined, VolumeError> {
    const stat = statEntry(this.descriptor, name);
    if (stat.isOk()) return ok(stat.value);
    return stat.error.code === "ENOENT" ? ok(undefined) : err(this.#error("look at", name, stat.error));
  }

  attributes(): Result<FileStat, VolumeError> {
    return statDescriptor(this.descriptor).mapErr((error) => this.#error("look at", "", error));
  }

  openSource(name: string): Result<LocalSourceFile, VolumeError> {
    const opened = openFileForReading(this.descriptor, name);
    if (opened.isErr()) return err(this.#error("open", name, opened.error));
    const whole = `${this.whole}/${name}`;
    const stat = statDescriptor(opened.value);
    if (stat.isErr()) {
      close(opened.value);
      return err(volumeError("look at", whole, stat.error));
    }
    if (stat.value.kind !== "file") {
      close(opened.value);
      return err({ kind: "volume", reason: "not-a-regular-file", operation: "open", path: whole, code: "" });
    }
    return ok(new LocalSourceFile(whole, opened.value, stat.value));
  }

  createTemporary(name: string): Result<LocalTemporaryFile, VolumeError> {
    const created = createExclusive(this.descriptor, name, 0o600);
    if (created.isErr()) return err(this.#error("create", name, created.error));
    this.#ownerOfNew ??= statDescriptor(created.value).unwrapOr(undefined);
    return ok(new LocalTemporaryFile(name, `${this.whole}/${name}`, created.value, this.#ownerOfNew));
  }

  publish(temporary: string, name: string, how: PublishMode): Result<FileStat | undefined, VolumeError> {
    if (!this.syncsNames || !this.isOfRoot()) this.#published.add(name);
    if (how !== "new") {
      return rename(this.descriptor, temporary, name).mapErr((error) => this.#error("rename to", name, error));
    }
    const renamed = renameNoReplace(this.descriptor, temporary, name);
    if (renamed.isOk()) return ok(undefined);
    if (renamed.error.code !== "EINVAL" && renamed.error.code !== "ENOSYS") {
      return err(this.#error("rename to", name, renamed.error));
    }
    // A file system without RENAME_NOREPLACE (renameat2(2)): look, then rename. Nobody else writes below a replica's root.
    const taken = this.look(name);
    if (taken.isErr()) return err(taken.error);
    if (taken.value !== undefined) {
      return err({ kind: "volume", reason: "exists", operation: "rename to", path: `${this.whole}/${name}`, code: "EEXIST" });
    }
    return this.publish(temporary, name, "replace");
  }

  makeDirectory(name: string, attributes: DirectoryAttributes): Result<undefined, VolumeError> {
    const failed = (error: SysError) => this.#error("make directory", name, error);
    const made = makeDirectory(this.descriptor, name, modeAtFirst(attributes));
    if (made.isErr()) return err(failed(made.error));
    const opened = openDirectoryBelow(this.descriptor, name);
    if (opened.isErr()) return err(failed(opened.error));
    // Only root may give a directory away; mkdir(2) takes the umask off, so the mode is set afterwards.
    if (attributes.owner !== undefined) setOwner(opened.value, attributes.owner.uid, attributes.owner.gid).unwrapOr(undefined);
    const moded = setMode(opened.value, attributes.mode);
    close(opened.value);
    return moded.isErr() && moded.error.code !== "EPERM" ? err(failed(moded.error)) : ok(undefined);
  }

  removeTemporary(name: string): Result<undefined, VolumeError> {
    return removeFile(this.descriptor, name).mapErr((error) => this.#error("remove", name, error));
  }

  sync(): Result<undefined, VolumeError> {
    const synced = syncFile(this.descriptor).mapErr((error) => this.#error("flush", "", error));
    if (synced.isErr()) return err(synced.error);
    for (const name of this.#published) {
      const named = this.#syncName(name);
      if (named.isErr()) return err(named.error);
      this.#published.delete(name);
    }
    return ok(undefined);
  }

  /**
   * A FUSE file system without fsyncdir (bindfs, mergerfs, ...) is one whose directories the kernel says are flushed, whatever is asked. But a file that is flushed takes
   * its name with it, on every journal that may lie below.
   */
  #syncName(name: string): Result<undefined, VolumeError> {
    const opened = openFileForReading(this.descriptor, name);
    if (opened.isErr()) return NOT_OURS.has(opened.error.code) ? ok(undefined) : err(this.#error("flush", name, opened.error));
    const synced = syncFile(opened.value).mapErr((error) => this.#error("flush", name, error));
    close(opened.value);
    return synced;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.descriptor);
  }
}
