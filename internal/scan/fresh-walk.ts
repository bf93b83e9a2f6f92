/**
 * Looks at every file of a data directory anew, and at what is recorded of it. Unlike a scan it tells of all files, also of those that are as they were.
 *
 * Promises: each directory is listed before its recorded files are looked at one by one, so that a file that was there when the walk came by is told of, either as
 * recorded or as unrecorded; what cannot be looked at is told as that, with all that is recorded below it still to be asked for; memory does not grow with the number
 * of files.
 */
import {
  type DirectoryId,
  type Evidence,
  isPresentFile,
  knownSubdirectories,
  presentFiles,
  type RecordedOrigin,
  recordedDirectory,
  type Session,
} from "../inventory/mod.ts";
import { type EntryVisitor, errnoText, type FileStat, type SysError, type Writers } from "../sys/mod.ts";
import { isTemporaryName, type Volume, type VolumeDirectory, type VolumeError, volumeErrorMessage } from "../volume/mod.ts";
import type { ExcludePatterns } from "./exclude-patterns.ts";

/** Files of one directory that are told at a time. */
const FILES_AT_A_TIME = 256;
/** Files of one directory that no row tells of: so many are named, the rest is counted. */
const NAMED_UNRECORDED = 20_000;

export type Sighted =
  /** A file of which there is a row. */
  | {
      readonly kind: "recorded";
      readonly directoryPath: string;
      readonly row: RecordedOrigin;
      /** What is there now; undefined when it is proven that nothing is; or why that cannot be told. */
      readonly now: FileStat | VolumeError | undefined;
      readonly writers: Writers;
      readonly excluded: boolean;
    }
  /** A file without a row; or `files` of them, which are too many to be named one by one: then `path` is their directory. */
  | {
      readonly kind: "unrecorded";
      readonly path: string;
      readonly files: number;
      readonly bytes: number;
      readonly excluded: boolean;
    }
  /** A directory that is recorded, and proven not to be there: perhaps another disk was mounted below it. */
  | { readonly kind: "missing"; readonly path: string }
  /** A directory that cannot be listed, or a name in it that cannot be looked at. */
  | { readonly kind: "unreadable"; readonly path: string; readonly root: boolean; readonly message: string };

export interface FreshWalkRequest {
  readonly host: string;
  /** The data directory, as an absolute origin path. */
  readonly root: string;
  /** Only this origin path and what is below it; "" is everything. */
  readonly path: string;
  /** Which files without a row are told of at all. */
  readonly asked: (evidence: Evidence) => boolean;
}

/** What a walk has seen besides files. */
export interface WalkCounts {
  symlinks: number;
  special: number;
  /** Was there anything at the path that was asked for? */
  found: boolean;
}

export const isAtOrBelow = (path: string, directory: string): boolean =>
  directory === "" || directory === "/" || path === directory || path.startsWith(`${directory}/`);

/** Can anything that was asked for be at this directory or below it? */
const isAsked = (directory: string, scope: string): boolean => isAtOrBelow(directory, scope) || isAtOrBelow(scope, directory);

const joined = (directory: string, name: string): string => (directory === "/" ? `/${name}` : `${directory}/${name}`);

/** Walks a data directory that is open; tells what it sees in small groups. */
export async function* freshWalk(
  session: Session,
  volume: Volume,
  request: FreshWalkRequest,
  patterns: ExcludePatterns,
  counts: WalkCounts,
): AsyncGenerator<readonly Sighted[]> {
  const { host, root, path: scope } = request;
  const todo = [{ path: root, excluded: false }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { path, excluded } = next;
    const relative = path === root ? "" : path.slice(root === "/" ? 1 : root.length + 1);
    const opened = await volume.openDirectory(relative);
    if (opened.isErr()) {
      const gone = path !== root && opened.error.reason === "not-found";
      yield [gone ? { kind: "missing", path } : unreadable(path, root, opened.error)];
      continue;
    }
    const directory = opened.value;
    const id = recordedDirectory(session, host, path);
    const isExcluded = (name: string): boolean =>
      excluded || patterns.excludes(name, () => (relative === "" ? name : `${relative}/${name}`));
    if (isAtOrBelow(path, scope)) counts.found = true;
    const listing = new Listing(session, id, path, request, isExcluded, counts);
    const listed = await directory.entries(listing);
    if (listed.isErr()) {
      // All of it, and all below, is told as unreadable: half of a listing says nothing of the rest.
      directory.close();
      yield [unreadable(path, root, listed.error)];
      continue;
    }
    yield* listing.sighted();
    const recorded = id === undefined ? [] : knownSubdirectories(session, id);
    const there = new Set(listing.directories.map((name) => joined(path, name)));
    const missing = recorded.filter((one) => !there.has(one.path) && isAsked(one.path, scope));
    yield missing.map((one) => ({ kind: "missing", path: one.path }));
    for (const one of listing.directories) {
      const below = joined(path, one);
      if (isAsked(below, scope)) todo.push({ path: below, excluded: isExcluded(one) });
    }
    if (id !== undefined) yield* recordedIn(session, directory, id, path, scope, isExcluded, counts);
    directory.close();
  }
}

const unreadable = (path: string, root: string, error: VolumeError): Sighted => ({
  kind: "unreadable",
  path,
  root: path === root,
  message: volumeErrorMessage(error),
});

async function* recordedIn(
  session: Session,
  directory: VolumeDirectory,
  id: DirectoryId,
  path: string,
  scope: string,
  isExcluded: (name: string) => boolean,
  counts: WalkCounts,
): AsyncGenerator<readonly Sighted[]> {
  for (let after = ""; ; ) {
    const page = presentFiles(session, id, after, FILES_AT_A_TIME);
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.name;
    const wanted = page.filter(({ name }) => isAtOrBelow(joined(path, name), scope));
    if (wanted.length > 0) counts.found = true;
    yield await Promise.all(
      wanted.map(async (row): Promise<Sighted> => {
        const { now, writers } = await lookAt(directory, row.name);
        return { kind: "recorded", directoryPath: path, row, now, writers, excluded: isExcluded(row.name) };
      }),
    );
  }
}

interface Look {
  readonly now: FileStat | VolumeError | undefined;
  readonly writers: Writers;
}

/** What the name is now, and who writes to it. Only a directory that can be watched is one whose writers this machine knows. */
async function lookAt(directory: VolumeDirectory, name: string): Promise<Look> {
  const look = await directory.look(name);
  if (look.isErr()) return { now: look.error, writers: "unknown" };
  const there = look.value;
  if (there?.kind !== "file" || directory.watch === undefined) return { now: there, writers: "unknown" };
  const opened = await directory.openSource(name);
  // A file that may be looked at and not be opened is judged by what it looks like.
  if (opened.isErr()) return { now: there, writers: "unknown" };
  const { stat } = opened.value;
  const writers = opened.value.writers?.() ?? "unknown";
  opened.value.close();
  return { now: stat, writers };
}

/** Collects the names of one directory that no row tells of, and its directories. */
class Listing implements EntryVisitor {
  readonly directories: string[] = [];
  readonly #sighted: Sighted[] = [];
  readonly #rest = { plain: { files: 0, bytes: 0 }, excluded: { files: 0, bytes: 0 } };

  constructor(
    private readonly session: Session,
    private readonly id: DirectoryId | undefined,
    private readonly path: string,
    private readonly request: FreshWalkRequest,
    private readonly isExcluded: (name: string) => boolean,
    private readonly counts: WalkCounts,
  ) {}

  *sighted(): Generator<readonly Sighted[]> {
    for (let at = 0; at < this.#sighted.length; at += FILES_AT_A_TIME) yield this.#sighted.slice(at, at + FILES_AT_A_TIME);
    for (const [kind, rest] of Object.entries(this.#rest)) {
      if (rest.files > 0) yield [{ kind: "unrecorded", path: this.path, ...rest, excluded: kind === "excluded" }];
    }
  }

  #isAsked(name: string): boolean {
    const asked = isAtOrBelow(joined(this.path, name), this.request.path);
    if (asked) this.counts.found = true;
    return asked;
  }

  file(name: string, size: number, mtimeSeconds: number, mtimeNanoseconds: number): void {
    if (!this.#isAsked(name)) return;
    if (this.id !== undefined && isPresentFile(this.session, this.id, name)) return;
    // What a restore that was cut off has left is no data of anybody's.
    if (isTemporaryName(name) || !this.request.asked({ size, mtimeSeconds, mtimeNanoseconds })) return;
    const excluded = this.isExcluded(name);
    if (this.#sighted.length < NAMED_UNRECORDED) {
      this.#sighted.push({ kind: "unrecorded", path: joined(this.path, name), files: 1, bytes: size, excluded });
      return;
    }
    const rest = excluded ? this.#rest.excluded : this.#rest.plain;
    rest.files += 1;
    rest.bytes += size;
  }

  directory(name: string): void {
    this.directories.push(name);
  }

  symlink(name: string): void {
    if (this.#isAsked(name)) this.counts.symlinks += 1;
  }

  special(name: string): void {
    if (this.#isAsked(name)) this.counts.special += 1;
  }

  unreadable(name: string, error: SysError): void {
    if (!this.#isAsked(name)) return;
    if (this.id !== undefined && isPresentFile(this.session, this.id, name)) return;
    const message = `${errnoText(error.code)} (${error.code})`;
    this.#sighted.push({ kind: "unreadable", path: joined(this.path, name), root: false, message });
  }
}
