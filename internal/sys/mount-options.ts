/**
 * Mount options that make a flush mean less than it says: the file system answers that all is on stable storage, and the disk's own cache was never told. Read from
 * /proc/self/mountinfo (proc_pid_mountinfo(5)): the mount is found by its number, which /proc/self/fdinfo tells of an open file.
 */
import { readFileSync } from "node:fs";
import type { FileDescriptor } from "./descriptor.ts";

/** As the kernel writes them, by file system type. `*`: any type. A map, not an object: a formatter once rewrote such property names. */
const UNFLUSHED = new Map<string, readonly string[]>([
  // ext3, ext4, btrfs, nilfs2, gfs2, hfsplus and older xfs; "barrier=0" is how ext3 and ocfs2 say it.
  ["*", ["nobarrier", "barrier=0", "barrier=none"]],
  // overlayfs without any flush of its upper layer.
  ["overlay", ["volatile", "fsync=volatile"]],
  ["f2fs", ["fsync_mode=nobarrier"]],
]);

/** The line of a mount in mountinfo, taken apart: "36 35 98:0 /root /mnt rw,noatime shared:1 - ext4 /dev/sda rw,nobarrier". */
function optionsOf(mountinfo: string, mount: string): { readonly type: string; readonly options: readonly string[] } | undefined {
  const line = mountinfo.split("\n").find((one) => one.startsWith(`${mount} `));
  if (line === undefined) return undefined;
  const [before = "", after = ""] = line.split(" - ", 2);
  const [type = "", , ofFileSystem = ""] = after.split(" ");
  return { type, options: [...(before.split(" ")[5] ?? "").split(","), ...ofFileSystem.split(",")] };
}

/** The option of this mount by which flushes are not carried out; undefined when there is none. */
export function unflushedBy(mountinfo: string, mount: string): string | undefined {
  const found = optionsOf(mountinfo, mount);
  if (found === undefined) return undefined;
  const bad = [...(UNFLUSHED.get("*") ?? []), ...(UNFLUSHED.get(found.type) ?? [])];
  return found.options.find((option) => bad.includes(option));
}

/** The option of the mount that holds an open file by which flushes are not carried out; undefined when there is none, or none can be told (no /proc). */
export function mountedUnflushed(descriptor: FileDescriptor): string | undefined {
  try {
    const mount = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))?.[1];
    return mount === undefined ? undefined : unflushedBy(readFileSync("/proc/self/mountinfo", "utf8"), mount);
  } catch {
    return undefined;
  }
}
