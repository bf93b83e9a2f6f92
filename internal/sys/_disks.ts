/** Which disks a block device lies on, as the kernel tells in /sys (sysfs(5)). */
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname } from "node:path";

/** What is lowest below a block device. */
export interface LowestDevice {
  readonly name: string;
  /** `file`: a file that is used as a disk (loop(4)). `unclear`: made up by the kernel out of what it does not tell (nbd, zvol, a loop device without its file). */
  readonly kind: "disk" | "memory" | "file" | "unclear";
  /** The file, by the path that the kernel tells. */
  readonly file?: string;
  readonly bytes: number;
}

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").replace(/\n$/, "");
  } catch {
    return undefined;
  }
};

const SECTOR_BYTES = 512;

function lowest(path: string): LowestDevice {
  const name = basename(path);
  const bytes = Number(textOf(`${path}/size`) ?? 0) * SECTOR_BYTES;
  // Behind a real disk there is a device of some bus.
  if (existsSync(`${path}/device`)) return { name, bytes, kind: "disk" };
  if (/^z?ram\d+$/.test(name)) return { name, bytes, kind: "memory" };
  const file = textOf(`${path}/loop/backing_file`);
  return file === undefined ? { name, bytes, kind: "unclear" } : { name, bytes, kind: "file", file };
}

/** What lies below partitions, mappings and arrays. `path`: the real path of the device's folder. */
export function disksBelow(path: string): LowestDevice[] {
  const slaves = existsSync(`${path}/slaves`) ? readdirSync(`${path}/slaves`) : [];
  if (slaves.length > 0) return slaves.flatMap((name) => disksBelow(realpathSync(`${path}/slaves/${name}`)));
  return existsSync(`${path}/partition`) ? disksBelow(dirname(path)) : [lowest(path)];
}
