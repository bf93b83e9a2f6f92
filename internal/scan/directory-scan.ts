/**
 * Lists one directory and says only what differs from the inventory. The inner loop of the whole program: for a file that is as it was, it makes no
 * object but its name. A directory that is too large to hold in memory is compared name by name instead, with one bit a file.
 */
import {
  type DirectoryId,
  type FileOriginId,
  KNOWN,
  type KnownSubdirectory,
  knownDirectory,
  knownFiles,
  knownSubdirectories,
  NUMBERS_PER_FILE,
  namesOfFiles,
  observedSince,
  originStateCode,
  type ScanProblem,
  type Session,
} from "../inventory/mod.ts";
import { type EntryVisitor, errnoText, monotonicNanoseconds, printable, type SysError } from "../sys/mod.ts";
import {
  isTemporaryName,
  type ListableDirectory,
  type ListableVolume,
  MARKER_NAME,
  type VolumeError,
  volumeErrorMessage,
} from "../volume/mod.ts";
import type { ExcludePatterns } from "./exclude-patterns.ts";
import { type KnownFiles, LargeDirectory, SmallDirectory } from "./known-files.ts";
import { type DirectoryScanOptions, linkNow, notMounted, type ScanSink } from "./scan-sink.ts";
import type { ScanTarget } from "./scan-target.ts";
import { isQuiet, type SettleRule } from "./settle.ts";
import { isUnmounted, mountToRemember, WaysAbove } from "./ways-above.ts";

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

/** So many files in a listing are a sign of life. */
const ALIVE_EVERY = 8_192;

export class DirectoryScan implements EntryVisitor {
  #path = "";
  #relative = "";
  #known: KnownFiles = new SmallDirectory([]);
  #knownDirectories = new Map<string, KnownSubdirectory>();
  #subdirectories: string[] = [];
  #isReplica = false;
  readonly #above: WaysAbove;
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
  ) {
    this.#above = new WaysAbove(volume, session, target);
  }

  /**
   * Lists the directory and sends what differs to the sink. A directory that cannot be opened or listed to the end is a problem, and none of its
   * known files or directories count as vanished (law 5); what was listed of it still counts as seen.
   */
  scan(path: string): Promise<void> {
    return this.session.inSnapshot(() => this.#scan(path));
  }

  async #scan(path: string): Promise<void> {
    const { host, dataDirectory, root } = this.target;
    const above = this.options.lookAbove === true && path !== root ? this.#above : undefined;
    if (await above?.isLeftOut(path.slice(0, path.lastIndexOf("/")) || "/")) return;
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
    const known = knownDirectory(this.session, host, dataDirectory, path);
    const mounted = mountToRemember(opened.value, path === root, this.options.acceptLoss === true);
    if (path !== root && isUnmounted(opened.value, known) && this.options.acceptLoss !== true) {
      opened.value.close();
      return this.#tell(path, notMounted(path, root));
    }
    this.#watch(opened.value, when);
    this.#known = this.#knownFilesOf(known?.id);
    this.#knownDirectories = new Map(
      known === undefined ? [] : knownSubdirectories(this.session, known.id).map((row) => [row.path, row]),
    );
    const listed = await opened.value.entries(this);
    let vanished: FileOriginId[] = [];
    if (listed.isErr()) this.#problem(listed.error);
    else {
      this.#known.forEachUnseen((id) => vanished.push(id));
      if (opened.value.hidesNames) vanished = await this.#reallyGone(opened.value, vanished);
    }
    opened.value.close();
    if (this.#isReplica) return this.#leaveReplica(path);
    for (const subdirectory of this.#subdirectories) this.sink.subdirectory(subdirectory);
    this.#subdirectories = [];
    const vanishedDirectories = listed.isErr() ? [] : this.#vanishedDirectories(root);
    const differs =
      this.#names.length +
        this.#excluded.length +
        this.#excludedDirectories.length +
        vanished.length +
        vanishedDirectories.length >
      0;
    const isMountedAnew = mounted !== undefined && known?.mounted !== mounted;
    if (differs || known?.asExpected !== true || isMountedAnew) this.#send(vanished, vanishedDirectories, mounted);
  }

  /** What was a mount point may be gone together with its disk: that proves nothing. */
  #vanishedDirectories(root: string): DirectoryId[] {
    const vanished: DirectoryId[] = [];
    for (const [path, directory] of this.#knownDirectories) {
      if (directory.mounted === 1 && this.options.acceptLoss !== true) this.#tell(path, notMounted(path, root));
      else vanished.push(directory.id);
    }
    return vanished;
  }

  /** A data directory that holds a replica, by a link or a mount that nobody could see in the configuration, would be copied into itself without end. */
  #leaveReplica(path: string): void {
    this.#isReplica = false;
    this.#subdirectories = [];
    this.#names = [];
    this.#numbers = [];
    this.#excluded = [];
    this.#excludedDirectories = [];
    this.#tell(path, {
      code: "replica",
      message: `${printable(path)} is a replica (it has ${MARKER_NAME}): nothing in it is copied; take it out of the data directory, or exclude it`,
    });
  }

  #tell(path: string, problem: Omit<ScanProblem, "path">): void {
    this.sink.counts.unreadable += 1;
    this.sink.problem({ path, ...problem });
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

  #send(vanished: readonly FileOriginId[], vanishedDirectories: readonly DirectoryId[], mounted?: boolean): void {
    this.sink.difference({
      path: this.#path,
      ...(mounted === undefined ? {} : { mounted }),
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

  readonly #problem = (error: VolumeError): void =>
    this.#tell(this.#path, { code: error.reason, message: volumeErrorMessage(error) });

  #isExcluded(name: string): boolean {
    return this.patterns.excludes(name, () => (this.#relative === "" ? name : `${this.#relative}/${name}`));
  }

  file(name: string, size: number, mtimeSeconds: number, mtimeNanoseconds: number, changed: number): void {
    // A restore that is under way, or was cut off: no file of the instrument.
    if (isTemporaryName(name)) return;
    if (name === MARKER_NAME) this.#isReplica = true;
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
      settled ??= isQuiet(this.rule, mtimeSeconds + mtimeNanoseconds / 1e9, changed, () =>
        observedSince(this.session, row[KNOWN.id] as FileOriginId),
      );
      if (row[KNOWN.state] === GROWING && !settled) return;
    }
    settled ??= isQuiet(this.rule, mtimeSeconds + mtimeNanoseconds / 1e9, changed);
    this.#names.push(name);
    this.#numbers.push(size, mtimeSeconds, mtimeNanoseconds, settled ? 1 : 0);
    if (this.#numbers.length >= FILES_PER_DIFFERENCE * NUMBERS_PER_FILE) this.#send([], []);
  }

  readonly #pathOf = (name: string): string => (this.#path === "/" ? `/${name}` : `${this.#path}/${name}`);

  directory(name: string): void {
    const path = this.#pathOf(name);
    const known = this.#knownDirectories.get(path);
    this.#knownDirectories.delete(path);
    if (this.#isExcluded(name)) {
      if (known !== undefined) this.#excludedDirectories.push(known.id);
    } else this.#subdirectories.push(path);
  }

  symlink(name: string): void {
    this.sink.counts.symlinks += 1;
    const path = this.#pathOf(name);
    const known = this.#knownDirectories.get(path);
    if (known === undefined || this.options.acceptLoss === true) return;
    this.#knownDirectories.delete(path);
    if (this.#isExcluded(name)) this.#excludedDirectories.push(known.id);
    else this.#tell(path, linkNow(path, this.target.root));
  }

  special(): void {
    this.sink.counts.special += 1;
  }

  unreadable(name: string, error: SysError): void {
    this.#known.take(name);
    // It may be a directory: then it is not known to have vanished either.
    const path = this.#pathOf(name);
    this.#knownDirectories.delete(path);
    this.#tell(path, { code: error.code, message: `look at ${printable(path)}: ${errnoText(error.code)} (${error.code})` });
  }
}
