/** The directories that the groups of one pass work in at a time: which are new, and which no group works in any more. */
import type { DirectoryId } from "../inventory/mod.ts";

export class DirectoriesInFlight {
  readonly #groups = new Map<DirectoryId, number>();
  /** Some group of the pass has left temporary files there: whoever ends there last has none of its own, perhaps. */
  readonly #untidy = new Set<DirectoryId>();

  /** A group begins in these; those that no other group works in. */
  enter(directories: readonly DirectoryId[]): readonly DirectoryId[] {
    const fresh = directories.filter((directory) => !this.#groups.has(directory));
    for (const id of directories) this.#groups.set(id, (this.#groups.get(id) ?? 0) + 1);
    return fresh;
  }

  /** A group has ended in these, and left temporary files in some (`leftovers`); those that no group works in any more, and in which none of the pass has left any. */
  leave(directories: readonly DirectoryId[], leftovers: readonly DirectoryId[]): readonly DirectoryId[] {
    for (const directory of leftovers) this.#untidy.add(directory);
    return directories.filter((directory) => {
      const left = (this.#groups.get(directory) ?? 1) - 1;
      if (left > 0) this.#groups.set(directory, left);
      else this.#groups.delete(directory);
      return left <= 0 && !this.#untidy.has(directory);
    });
  }
}
