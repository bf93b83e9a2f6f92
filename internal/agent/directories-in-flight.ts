/** The directories that the groups of one pass work in at a time: which are new, and which no group works in any more. */
import type { DirectoryId } from "../inventory/mod.ts";

export class DirectoriesInFlight {
  readonly #groups = new Map<DirectoryId, number>();

  /** A group begins in these; those that no other group works in. */
  enter(directories: readonly DirectoryId[]): readonly DirectoryId[] {
    const fresh = directories.filter((directory) => !this.#groups.has(directory));
    for (const id of directories) this.#groups.set(id, (this.#groups.get(id) ?? 0) + 1);
    return fresh;
  }

  /** A group has ended in these; those that no group works in any more. */
  leave(directories: readonly DirectoryId[]): readonly DirectoryId[] {
    return directories.filter((directory) => {
      const left = (this.#groups.get(directory) ?? 1) - 1;
      if (left > 0) this.#groups.set(directory, left);
      else this.#groups.delete(directory);
      return left <= 0;
    });
  }
}
