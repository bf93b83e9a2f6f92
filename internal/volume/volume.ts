/**
 * One tree of files, wherever it is. Every method that touches the tree may answer at once or later (`Eventually`): a local volume answers at once and
 * blocks its thread, a remote one answers through a promise. Callers always `await`.
 *
 * Paths are relative to the volume's root, with "/" between names and none at either end; "" is the root. Names are text as in sys `name-bytes`.
 * No method follows a symbolic link below the root, and none leaves the root.
 */
import type { Result } from "neverthrow";
import type { EntryVisitor, FileStat, InotifyDescriptor, IoBuffer, Space, Writers } from "../sys/mod.ts";
import type { VolumeError } from "./volume-error.ts";

export type Eventually<Value> = Value | PromiseLike<Value>;
export type Outcome<Value> = Eventually<Result<Value, VolumeError>>;

/** How a temporary file gets its final name (`VolumeDirectory.publish`). */
export type PublishMode = "new" | "replace" | "renew";

export interface Volume {
  /** What a person calls it: the root's path or URL. */
  readonly name: string;

  /** Identifies the file system that holds the root: two volumes with the same number share their space and their fate. */
  readonly device: string;

  /** It is one disk with a moving head: who reads or writes several things at a time is slower. */
  readonly rotating: boolean;

  /** Files that are best worked on at a time by one thread: 1 where every call blocks, many where an answer has a long way. */
  readonly filesInFlight: number;

  /** `flush` can make everything durable at once. Where it cannot, each file is flushed by itself (`TemporaryFile.sync`), and each directory. */
  readonly flushesWhole: boolean;

  /** `space` lacks what was written as soon as it is written; else only once it is flushed. */
  readonly showsSpaceAtOnce: boolean;

  /** Promises of this interface that this volume cannot keep, in words; most have none. */
  readonly weaknesses: readonly string[];

  /**
   * The kind of the file system ("NFS"), when what other machines do to it is not reported to those who watch a directory. Left out where nothing can be
   * watched at all.
   */
  readonly changesElsewhere?: string | undefined;

  /** Opens an existing directory. `not-found` proves that it is not there; every other error proves nothing. */
  openDirectory(path: string): Outcome<VolumeDirectory>;

  /** Free space and inodes now, and whether the volume takes writes at all. */
  space(): Outcome<Space>;

  /** What could take the root's file system away together with another one. Never fails: what cannot be told is left out. */
  fate(): Eventually<Fate>;

  /** When this returns ok, everything that was written, renamed or made in this volume before is on stable storage. `unsupported` unless `flushesWhole`. Answers at once. */
  flush(): Result<undefined, VolumeError>;

  /** Gives up the root. Idempotent. */
  close(): void;
}

/** Where a file system is, as far as it can be told. */
export interface Fate {
  /** The machine: its machine-id(5) where that is known, else what it is called. */
  readonly machine: string;
  /** The number that the machine knows the file system by. */
  readonly fileSystem?: string;
  /** Of a file system of this machine: its device, the disks below it. */
  readonly parts: readonly string[];
  /** Beside these parts it may lie on any disk of the machine. */
  readonly unclear?: boolean;
  /** It is in memory, and gone with the next boot. */
  readonly inMemory?: boolean;
}

/** As much of a volume as a scan needs. */
export interface ListableVolume {
  openDirectory(path: string): Outcome<ListableDirectory>;
}

export type ListableDirectory = Pick<VolumeDirectory, "entries" | "look" | "hidesNames" | "isMountPoint" | "watch" | "close">;

export interface VolumeDirectory {
  readonly path: string;

  /** Visits every entry once, in the order of the volume. An error means that the listing is incomplete and proves no absence. */
  entries(visitor: EntryVisitor): Outcome<undefined>;

  /** A listing may leave out names that could not be looked at: a name that it lacks must be asked for before it counts as gone. */
  readonly hidesNames: boolean;

  /**
   * From now on, what happens in this directory (not below it) is reported there, under the number that is answered: the same for the same directory as long as
   * it is watched. `too-many-watches` when the system allows no more. To miss nothing, watch first and list then. Left out where it is not possible.
   */
  watch?(inotify: InotifyDescriptor): Result<number, VolumeError>;

  /** Is it on the root's own file system: the one that the guards have looked at, and that `Volume.flush` reaches? Left out where nothing can be mounted below the root. */
  isOfRoot?(): boolean;

  /** Is it the root of a mount? Undefined where that cannot be told; left out where nothing can be mounted below the root. */
  isMountPoint?(): boolean | undefined;

  /** What the name is, without following it; undefined when it is proven that there is no such name. */
  look(name: string): Outcome<FileStat | undefined>;

  /** Mode (permission bits), owner and group of the directory itself. */
  attributes(): Outcome<FileStat>;

  /** Opens a regular file for reading, without blocking on anything else that may have the name. */
  openSource(name: string): Outcome<SourceFile>;

  /** Makes a file that did not exist, readable by its owner only. `exists` when the name is taken. `size`: how large it will be, as far as that is known. */
  createTemporary(name: string, size?: number): Outcome<TemporaryFile>;

  /**
   * Opens a temporary file of an earlier run to go on with it, and tells its size; undefined when there is none. Left out where that is not worth it. Nothing of it is cut
   * off: a far end that was given up may still write to it.
   */
  continueTemporary?(name: string): Outcome<{ readonly file: TemporaryFile; readonly size: number } | undefined>;

  /**
   * Gives a temporary file its final name in the same directory, atomically. With "new", `exists` when the final name is taken, and nothing has happened. With
   * "replace" a reader sees the old file or the new one; `unsupported` when the name is taken and this volume cannot do that, and nothing has happened. "renew" is for
   * files of our own that can be made anew at any time, and never for a copy: as "replace", but where the volume cannot, the old file is put aside under `asideName`
   * first, so that a reader may find none for a moment; cut off in between the name is free. What then stands under the name, where that was learnt on the way;
   * else `look` tells.
   */
  publish(temporary: string, name: string, how: PublishMode): Outcome<FileStat | undefined>;

  /** Makes a directory in this one, with owner where allowed; `exists` when the name is taken. */
  makeDirectory(name: string, attributes: DirectoryAttributes): Outcome<undefined>;

  /** Removes a file; the caller answers for it being its own temporary one. */
  removeTemporary(name: string): Outcome<undefined>;

  /** When this returns ok, the names in this directory are on stable storage. */
  sync(): Outcome<undefined>;

  close(): void;
}

export interface SourceFile {
  /** As it was when it was opened. */
  readonly stat: FileStat;

  /** Reads at most `length` bytes at `position` into the start of `buffer`; 0 is the end of the file. */
  read(buffer: IoBuffer, length: number, position: number): Outcome<number>;

  /** The next stretch that holds data at or after `position`; undefined when only a hole follows. Volumes without holes answer with the rest. */
  nextData(position: number): Outcome<{ readonly start: number; readonly end: number } | undefined>;

  /** Tells the system that these bytes are not needed in its cache, unless others had them there before. Never fails. */
  forget(from: number, length: number): void;

  /**
   * Drops these bytes from the system's cache, whoever put them there, so that they are read from the disk the next time; a length of 0 is everything behind `from`. A
   * hint that never fails. Left out where the cache is out of reach.
   */
  uncache?(from: number, length: number): void;

  /** Whether anybody has the file open for writing at this moment, as far as the system knows. Left out where it never does. */
  writers?(): Writers;

  /** As it is now. */
  statNow(): Outcome<FileStat>;

  /** When this returns ok, the bytes and attributes of the file are on stable storage. */
  sync(): Outcome<undefined>;

  close(): void;
}

export interface DirectoryAttributes {
  /** Permission bits. */
  readonly mode: number;
  /** Left out: the agent's own. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

export interface FileAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
}

export interface TemporaryFile {
  readonly name: string;

  /** Reserves the space, where the volume can. `no-space` when it does not fit. */
  reserve(size: number): Outcome<"reserved" | "not possible">;

  /**
   * Writes all of the first `length` bytes of `buffer` at `position`. The buffer may be used again as soon as the call has returned, even where its promise is
   * still open; an error may also be told by a later call, at the latest by `sync`.
   */
  write(buffer: IoBuffer, length: number, position: number): Outcome<undefined>;

  /** Reads what was written before; only of a file that was continued. Left out where there is no `continueTemporary`. */
  readBack?(buffer: IoBuffer, length: number, position: number): Outcome<number>;

  /** Starts to write out what was written, without waiting for it; and forgets what has been written out. Never fails. */
  writeBehind(upTo: number): void;

  /**
   * Sets the size (a hole at the end needs it), owner where allowed, mode, and modification time. In that order, for good reasons (chown(2) clears set-id bits). That this
   * was done now is to be seen by the change time; where a volume has none, by the access time.
   */
  seal(size: number, attributes: FileAttributes): Outcome<undefined>;

  /** When this returns ok, the bytes and attributes are on stable storage. */
  sync(): Outcome<undefined>;

  close(): void;
}
