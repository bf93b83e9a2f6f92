/**
 * The plan for one replica: what it lacks, in the order in which it would be copied, oldest change first. `plan` asks it for a summary and `sync`
 * takes groups from it: one object, one order. It holds a page at a time, whatever it is long.
 */
import {
  type Amount,
  type DeclaredReplica,
  type FileOriginId,
  type PendingCursor,
  type PendingFile,
  type PendingScope,
  pendingPage,
  type Session,
  startOfPending,
} from "../inventory/mod.ts";
import type { Space } from "../sys/mod.ts";
import { SpaceBudget } from "./space-budget.ts";

const PAGE = 4_096;

/** A group is flushed as one: large enough that a flush is shared by many files, small enough that a kill loses little work. */
const GROUP_FILES = 4_096;
const GROUP_BYTES = 256 << 20;
/** Open directories at the replica; well below the usual limit of 1024 open files. */
const GROUP_DIRECTORIES = 200;

export interface PlanOptions {
  /** Files whose next attempt is due later than this (milliseconds since 1970) are left for later; left out: every file is due. */
  readonly dueAt?: number;
  /** Attempts that were due before this have been planned already. */
  readonly dueFrom?: number;
  /** Which sets of the diff, and in which order; left out: everything that is not growing. */
  readonly phases?: readonly PendingCursor["phase"][];
  /** Which of the files; left out: all. */
  readonly scope?: PendingScope;
  /** For the phase `overdue`. */
  readonly overdueBefore?: number;
  /** Files that are being copied already: left for the next plan. */
  readonly isBusy?: (file: FileOriginId) => boolean;
  /** Files that have failed since the plan was made: they have had their turn. */
  readonly hasFailed?: (file: FileOriginId) => boolean;
  /** Those of a page that nothing can give now: left for a later plan. */
  readonly withheld?: (page: readonly PendingFile[]) => ReadonlySet<FileOriginId>;
  /** What a group holds at most; a larger file goes alone. */
  readonly group?: { readonly files: number; readonly bytes: number };
  /** How many files `first` of the summary names. */
  readonly first?: number;
}

export interface PlannedFile {
  readonly host: string;
  readonly path: string;
  readonly size: number;
  readonly why: "new" | "changed" | "retry";
}

export interface PlanSummaryOfReplica {
  readonly copy: Amount;
  readonly replace: Amount;
  readonly retry: Amount;
  readonly firstThatDoesNotFit: PlannedFile | null;
  readonly first: readonly PlannedFile[];
}

/** Would a diff that begins after this file's revision never find it? A failed attempt, a copy that is wrong and a file that grows are found by themselves. */
export const isFoundByRevision = ({ revision, attempt, repair, prefix }: PendingFile, since: number): boolean =>
  revision > since && attempt === undefined && repair !== true && prefix !== true;

export class ReplicaPlan {
  #cursor: PendingCursor;
  #page: readonly PendingFile[] = [];
  #withheld: ReadonlySet<FileOriginId> = new Set();
  /** The lowest revision of a change that was withheld. */
  #withheldFrom = Number.POSITIVE_INFINITY;
  #next = 0;
  /** The lowest revision of a file that was busy. */
  #passedOver = Number.POSITIVE_INFINITY;

  constructor(
    private readonly session: Session,
    readonly replica: DeclaredReplica,
    /** Changes after this revision are not part of the plan. */
    readonly newest: number,
    private readonly options: PlanOptions = {},
  ) {
    this.#cursor = startOfPending(replica, newest, options);
  }

  /** The next file without taking it; undefined at the end. @throws SQLiteError (the caller is inside `Session.read`) */
  #peek(): PendingFile | undefined {
    for (;;) {
      const file = this.#page[this.#next];
      if (file === undefined) {
        if (this.#cursor.phase === "end") return undefined;
        const { files, next } = pendingPage(this.session, this.replica.id, this.#cursor, PAGE);
        this.#page = files;
        this.#withheld = this.options.withheld?.(files) ?? new Set();
        this.#cursor = next;
        this.#next = 0;
      } else if (this.#withheld.has(file.id)) {
        if (isFoundByRevision(file, this.replica.reconciledRevision))
          this.#withheldFrom = Math.min(this.#withheldFrom, file.revision);
        this.#next += 1;
      } else if (this.options.hasFailed?.(file.id) === true) this.#next += 1;
      else if (this.options.isBusy?.(file.id) === true) {
        this.#passedOver = Math.min(this.#passedOver, file.revision);
        this.#next += 1;
      } else return file;
    }
  }

  /** Takes the next group; undefined when the plan is done. @throws SQLiteError (the caller is inside `Session.read`) */
  takeGroup(): readonly PendingFile[] | undefined {
    const group: PendingFile[] = [];
    const directories = new Set<number>();
    let bytes = 0;
    const most = this.options.group ?? { files: GROUP_FILES, bytes: GROUP_BYTES };
    for (let file = this.#peek(); file !== undefined; file = this.#peek()) {
      directories.add(file.directory.id);
      bytes += file.evidence.size;
      const full = group.length >= most.files || bytes > most.bytes || directories.size > GROUP_DIRECTORIES;
      if (full && group.length > 0) break;
      group.push(file);
      this.#next += 1;
    }
    return group.length === 0 ? undefined : group;
  }

  /** Is there no file left to take? @throws SQLiteError */
  isDone(): boolean {
    return this.#peek() === undefined;
  }

  /** The lowest revision of a change that was withheld so far; infinite when none was. */
  get withheldFrom(): number {
    return this.#withheldFrom;
  }

  /** The lowest revision that was neither taken nor withheld; one more than `newest` when none of the new changes is left. @throws SQLiteError */
  position(): number {
    const file = this.#peek();
    const next = file !== undefined && file.revision > this.replica.reconciledRevision ? file.revision : this.newest + 1;
    return Math.min(next, this.#passedOver);
  }

  /** Reads the whole plan to its end, and adds it up. @throws SQLiteError (the caller is inside `Session.read`) */
  summarise(space: Space | undefined, reserveBytes: number): PlanSummaryOfReplica {
    const copy = { files: 0, bytes: 0 };
    const replace = { files: 0, bytes: 0 };
    const retry = { files: 0, bytes: 0 };
    const first: PlannedFile[] = [];
    const budget = space && new SpaceBudget(space, reserveBytes);
    let firstThatDoesNotFit: PlannedFile | null = null;
    for (let file = this.#peek(); file !== undefined; file = this.#peek()) {
      this.#next += 1;
      const { size } = file.evidence;
      for (const amount of [copy, ...(file.copy ? [replace] : []), ...(file.attempt ? [retry] : [])]) {
        amount.files += 1;
        amount.bytes += size;
      }
      if (first.length < (this.options.first ?? 0)) first.push(plannedFileOf(file));
      if (firstThatDoesNotFit === null && typeof budget?.take(size) === "string") firstThatDoesNotFit = plannedFileOf(file);
    }
    return { copy, replace, retry, first, firstThatDoesNotFit };
  }
}

const plannedFileOf = (file: PendingFile): PlannedFile => ({
  host: file.directory.host,
  path: `${file.directory.path}/${file.name}`,
  size: file.evidence.size,
  why: file.attempt !== undefined ? "retry" : file.copy !== undefined ? "changed" : "new",
});
