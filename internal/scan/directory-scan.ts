/**
 * Lists one directory and says only what differs from the inventory. The inner loop of the whole program: for a file that is as it was, it makes no
 * object but its name. A directory that is too large to hold in memory is compared name by name instead, with one bit a file.
 */
import {
  type DirectoryDifference,
  type DirectoryId,
  type FileOriginId,
  KNOWN,
  knownDirectory,
  knownFiles,
  knownSubdirectories,
  NUMBERS_PER_FILE,
  namesOfFiles,
  originStateCode,
  type ScanProblem,
  type Session,
} from "../inventory/mod.ts";
import {
  type EntryVisitor,
  errnoText,
  type InotifyDescriptor,
  monotonicNanoseconds,
  printable,
  type SysError,
} from "../sys/mod.ts";
import {
  isTemporaryName,
  type ListableDirectory,
  type ListableVolume,
  type VolumeError,
  volumeErrorMessage,
} from "../volume/mod.ts";
import type { ExcludePatterns } from "./exclude-patterns.ts";
import { type KnownFiles, LargeDirectory, SmallDirectory } from "./known-files.ts";
import type { ScanTarget } from "./scan-target.ts";
import { isQuiet, type SettleRule } from "./settle.ts";

const LARGE_DIRECTORY = 50_000;

/** Names come in no order: the pages of a large directory's index are all needed at once, those of a small one are few. */
const LARGE_CACHE_MEBIBYTES = 64;
const SMALL_CACHE_MEBIBYTES = 2;

/** A difference is sent on when it holds this many files. */
const FILES_PER_DIFFERENCE = 10_000;

/** Questions on the way for names that a listing lacks. */
const LOOKS_AT_A_TIME = 128;

const SETTLED = originStateCode("settled");
const GROWING = originStateCode("growing");
const ABSENT = originStateCode("absent");
const EXCLUDED = originStateCode("excluded");

export interface ScanCounts {
  files: number;
  bytes: number;
  directories: number;
  symlinks: number;
  special: number;
  unreadable: number;
}

export const emptyCounts = (): ScanCounts => ({ files: 0, bytes: 0, directories: 0, symlinks: 0, special: 0, unreadable: 0 });

/** Where the findings go. */
export interface ScanSink {
  readonly counts: ScanCounts;
  difference(difference: DirectoryDifference): void;
  subdirectory(path: string): void;
  problem(problem: ScanProblem): void;
  /** The directory is watched, under this number, since before it was listed. `when`: just before it was opened, by `monotonicNanoseconds`. */
  watched?(path: string, watch: number, when: number): void;
  /** The directory cannot be watched. */
  unwatched?(path: string, error: VolumeError): void;
  /** Called now and then while a long listing finds nothing to say. */
  alive?(): void;
}

export interface DirectoryScanOptions {
  /** Each directory is watched before it is listed, so that nothing is missed in between. */
  readonly inotify?: InotifyDescriptor;
  /** Files that are known to be growing are looked at one by one elsewhere: here they go on growing. */
  readonly leaveGrowing?: boolean;
  /** From this many known files on, a directory is compared name by name. */
  readonly largeDirectory?: number;
}

/** So many files in a listing are a sign of life. */
const ALIVE_EVERY = 8_192;

export class DirectoryScan implements EntryVisitor {
  #path = "";
  #relative = "";
  #known: KnownFiles = new SmallDirectory([]);
  #knownDirectories = new Map<string, DirectoryId>();
  #names: string[] = [];
  #numbers: number[] = [];
  #excluded: FileOriginId[] = [];
  #excludedDirectories: DirectoryId[] = [];

  constructor(
    private readonly volume: ListableVolume,
    private readonly session: Session,
    private readonly target: ScanTarget,
    private readonly patterns: ExcludePatterns,
    private readonly rule: SettleRule,
    private readonly sink: ScanSink,
    private readonly options: DirectoryScanOptions = {},
  ) {}

  /**
   * Lists the directory and sends what differs to the sink. A directory that cannot be opened or listed to the end is a problem, and none of its
   * known files or directories count as vanished (law 5); what was listed of it still counts as seen.
   */
  scan(path: string): Promise<void> {
    return this.session.inSnapshot(() => this.#scan(path));
  }

  async #scan(path: string): Promise<void> {
    const { host, dataDirectory, root } = this.target;
    this.#path = path;
    this.#relative = path === root ? "" : path.slice(root === "/" ? 1 : root.length + 1);
    const when = this.options.inotify === undefined ? 0 : Number(monotonicNanoseconds());
    const opened = await this.volume.openDirectory(this.#relative);
    if (opened.isErr()) {
      // Gone since its parent was listed: the next scan of the parent proves it.
      if (opened.error.reason !== "not-found" || path === root) this.#problem(opened.error);
      return;
    }
    this.sink.counts.directories += 1;
    this.#watch(opened.value, when);
    const known = knownDirectory(this.session, host, dataDirectory, path);
    this.#known = this.#knownFilesOf(known?.id);
    this.#knownDirectories = new Map(
      known === undefined ? [] : knownSubdirectories(this.session, known.id).map((row) => [row.path, row.id]),
    );
    const listed = await opened.value.entries(this);
    let vanished: FileOriginId[] = [];
    if (listed.isErr()) this.#problem(listed.error);
    else {
      this.#known.forEachUnseen((id) => vanished.push(id));
      if (opened.value.hidesNames) vanished = await this.#reallyGone(opened.value, vanished);
    }
    opened.value.close();
    const vanishedDirectories = listed.isErr() ? [] : [...this.#knownDirectories.values()];
    const differs =
      this.#names.length +
        this.#excluded.length +
        this.#excludedDirectories.length +
        vanished.length +
        vanishedDirectories.length >
      0;
    if (differs || known?.asExpected !== true) this.#send(vanished, vanishedDirectories);
  }

  #watch(directory: ListableDirectory, when: number): void {
    const { inotify } = this.options;
    const watched = inotify === undefined ? undefined : directory.watch?.(inotify);
    watched?.match(
      (watch) => this.sink.watched?.(this.#path, watch, when),
      (error) => this.sink.unwatched?.(this.#path, error),
    );
  }

  /** Of the names that a listing lacks, those that are proven to be gone. A directory that is still there is not known to have vanished either. */
  async #reallyGone(directory: ListableDirectory, unseen: readonly FileOriginId[]): Promise<FileOriginId[]> {
    const stillThere = async (name: string, kind: "file" | "directory"): Promise<boolean> => {
      const look = await directory.look(name);
      if (look.isErr()) this.#problem(look.error);
      return look.isErr() || look.value?.kind === kind;
    };
    const paths = [...this.#knownDirectories.keys()];
    for (let at = 0; at < paths.length; at += LOOKS_AT_A_TIME) {
      this.sink.alive?.();
      const some = paths.slice(at, at + LOOKS_AT_A_TIME);
      const there = await Promise.all(some.map((path) => stillThere(path.slice(path.lastIndexOf("/") + 1), "directory")));
      some.forEach((path, index) => {
        if (there[index] === true) this.#knownDirectories.delete(path);
      });
    }
    const gone: FileOriginId[] = [];
    for (let at = 0; at < unseen.length; at += LOOKS_AT_A_TIME) {
      this.sink.alive?.();
      const names = namesOfFiles(this.session, unseen.slice(at, at + LOOKS_AT_A_TIME));
      const there = await Promise.all(names.map(({ name }) => stillThere(name, "file")));
      names.forEach(({ id }, index) => {
        if (there[index] === false) gone.push(id);
      });
    }
    return gone;
  }

  #knownFilesOf(directory: DirectoryId | undefined): KnownFiles {
    if (directory === undefined) return new SmallDirectory([]);
    const { largeDirectory = LARGE_DIRECTORY } = this.options;
    const rows = knownFiles(this.session, directory, largeDirectory + 1);
    this.session.setPageCache(rows.length <= largeDirectory ? SMALL_CACHE_MEBIBYTES : LARGE_CACHE_MEBIBYTES);
    return rows.length <= largeDirectory ? new SmallDirectory(rows) : new LargeDirectory(this.session, directory);
  }

  #send(vanished: readonly FileOriginId[], vanishedDirectories: readonly DirectoryId[]): void {
    this.sink.difference({
      path: this.#path,
      names: this.#names,
      numbers: Float64Array.from(this.#numbers),
      vanished,
      excluded: this.#excluded,
      vanishedDirectories,
      excludedDirectories: this.#excludedDirectories,
    });
    this.#names = [];
    this.#numbers = [];
    this.#excluded = [];
    this.#excludedDirectories = [];
  }

  #problem(error: VolumeError): void {
    this.sink.counts.unreadable += 1;
    this.sink.problem({ path: this.#path, code: error.reason, message: volumeErrorMessage(error) });
  }

  #isExcluded(name: string): boolean {
    return this.patterns.excludes(name, () => (this.#relative === "" ? name : `${this.#relative}/${name}`));
  }

  file(name: string, size: number, mtimeSeconds: number, mtimeNanoseconds: number, changed: number): void {
    // A restore that is under way, or was cut off: no file of the instrument.
    if (isTemporaryName(name)) return;
    const row = this.#known.take(name);
    if (this.#isExcluded(name)) {
      const state = row?.[KNOWN.state];
      if (row !== undefined && state !== ABSENT && state !== EXCLUDED) this.#excluded.push(row[KNOWN.id] as FileOriginId);
      return;
    }
    this.sink.counts.files += 1;
    this.sink.counts.bytes += size;
    if (this.sink.counts.files % ALIVE_EVERY === 0) this.sink.alive?.();
    let settled = this.options.leaveGrowing === true && row?.[KNOWN.state] === GROWING ? false : undefined;
    if (
      row !== undefined &&
      row[KNOWN.size] === size &&
      row[KNOWN.mtimeSeconds] === mtimeSeconds &&
      row[KNOWN.mtimeNanoseconds] === mtimeNanoseconds
    ) {
      if (row[KNOWN.state] === SETTLED) return;
      settled ??= isQuiet(this.rule, mtimeSeconds + mtimeNanoseconds / 1e9, changed);
      if (row[KNOWN.state] === GROWING && !settled) return;
    }
    settled ??= isQuiet(this.rule, mtimeSeconds + mtimeNanoseconds / 1e9, changed);
    this.#names.push(name);
    this.#numbers.push(size, mtimeSeconds, mtimeNanoseconds, settled ? 1 : 0);
    if (this.#numbers.length >= FILES_PER_DIFFERENCE * NUMBERS_PER_FILE) this.#send([], []);
  }

  directory(name: string): void {
    const path = this.#path === "/" ? `/${name}` : `${this.#path}/${name}`;
    const known = this.#knownDirectories.get(path);
    this.#knownDirectories.delete(path);
    if (this.#isExcluded(name)) {
      if (known !== undefined) this.#excludedDirectories.push(known);
    } else this.sink.subdirectory(path);
  }

  symlink(): void {
    this.sink.counts.symlinks += 1;
  }

  special(): void {
    this.sink.counts.special += 1;
  }

  unreadable(name: string, error: SysError): void {
    this.#known.take(name);
    // It may be a directory: then it is not known to have vanished either.
    const path = this.#path === "/" ? `/${name}` : `${this.#path}/${name}`;
    this.#knownDirectories.delete(path);
    this.sink.counts.unreadable += 1;
    this.sink.problem({
      path,
      code: error.code,
      message: `look at ${printable(path)}: ${errnoText(error.code)} (${error.code})`,
    });
  }
}
