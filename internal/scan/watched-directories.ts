/**
 * Which directory each watch is of, and what its events mean. Pure bookkeeping of the controller: no system calls, and no truth either. A hint says
 * where to look again sooner; what is there, or gone, the look says.
 *
 * Promises: whatever happens in a directory after it was listed becomes a hint, also when it is told before the listing's reply names the watch; where events
 * or watches were lost on the way the whole directory is hinted at. Memory grows with the number of directories only, by one name each.
 * Never: concludes that something is absent.
 */
import type { DataDirectoryId } from "../inventory/mod.ts";
import { IN, type WatchEvents } from "../sys/mod.ts";

export type Hint =
  /** A name worth a look. `closed`: a writer has closed it, or it was moved in whole. */
  | {
      readonly kind: "name";
      readonly dataDirectory: DataDirectoryId;
      readonly directory: string;
      readonly name: string;
      readonly closed: boolean;
    }
  /** A directory to be watched and listed, with all that is below it. It may not be there any more. */
  | { readonly kind: "directory"; readonly dataDirectory: DataDirectoryId; readonly path: string };

/** Remove the watches first, and only then look where the hints say: else a new watch would be the old one, and removed. */
export interface Findings {
  readonly hints: readonly Hint[];
  readonly remove: readonly number[];
}

const NO_WATCH = 0;
/** Its watch cannot be used any more; the kernel never gives its number again. */
const DEAD = "dead";
/** Kept events of one watch: masks by name, with a slash before those of directories; "" is the directory itself. */
type Kept = Map<string, number> | typeof DEAD;

const CAME = IN.create | IN.movedTo;
const ENDED = IN.deleteSelf | IN.unmount;

/** One name of a path. */
class Place {
  watch = NO_WATCH;
  /** When the watch was set, or last found set, under this path. */
  since = 0;
  /** Events of this watch were told under this path. */
  told = false;
  children: Map<string, Place> | undefined;

  constructor(
    readonly dataDirectory: DataDirectoryId,
    readonly name: string,
    readonly parent: Place | undefined,
  ) {}

  get path(): string {
    let path = "";
    for (let place: Place = this; place.parent !== undefined; place = place.parent) path = `/${place.name}${path}`;
    return path === "" ? "/" : path;
  }
}

const join = (directory: string, name: string): string => (directory === "/" ? `/${name}` : `${directory}/${name}`);

export class WatchedDirectories {
  /** By data directory: the place "/". */
  readonly #tops = new Map<DataDirectoryId, Place>();
  readonly #places = new Map<number, Place>();
  /** Of watches that no listing has named yet, oldest first. */
  readonly #kept = new Map<number, Kept>();
  #keptRows = 0;
  /** Of watches up to this number, which grow, events may have been forgotten. */
  #forgottenUpTo = NO_WATCH;
  #hints: Hint[] = [];
  #remove: number[] = [];

  /** `mostKept`: how many rows of unknown watches are kept. */
  constructor(private readonly mostKept = 10_000) {}

  /** Directories that are watched. */
  get size(): number {
    return this.#places.size;
  }

  /**
   * A directory is watched under this number, and was so before it was listed; `when`: just before it was opened for that, by a clock that all threads share
   * (`monotonicNanoseconds`). Directories are to be named from the top down; replies of different threads may overtake each other. The newest path of a watch
   * counts, and the newest watch of a path: what was below the directory that was there before is dropped.
   */
  known(dataDirectory: DataDirectoryId, path: string, watch: number, when: number): Findings {
    const kept = this.#kept.get(watch);
    if (kept === DEAD) {
      this.#hints.push({ kind: "directory", dataDirectory, path });
      return this.#findings();
    }
    const before = this.#places.get(watch);
    const there = this.#placeOf(dataDirectory, path);
    if (before === there) there.since = Math.max(there.since, when);
    const overtaken = there.watch !== NO_WATCH && when < there.since;
    if (before === there || overtaken || (before !== undefined && when < before.since)) {
      this.#prune(there);
      return this.#findings();
    }
    if (before !== undefined) {
      before.watch = NO_WATCH;
      this.#places.delete(watch);
    }
    if (there.watch !== NO_WATCH) this.#drop(there);
    const place = this.#placeOf(dataDirectory, path);
    place.watch = watch;
    place.since = when;
    place.told = false;
    this.#places.set(watch, place);
    if (before !== undefined) {
      // A late reply may have named the old path again after the directory had left it: what was told there belongs here.
      if (before.told) this.#hints.push({ kind: "directory", dataDirectory, path });
      this.#prune(before);
      return this.#findings();
    }
    if (watch <= this.#forgottenUpTo) {
      this.#hints.push({ kind: "directory", dataDirectory, path });
      // Should this be the path that it had before, the hint is to be given again.
      place.told = true;
    }
    if (kept !== undefined) {
      this.#forget(watch, kept);
      for (const [key, mask] of kept) if (key !== "") this.#happened(watch, mask, key.startsWith("/") ? key.slice(1) : key);
      // Last, for it may be the end of the watch.
      const itself = kept.get("");
      if (itself !== undefined) this.#happened(watch, itself, "");
    }
    return this.#findings();
  }

  /** What events mean. Those of watches that are not known yet are kept for `known`. */
  take(events: WatchEvents): Findings {
    events.names.forEach((name, row) => {
      this.#happened(events.watches[row] ?? NO_WATCH, events.masks[row] ?? 0, name);
    });
    return this.#findings();
  }

  /** A data directory is watched no more; the watches to be removed. Also the way to begin anew after an overflow: forget, remove, scan. */
  forget(dataDirectory: DataDirectoryId): readonly number[] {
    const top = this.#tops.get(dataDirectory);
    if (top !== undefined) this.#drop(top);
    return this.#findings().remove;
  }

  #findings(): Findings {
    const findings = { hints: this.#hints, remove: this.#remove };
    this.#hints = [];
    this.#remove = [];
    return findings;
  }

  #happened(watch: number, mask: number, name: string): void {
    const place = this.#places.get(watch);
    if (place === undefined) {
      this.#keep(watch, mask, name);
      return;
    }
    if (name === "") {
      this.#happenedToItself(place, watch, mask);
      return;
    }
    place.told = true;
    if ((mask & IN.isDirectory) === 0) {
      const closed = (mask & (IN.closeWrite | IN.movedTo)) !== 0;
      this.#hints.push({ kind: "name", dataDirectory: place.dataDirectory, directory: place.path, name, closed });
    } else if ((mask & CAME) !== 0) {
      this.#hints.push({ kind: "directory", dataDirectory: place.dataDirectory, path: join(place.path, name) });
    }
  }

  #happenedToItself(place: Place, watch: number, mask: number): void {
    const ended = (mask & ENDED) !== 0;
    const moved = (mask & IN.moveSelf) !== 0;
    const ignored = (mask & IN.ignored) !== 0;
    if (!ended && !moved && !ignored) return;
    const { dataDirectory, path } = place;
    if (ended || ignored) {
      // The kernel has removed this one itself.
      this.#places.delete(watch);
      place.watch = NO_WATCH;
    }
    if (ended || moved) this.#drop(place);
    else this.#prune(place);
    // Moved: another may be there, or a listing has found it under the new name before its move was told. Ignored: it was removed for an older name.
    if (!ended) this.#hints.push({ kind: "directory", dataDirectory, path });
    if (ignored) this.#keep(watch, mask, "");
  }

  #placeOf(dataDirectory: DataDirectoryId, path: string): Place {
    let place = this.#tops.get(dataDirectory);
    if (place === undefined) {
      place = new Place(dataDirectory, "", undefined);
      this.#tops.set(dataDirectory, place);
    }
    for (const name of path.split("/")) {
      if (name === "") continue;
      place.children ??= new Map();
      let child = place.children.get(name);
      if (child === undefined) {
        child = new Place(dataDirectory, name, place);
        place.children.set(name, child);
      }
      place = child;
    }
    return place;
  }

  /** Takes a place and all below it out of the tree; their watches are to be removed. */
  #drop(place: Place): void {
    const todo = [place];
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (next.watch !== NO_WATCH) {
        this.#places.delete(next.watch);
        this.#remove.push(next.watch);
        next.watch = NO_WATCH;
      }
      for (const child of next.children?.values() ?? []) todo.push(child);
    }
    place.children = undefined;
    this.#prune(place);
  }

  /** Takes out places that hold nothing; one that is out already is left alone, for another may have its name. */
  #prune(place: Place): void {
    let empty = place;
    while (empty.watch === NO_WATCH && (empty.children === undefined || empty.children.size === 0)) {
      const { parent, name } = empty;
      if (parent === undefined) {
        if (this.#tops.get(empty.dataDirectory) === empty) this.#tops.delete(empty.dataDirectory);
        return;
      }
      if (parent.children?.get(name) !== empty) return;
      parent.children.delete(name);
      empty = parent;
    }
  }

  #keep(watch: number, mask: number, name: string): void {
    const kept = this.#kept.get(watch);
    if (kept === DEAD) return;
    if (name === "" && (mask & IN.ignored) !== 0) {
      if (kept !== undefined) this.#forget(watch, kept);
      this.#kept.set(watch, DEAD);
      this.#keptRows += 1;
    } else {
      const rows = kept ?? new Map<string, number>();
      const key = name !== "" && (mask & IN.isDirectory) !== 0 ? `/${name}` : name;
      const before = rows.get(key);
      if (before === undefined) this.#keptRows += 1;
      rows.set(key, (before ?? 0) | mask);
      this.#kept.set(watch, rows);
    }
    for (const [oldest, rows] of this.#kept) {
      if (this.#keptRows <= this.mostKept) return;
      this.#forget(oldest, rows);
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, oldest);
    }
  }

  #forget(watch: number, kept: Kept): void {
    this.#kept.delete(watch);
    this.#keptRows -= kept === DEAD ? 1 : kept.size;
  }
}
