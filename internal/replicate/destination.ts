/**
 * The directories of a replica that a group of files goes to. Makes what is missing, with the mode and owner of the origin's directories, and
 * remembers which directories must be flushed before their names may be relied on.
 */
import { err, ok, type Result } from "neverthrow";
import type { DirectoryAttributes, Volume, VolumeDirectory, VolumeError } from "../volume/mod.ts";

/** Directories above a data directory have no counterpart whose mode could be taken. */
const ABOVE_DATA_DIRECTORY: DirectoryAttributes = { mode: 0o755 };

export interface Destination {
  readonly directory: VolumeDirectory;
  /** True when this group made it: nobody else's file can be in it. */
  readonly fresh: boolean;
  /** A flush of the whole volume reaches it; else each file in it is flushed by itself. */
  readonly flushesWhole: boolean;
}

/** Tells the attributes of a new directory, by its path below the replica's root. */
export type AttributesOf = (path: string) => Promise<DirectoryAttributes | undefined>;

/** After a flush: are the names in this directory, and the directory's own, on stable storage? */
export type IsDurable = (destination: Destination) => Result<undefined, VolumeError>;

/** What becomes of directories on another file system than the root's. */
export type MountsBelow = "refused" | "flushed";

const mountedBelow = (path: string): VolumeError => {
  const words = "another file system is mounted below the replica's root";
  return { kind: "volume", reason: "mounted-below", operation: "open", path, code: "", words };
};

type Flushed = Result<undefined, VolumeError>;

export class Destinations {
  readonly #open = new Map<string, Promise<Result<Destination, VolumeError>>>();
  readonly #directories: VolumeDirectory[] = [];
  readonly #unflushed = new Set<Destination>();
  #flushing: Promise<IsDurable> = Promise.resolve(() => ok(undefined));

  /** What is mounted below the root is refused at a replica, where no guard has looked at it; a person who restores knows what is mounted there. */
  constructor(
    private readonly volume: Volume,
    private readonly mountsBelow: MountsBelow = "refused",
  ) {}

  /** The directory at `path` below the replica's root; made, with all above it, when it is not there. Whoever asks meanwhile waits for the same. */
  at(path: string, attributesOf: AttributesOf): Promise<Result<Destination, VolumeError>> {
    const known = this.#open.get(path);
    if (known !== undefined) return known;
    const opening = this.#openOrMake(path, attributesOf);
    this.#open.set(path, opening);
    // What went wrong once may go well for the next file.
    void opening.then((opened) => opened.isErr() && this.#open.delete(path));
    return opening;
  }

  async #openOrMake(path: string, attributesOf: AttributesOf): Promise<Result<Destination, VolumeError>> {
    const opened = await this.volume.openDirectory(path);
    if (opened.isOk()) {
      if (this.mountsBelow === "flushed" || opened.value.isOfRoot?.() !== false) return ok(this.#keep(opened.value, false));
      opened.value.close();
      return err(mountedBelow(`${this.volume.name}/${path}`));
    }
    if (opened.error.reason !== "not-found" || path === "") return err(opened.error);
    const slash = path.lastIndexOf("/");
    const parentPath = slash < 0 ? "" : path.slice(0, slash);
    const parent = await this.at(parentPath, attributesOf);
    if (parent.isErr()) return err(parent.error);
    const attributes = (await attributesOf(path)) ?? ABOVE_DATA_DIRECTORY;
    const made = await parent.value.directory.makeDirectory(path.slice(slash + 1), attributes);
    // Another group may have made it in the same moment.
    const raced = made.isErr() && made.error.reason === "exists";
    if (made.isErr() && !raced) return err(made.error);
    this.changed(parent.value);
    const again = await this.volume.openDirectory(path);
    return again.map((directory) => this.#keep(directory, !raced));
  }

  #keep(directory: VolumeDirectory, fresh: boolean): Destination {
    this.#directories.push(directory);
    return { directory, fresh, flushesWhole: this.volume.flushesWhole && directory.isOfRoot?.() !== false };
  }

  /** A name in this directory has changed: it must be flushed. */
  changed(destination: Destination): void {
    this.#unflushed.add(destination);
  }

  /** Makes every changed name durable: one by one while they are few, else the whole volume at once. What fails for one directory fails for it alone. */
  async flush(): Promise<IsDurable> {
    // One after the other: a name that the flush under way has taken is durable only when that one went well.
    this.#flushing = this.#flushing.then(() => this.#flushChanged());
    return this.#flushing;
  }

  async #flushChanged(): Promise<IsDurable> {
    // Names that change meanwhile belong to the next flush.
    const changed = [...this.#unflushed];
    this.#unflushed.clear();
    const isDurable = this.volume.flushesWhole ? await this.#flushFew(changed) : await this.#flushWithAncestors(changed);
    for (const destination of changed) if (isDurable(destination).isErr()) this.#unflushed.add(destination);
    return isDurable;
  }

  async #flushFew(changed: readonly Destination[]): Promise<IsDurable> {
    const few = 4;
    const whole = changed.length > few ? this.volume.flush() : undefined;
    const flushed = new Map<Destination, Flushed>();
    for (const destination of changed) {
      flushed.set(destination, destination.flushesWhole && whole !== undefined ? whole : await destination.directory.sync());
    }
    return (destination) => flushed.get(destination) ?? ok(undefined);
  }

  /** A killed run may have made any directory above, and flushed none of them. */
  async #flushWithAncestors(changed: readonly Destination[]): Promise<IsDurable> {
    const paths = new Set(changed.flatMap(({ directory }) => upwards(directory.path)));
    // A directory that has given names may have to ask for each of them.
    const own = new Map(changed.map(({ directory }) => [directory.path, directory]));
    const flushed = new Map(
      await Promise.all(
        [...paths].map(async (path): Promise<[string, Flushed]> => {
          const changedItself = own.get(path);
          if (changedItself !== undefined) return [path, await changedItself.sync()];
          const opened = await this.volume.openDirectory(path);
          if (opened.isErr()) return [path, err(opened.error)];
          const synced = await opened.value.sync();
          opened.value.close();
          return [path, synced];
        }),
      ),
    );
    // What did not change since the flush before is as durable as that one made it.
    return ({ directory }) =>
      upwards(directory.path)
        .map((path) => flushed.get(path) ?? ok(undefined))
        .find((one) => one.isErr()) ?? ok(undefined);
  }

  /** Waits for those that are still being opened. */
  async close(): Promise<void> {
    await Promise.all(this.#open.values());
    for (const directory of this.#directories) directory.close();
    this.#open.clear();
    this.#unflushed.clear();
  }
}

/** The path and all above it, up to the root. */
function upwards(path: string): readonly string[] {
  const paths = [""];
  for (let left = path; left !== ""; left = left.slice(0, Math.max(0, left.lastIndexOf("/")))) paths.push(left);
  return paths;
}
