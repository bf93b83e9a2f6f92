/** What kind of disk is below a file system, as far as the kernel says. */
import { readFileSync, realpathSync } from "node:fs";

/**
 * Is it one disk with a moving head, on which parallel readers only make it seek? Only SCSI and ATA disks are asked: virtual disks say "rotating" for
 * want of a better word, and arrays have many heads. `device` as in `FileStat`. False where it cannot be told.
 */
export function isRotating(device: number): boolean {
  try {
    const path = realpathSync(`/sys/dev/block/${Math.floor(device / 2 ** 32)}:${device % 2 ** 32}`);
    const disk = /^(.*\/block\/sd[a-z]+)(\/|$)/.exec(path)?.[1];
    return disk !== undefined && readFileSync(`${disk}/queue/rotational`, "utf8").trim() === "1";
  } catch {
    // No block device at all (tmpfs, NFS), or no /sys.
    return false;
  }
}
