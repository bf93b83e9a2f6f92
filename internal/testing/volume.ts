/** Volumes to test on: small file systems in memory or in a file, mounted below a scratch folder (whose removal unmounts them). */
import { mkdirSync } from "node:fs";
import { basename } from "node:path";
import { command } from "./program.ts";

export type FileSystem = "ext4" | "xfs" | "btrfs";

/** The smallest that each can be made with some room to spare. */
const IMAGE_BYTES: Readonly<Record<FileSystem, string>> = { ext4: "64M", xfs: "320M", btrfs: "128M" };

/** Where the kernel names the disks on which the loop device lies that is mounted there. It names none: those are for mapped devices. */
function slavesOf(path: string): string {
  const loop = command("findmnt", "--noheadings", "--first-only", "--output", "SOURCE", path).trim();
  return `/sys/class/block/${basename(loop)}/slaves`;
}

/**
 * Puts the loop device that is mounted there on a disk of its own, by the word of the kernel: most machines that run tests have one disk. The disk is named in /sys alone,
 * and only as long as it is mounted.
 */
function giveDisk(path: string): void {
  const slaves = slavesOf(path);
  // By its source the reaper knows that it is ours.
  command("mount", "-t", "tmpfs", "-o", "size=64k", `${path}.slaves`, slaves);
  mkdirSync(`${slaves}/disk of ${path.replaceAll("/", "-")}/device`, { recursive: true });
}

export class Volume {
  constructor(
    readonly path: string,
    private readonly mountOptions: readonly string[],
    private readonly ownDisk = false,
  ) {
    mkdirSync(path, { recursive: true });
    this.mount();
  }

  /** Mounts it (again). What a tmpfs held is gone then, what an image holds is not. */
  mount(): void {
    command("mount", ...this.mountOptions, this.path);
    if (this.ownDisk) giveDisk(this.path);
  }

  unmount(): void {
    if (this.ownDisk) command("umount", slavesOf(this.path));
    command("umount", this.path);
  }

  /** Such as "ro", "rw", "size=2m". */
  remount(options: string): void {
    command("mount", "-o", `remount,${options}`, this.path);
  }
}

/** A file system in memory. `size`: such as "1m"; `inodes`: how many files and directories it can hold. */
export function mountMemory(path: string, limits: { readonly size?: string; readonly inodes?: number } = {}): Volume {
  const options = [`size=${limits.size ?? "64m"}`, ...(limits.inodes === undefined ? [] : [`nr_inodes=${limits.inodes}`])];
  return new Volume(path, ["-t", "tmpfs", "-o", options.join(","), "tmpfs"]);
}

function makeImage(image: string, kind: FileSystem): void {
  command("truncate", "-s", IMAGE_BYTES[kind], image);
  command(`mkfs.${kind}`, ...(kind === "ext4" ? ["-F", "-q"] : ["-f", "-q"]), image);
}

/** A file system of that kind in an image file, which is beside the mount point unless it is named. It lies on what holds the image, which may be memory. */
export function mountImage(path: string, kind: FileSystem, image = `${path}.image`): Volume {
  makeImage(image, kind);
  return new Volume(path, ["-o", "loop", image]);
}

/** The same on a disk of its own, as far as the program can tell. */
export function mountDisk(path: string, kind: FileSystem = "ext4"): Volume {
  makeImage(`${path}.image`, kind);
  return new Volume(path, ["-o", "loop", `${path}.image`], true);
}
