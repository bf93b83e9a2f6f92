/** The top-level folders of a backup, and what each stands for. */
import { err, ok, type Result } from "neverthrow";
import type { EntryVisitor } from "../sys/mod.ts";
import type { Volume, VolumeError } from "../volume/mod.ts";
import { type Skipped, SkippedFiles } from "./import-found.ts";
import { hostOf, type ImportLayout, originPathOf } from "./import-layout.ts";
import { isOwnName, leftoverDirectory, leftoverFile } from "./leftovers.ts";
import { openUnproven, type ReplicaToRead } from "./replica-check.ts";
import { type ReplicaProblem, rootProblem } from "./root-problem.ts";

export interface FoldersRequest {
  readonly replica: ReplicaToRead;
  readonly layout: ImportLayout;
}

export interface ImportFolder {
  readonly folder: string;
  readonly host: string;
  /** The first directories in it with their origin paths, by name. */
  readonly examples: readonly { readonly path: string; readonly origin: string | null }[];
}

export interface FoldersFound {
  /** By name. */
  readonly folders: readonly ImportFolder[];
  readonly skipped: readonly Skipped[];
}

const EXAMPLES = 5;

/** Lists the replica's root, and the directories in each folder of a host. */
export async function findImportFolders({ replica, layout }: FoldersRequest): Promise<Result<FoldersFound, ReplicaProblem>> {
  const opened = await openUnproven(replica, []);
  if (opened.isErr()) return err(opened.error);
  const volume = opened.value;
  const skipped = new SkippedFiles();
  const names: string[] = [];
  const listed = await list(volume, "", {
    file: (name) => {
      const leftover = leftoverFile(name);
      if (isOwnName(name)) skipped.add("own", name);
      else if (leftover !== undefined) skipped.add("leftover", name, `a leftover ${leftover}`);
      else skipped.add("outside", name, "a file beside the hosts' folders");
    },
    directory: (name) => {
      const leftover = leftoverDirectory(name);
      if (leftover !== undefined) skipped.add("leftover", name, `a leftover ${leftover}`);
      else if (hostOf(layout, name) !== undefined) names.push(name);
      else skipped.add("outside", name, "neither a host that is declared nor an alias of one");
    },
    symlink: (name) => skipped.add("symlink", name),
    special: (name) => skipped.add("special", name),
    unreadable: (name, error) => skipped.add("unreadable", name, error.code),
  });
  if (listed.isErr()) {
    volume.close();
    return err(rootProblem(replica.address.name, listed.error));
  }
  const folders: ImportFolder[] = [];
  for (const folder of names.toSorted()) {
    const inside: string[] = [];
    const nothing = (): void => undefined;
    const directory = (name: string): number => inside.push(name);
    const visitor = { file: nothing, directory, symlink: nothing, special: nothing, unreadable: nothing };
    await list(volume, folder, visitor);
    const examples = inside
      .toSorted()
      .slice(0, EXAMPLES)
      .map((name) => ({ path: `${folder}/${name}`, origin: originPathOf(layout, `/${name}`) ?? null }));
    folders.push({ folder, host: hostOf(layout, folder) ?? folder, examples });
  }
  volume.close();
  return ok({ folders, skipped: skipped.all() });
}

async function list(volume: Volume, path: string, visitor: EntryVisitor): Promise<Result<undefined, VolumeError>> {
  const directory = await volume.openDirectory(path);
  if (directory.isErr()) return err(directory.error);
  const listed = await directory.value.entries(visitor);
  directory.value.close();
  return listed;
}
