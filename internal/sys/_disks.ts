/** Which disks a block device lies on, as the kernel tells in /sys (sysfs(5)). */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname } from "node:path";

/** The names of the disks below partitions, mappings and arrays. `path`: the real path of the device's folder. */
export function disksBelow(path: string): string[] {
  const slaves = existsSync(`${path}/slaves`) ? readdirSync(`${path}/slaves`) : [];
  if (slaves.length > 0) return slaves.flatMap((name) => disksBelow(realpathSync(`${path}/slaves/${name}`)));
  return existsSync(`${path}/partition`) ? disksBelow(dirname(path)) : [basename(path)];
}
