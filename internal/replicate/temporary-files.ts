/** The files with our own temporary names: known by name alone, they are the only ones that are ever removed. */
import { ok } from "neverthrow";
import type { EntryVisitor } from "../sys/mod.ts";
import { isPartialName, isTemporaryName, nameBeforeSetApart, type Volume, type VolumeDirectory } from "../volume/mod.ts";

/** What nobody has gone on with for so long belongs to a source that changed or is gone. */
const PARTIAL_SECONDS = 7 * 24 * 3600;

/**
 * Removes those of one directory, durably, but for what may be gone on with: what was set apart gets its former name back, so that a rename to its final name that comes
 * late finds it no more. How many there were; undefined when one may still be there, or may come back with the next
 * power cut: also one that a run removed which was killed before it had flushed the directory. `now`: seconds since 1970. `alive` is called on the way.
 */
export async function removeTemporaryFiles(
  volume: Volume,
  path: string,
  now: number,
  alive: () => void = () => undefined,
): Promise<number | undefined> {
  const directory = await volume.openDirectory(path);
  if (directory.isErr()) return directory.error.reason === "not-found" ? 0 : undefined;
  const names: string[] = [];
  const old: string[] = [];
  const recent: string[] = [];
  const nothing = (): void => undefined;
  const visitor: EntryVisitor = {
    file: (name: string, _size: number, mtimeSeconds: number, _nanoseconds: number, changed: number) => {
      if (!isTemporaryName(name)) return;
      if (!isPartialName(name) && nameBeforeSetApart(name) === undefined) names.push(name);
      else if (Math.max(mtimeSeconds, changed) > now - PARTIAL_SECONDS) recent.push(name);
      else old.push(name);
    },
    directory: nothing,
    symlink: nothing,
    special: nothing,
    unreadable: nothing,
  };
  const listed = await directory.value.entries(visitor);
  alive();
  for (const name of old) {
    ((await wasSealedSince(directory.value, name, now - PARTIAL_SECONDS)) ? recent : names).push(name);
    alive();
  }
  for (const name of recent) {
    const before = nameBeforeSetApart(name);
    const named = before === undefined ? ok(undefined) : await directory.value.publish(name, before, "new");
    // The other one is as good.
    if (named.isErr() && named.error.reason === "exists") names.push(name);
    alive();
  }
  let removed: number | undefined = listed.isOk() && recent.length === 0 ? 0 : undefined;
  for (const name of names) {
    alive();
    const result = await directory.value.removeTemporary(name);
    if (result.isErr()) removed = undefined;
    else if (removed !== undefined) removed += 1;
  }
  const flushed = await directory.value.sync();
  alive();
  directory.value.close();
  return flushed.isOk() ? removed : undefined;
}

/** A file that is finished has its source's modification time, however old that is; over SFTP its access time then says when it was finished. What cannot be asked is spared. */
async function wasSealedSince(directory: VolumeDirectory, name: string, since: number): Promise<boolean> {
  const there = await directory.look(name);
  return there.isErr() || (there.value?.atimeSeconds ?? Number.NEGATIVE_INFINITY) > since;
}
