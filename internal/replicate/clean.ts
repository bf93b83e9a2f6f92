/** Removes the temporary files that a killed run left in the directories it was working in: the only thing the agent ever removes. */
import type { DirectoryId } from "../inventory/mod.ts";
import type { EntryVisitor } from "../sys/mod.ts";
import { isTemporaryName, type Volume } from "../volume/mod.ts";
import { replicaPathOf } from "./copy-request.ts";
import { openReplica, type ReplicaProblem } from "./replica-check.ts";

export interface CleanRequest {
  readonly root: string;
  readonly marker: string;
  readonly directories: readonly { readonly id: DirectoryId; readonly host: string; readonly path: string }[];
}

export interface CleanResult {
  readonly removed: number;
  /** Directories that hold none any more. */
  readonly clean: readonly DirectoryId[];
  readonly problem?: ReplicaProblem;
}

export async function cleanReplica(request: CleanRequest): Promise<CleanResult> {
  const volume = await openReplica(request.root, request.marker);
  if (volume.isErr()) return { removed: 0, clean: [], problem: volume.error };
  let removed = 0;
  const clean: DirectoryId[] = [];
  for (const { id, host, path } of request.directories) {
    const count = await cleanDirectory(volume.value, replicaPathOf(host, path));
    if (count === undefined) continue;
    removed += count;
    clean.push(id);
  }
  volume.value.close();
  return { removed, clean };
}

/** How many were removed; undefined when one may still be there. */
async function cleanDirectory(volume: Volume, path: string): Promise<number | undefined> {
  const directory = await volume.openDirectory(path);
  if (directory.isErr()) return directory.error.reason === "not-found" ? 0 : undefined;
  const names: string[] = [];
  const nothing = (): void => undefined;
  const visitor: EntryVisitor = {
    file: (name: string) => {
      if (isTemporaryName(name)) names.push(name);
    },
    directory: nothing,
    symlink: nothing,
    special: nothing,
    unreadable: nothing,
  };
  const listed = await directory.value.entries(visitor);
  let removed: number | undefined = listed.isOk() ? 0 : undefined;
  for (const name of names) {
    const result = await directory.value.removeTemporary(name);
    if (result.isErr()) removed = undefined;
    else if (removed !== undefined) removed += 1;
  }
  directory.value.close();
  return removed;
}
