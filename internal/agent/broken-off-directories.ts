/**
 * The directories of each replica in which an earlier run was broken off: by a kill, a cut, a worker that hangs. What such a run has published without a record is
 * known only by where it is, so that a directory counts as broken off until nothing in it is pending any more. Its temporary files are removed once.
 */
import type { DirectoryId, DirectoryInFlight, ReplicaId } from "../inventory/mod.ts";

export class BrokenOffDirectories {
  /** True: no temporary file is left in it. */
  readonly #tidy = new Map<ReplicaId, Map<DirectoryId, boolean>>();
  /** Those that were worked in and tidied; true: they have been told. To look through one for what is pending costs as much as it has files. */
  readonly #told = new Map<ReplicaId, Map<DirectoryId, boolean>>();

  /** Takes in what the inventory has noted while nothing is copied there; those of them that may hold temporary files. */
  found(replica: ReplicaId, noted: readonly DirectoryInFlight[]): readonly DirectoryInFlight[] {
    const known = this.#tidy.get(replica) ?? new Map<DirectoryId, boolean>();
    const now = new Map(noted.map(({ id }) => [id, known.get(id) === true]));
    this.#tidy.set(replica, now);
    return noted.filter(({ id }) => now.get(id) !== true);
  }

  has(replica: ReplicaId, directory: DirectoryId): boolean {
    return this.#tidy.get(replica)?.has(directory) === true;
  }

  /** A group begins there: temporary files may appear again. */
  entered(replica: ReplicaId, directories: readonly DirectoryId[]): void {
    this.#set(replica, directories, false);
  }

  /** No temporary file is left in these. */
  tidied(replica: ReplicaId, directories: readonly DirectoryId[]): void {
    const told = this.#told.get(replica) ?? new Map<DirectoryId, boolean>();
    for (const id of this.#set(replica, directories, true)) told.set(id, told.get(id) === true);
    this.#told.set(replica, told);
  }

  /** Tidy ones that were worked in: perhaps nothing is pending in them any more. Each is told once; one with a file that grows for days counts as broken off until the next start. */
  takeUnsettled(replica: ReplicaId): readonly DirectoryId[] {
    const [tidy, told] = [this.#tidy.get(replica), this.#told.get(replica)];
    const taken = [...(told ?? [])].flatMap(([id, isTold]) => (!isTold && tidy?.get(id) === true ? [id] : []));
    for (const id of taken) told?.set(id, true);
    return taken;
  }

  #set(replica: ReplicaId, directories: readonly DirectoryId[], tidy: boolean): readonly DirectoryId[] {
    const known = this.#tidy.get(replica);
    const ours = directories.filter((id) => known?.has(id) === true);
    for (const id of ours) known?.set(id, tidy);
    return ours;
  }
}
