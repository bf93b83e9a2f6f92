/** Whether a folder of this machine is where something is mounted. A mount point at which nothing is mounted looks like an empty volume, and what is written there lies on the disk below. */
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { ResultAsync } from "neverthrow";
import { openLocalVolume } from "../volume/mod.ts";

/** Where the file system is mounted on which the folder lies, if that is not at the folder itself; undefined also where there is no such folder. */
export async function mountAbove(folder: string): Promise<string | undefined> {
  const real = await ResultAsync.fromPromise(realpath(folder), () => undefined).unwrapOr(undefined);
  if (real === undefined || (await isMountPoint(real)) !== false) return undefined;
  let above = dirname(real);
  while ((await isMountPoint(above)) !== true) above = dirname(above);
  return above;
}

/** The device of the file system that holds a folder, as a volume there names it. */
export function deviceOf(path: string): string | undefined {
  const volume = openLocalVolume(path);
  if (volume.isErr()) return undefined;
  volume.value.close();
  return volume.value.device;
}

/** Undefined: it cannot be told. */
async function isMountPoint(path: string): Promise<boolean | undefined> {
  if (path === "/") return true;
  const opened = openLocalVolume(path);
  if (opened.isErr()) return undefined;
  const volume = opened.value;
  const directory = await volume.openDirectory("");
  const said = directory.isOk() ? directory.value.isMountPoint?.() : undefined;
  if (directory.isOk()) directory.value.close();
  volume.close();
  // Linux before 5.8 does not say.
  return said ?? volume.device !== deviceOf(dirname(path));
}
