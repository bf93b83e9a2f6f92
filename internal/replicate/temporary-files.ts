/** The files with our own temporary names: known by name alone, they are the only ones that are ever removed. */
import type { EntryVisitor } from "../sys/mod.ts";
import { isTemporaryName, type Volume } from "../volume/mod.ts";

/** Removes those of one directory. How many there were; undefined when one may still be there. */
export async function removeTemporaryFiles(volume: Volume, path: string): Promise<number | undefined> {
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
