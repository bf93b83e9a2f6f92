/**
 * The directories of each replica in which an earlier run was broken off: by a kill, a cut, a worker that hangs. What such a run has published without a record is
 * known only by where it is, so that a directory counts as broken off until nothing in it is pending any more. Its temporary files are removed once.
 */
import type { DirectoryId, DirectoryInFlight, ReplicaId } from "../inventory/mod.ts";

export class BrokenOffDirectories {
  /** True: no temporary file is left in it. */
  readonly #tidy = new Map<ReplicaId, Map<DirectoryId, boolean>>();
  /** Those that have not been looked through for what is still pending since they were tidied. */
  readonly #unsettled = new Map<ReplicaId, Set<DirectoryId>>();

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
    const unsettled = this.#unsettled.get(replica) ?? new Set();
    for (const id of this.#set(replica, directories, true)) unsettled.add(id);
    this.#unsettled.set(replica, unsettled);
  }

  /** Tidy ones that were worked in: perhaps nothing is pending in them any more. Told once. */
  takeUnsettled(replica: ReplicaId): readonly DirectoryId[] {
    const tidy = this.#tidy.get(replica);
    const taken = [...(this.#unsettled.get(replica) ?? [])].filter((id) => tidy?.get(id) === true);
    this.#unsettled.delete(replica);
    return taken;
  }

  #set(replica: ReplicaId, directories: readonly DirectoryId[], tidy: boolean): readonly DirectoryId[] {
    const known = this.#tidy.get(replica);
    const ours = directories.filter((id) => known?.has(id) === true);
    for (const id of ours) known?.set(id, tidy);
    return ours;
  }
}
