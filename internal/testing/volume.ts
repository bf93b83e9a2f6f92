/** Volumes to test on: small file systems in memory or in a file, mounted below a scratch folder (whose removal unmounts them). */
import { mkdirSync } from "node:fs";
import { command } from "./program.ts";

export type FileSystem = "ext4" | "xfs" | "btrfs";

/** The smallest that each can be made with some room to spare. */
const IMAGE_BYTES: Readonly<Record<FileSystem, string>> = { ext4: "64M", xfs: "320M", btrfs: "128M" };

export class Volume {
  constructor(
    readonly path: string,
    private readonly mountOptions: readonly string[],
  ) {
    mkdirSync(path, { recursive: true });
    this.mount();
  }

  /** Mounts it (again). What a tmpfs held is gone then, what an image holds is not. */
  mount(): void {
    command("mount", ...this.mountOptions, this.path);
  }

  unmount(): void {
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

/** A file system of that kind in an image file beside the mount point. */
export function mountImage(path: string, kind: FileSystem): Volume {
  const image = `${path}.image`;
  command("truncate", "-s", IMAGE_BYTES[kind], image);
  command(`mkfs.${kind}`, ...(kind === "ext4" ? ["-F", "-q"] : ["-f", "-q"]), image);
  return new Volume(path, ["-o", "loop", image]);
}
