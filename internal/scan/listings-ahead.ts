/**
 * Listings of a volume whose answers have a long way: the next directories of a task are listed while one is compared. A listing that is too long to be
 * kept is made again when its turn comes.
 */
import { ok } from "neverthrow";
import type { EntryVisitor } from "../sys/mod.ts";
import type { Eventually, ListableDirectory, ListableVolume, Outcome } from "../volume/mod.ts";

/** Directories that are listed at a time. */
const DIRECTORIES = 8;
/** Entries of one listing that are kept. */
const ENTRIES = 20_000;

type Visit = (visitor: EntryVisitor) => void;

export class ListingsAhead implements ListableVolume {
  readonly #todo: string[];
  readonly #begun = new Map<string, Promise<Awaited<Outcome<ListableDirectory>>>>();

  /** `directories`: absolute paths in the order in which they will be asked for, at `root` or below it. */
  constructor(
    private readonly volume: ListableVolume,
    directories: readonly string[],
    root: string,
  ) {
    const below = root === "/" ? 1 : root.length + 1;
    this.#todo = directories.map((path) => path.slice(below));
    this.#begin();
  }

  #begin(): void {
    while (this.#begun.size < DIRECTORIES) {
      const path = this.#todo.shift();
      if (path === undefined) return;
      this.#begun.set(path, this.#list(path));
    }
  }

  async #list(path: string): Promise<Awaited<Outcome<ListableDirectory>>> {
    const opened = await this.volume.openDirectory(path);
    if (opened.isErr()) return opened;
    const kept = new Kept();
    const listed = await opened.value.entries(kept);
    return ok(kept.complete ? new ListedDirectory(opened.value, kept.visits, listed) : opened.value);
  }

  async openDirectory(path: string): Promise<Awaited<Outcome<ListableDirectory>>> {
    const begun = this.#begun.get(path);
    if (begun === undefined) return this.volume.openDirectory(path);
    const opened = await begun;
    this.#begun.delete(path);
    this.#begin();
    return opened;
  }
}

/** Keeps what it is told, up to a length. */
class Kept implements EntryVisitor {
  readonly visits: Visit[] = [];
  complete = true;

  #keep(visit: Visit): void {
    if (this.visits.length < ENTRIES) this.visits.push(visit);
    else {
      this.complete = false;
      this.visits.length = 0;
    }
  }

  file(...told: Parameters<EntryVisitor["file"]>): void {
    if (this.complete) this.#keep((visitor) => visitor.file(...told));
  }

  directory(name: string): void {
    if (this.complete) this.#keep((visitor) => visitor.directory(name));
  }

  symlink(name: string): void {
    if (this.complete) this.#keep((visitor) => visitor.symlink(name));
  }

  special(name: string): void {
    if (this.complete) this.#keep((visitor) => visitor.special(name));
  }

  unreadable(...told: Parameters<EntryVisitor["unreadable"]>): void {
    if (this.complete) this.#keep((visitor) => visitor.unreadable(...told));
  }
}

/** A directory whose listing is there already. */
class ListedDirectory implements ListableDirectory {
  constructor(
    private readonly directory: ListableDirectory,
    private readonly visits: readonly Visit[],
    private readonly listed: Awaited<Outcome<undefined>>,
  ) {}

  get hidesNames(): boolean {
    return this.directory.hidesNames;
  }

  look(name: string): ReturnType<ListableDirectory["look"]> {
    return this.directory.look(name);
  }

  entries(visitor: EntryVisitor): Eventually<Awaited<Outcome<undefined>>> {
    for (const visit of this.visits) visit(visitor);
    return this.listed;
  }

  close(): void {
    this.directory.close();
  }
}
