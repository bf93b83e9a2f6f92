/**
 * A disk for one world: a real file system in memory or in an image, which can be taken away, made read-only, filled, swapped, or die while the program writes to it. It is
 * mounted beside the place where the program sees it: what is taken away from there is not lost.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type FuseVolume, mountFuse } from "../fuse-volume.ts";
import { command, python } from "../program.ts";
import type { Requirement } from "../requirement.ts";
import { until } from "../until.ts";

export const DISK_KINDS = ["ext4", "xfs", "btrfs", "tmpfs", "overlayfs", "vfat"] as const;
export type DiskKind = (typeof DISK_KINDS)[number];

/** What each needs of the machine, beside root. */
export const DISK_NEEDS: Readonly<Record<DiskKind, readonly Requirement[]>> = {
  ext4: ["root", "loop"],
  xfs: ["root", "loop", "xfs"],
  btrfs: ["root", "loop", "btrfs"],
  tmpfs: ["root"],
  overlayfs: ["root"],
  vfat: ["root", "fusepy"],
};

/** The smallest that each can be made with some room to spare. */
const IMAGES = {
  ext4: { size: "64M", make: ["mkfs.ext4", "-F", "-q", "-N", "400"] },
  xfs: { size: "320M", make: ["mkfs.xfs", "-f", "-q"] },
  btrfs: { size: "128M", make: ["mkfs.btrfs", "-f", "-q"] },
} as const;

const SMALL_BYTES = 32 << 20;
const SMALL_INODES = 300;
/** Only these have a number of inodes that can be used up. */
export const COUNTS_INODES: readonly DiskKind[] = ["ext4", "tmpfs", "overlayfs"];

const FILLER = ".filler";
const FILLER_PROGRAM = `
import os, sys
free, path = os.statvfs(sys.argv[1]), sys.argv[1] + "/${FILLER}"
os.makedirs(path, exist_ok=True)
def fill(length, number):
    try:
        # Where nothing is left, not even an empty file can be made.
        with open(f"{path}/{number}", "wb", buffering=0) as file:
            try: os.posix_fallocate(file.fileno(), 0, length)
            except OSError: file.write(bytes(length))
    except OSError: return False
    return True
if sys.argv[2] == "inodes":
    try:
        for number in range(100_000): open(f"{path}/{number}", "x").close()
    except OSError: pass
else:
    length, number = free.f_bavail * free.f_frsize, 0
    while length >= 4096:
        number += 1
        if not fill(length, number): length //= 2
        else: length = os.statvfs(path).f_bavail * free.f_frsize if number < 20 else length // 2
        if number > 400: break
`;

export class Disk {
  #served: FuseVolume | undefined;
  readonly #base: string;

  private constructor(
    readonly path: string,
    readonly kind: DiskKind,
    name: string,
  ) {
    this.#base = `${path}.${name}`;
  }

  /** Makes it, and shows it at `path`. */
  static async make(path: string, kind: DiskKind, name = "disk"): Promise<Disk> {
    const disk = new Disk(path, kind, name);
    for (const folder of [path, disk.#base]) mkdirSync(folder, { recursive: true });
    await disk.#mount();
    disk.show();
    return disk;
  }

  async #mount(): Promise<void> {
    const base = this.#base;
    const memory = ["-t", "tmpfs", "-o", `size=${SMALL_BYTES},nr_inodes=${SMALL_INODES}`, "tmpfs"];
    switch (this.kind) {
      case "ext4":
      case "xfs":
      case "btrfs": {
        const { size, make } = IMAGES[this.kind];
        command("truncate", "-s", size, `${base}.image`);
        command(...make, `${base}.image`);
        command("mount", "-o", "loop", `${base}.image`, base);
        return;
      }
      case "tmpfs":
        command("mount", ...memory, base);
        return;
      case "overlayfs": {
        const layers = `${base}.layers`;
        mkdirSync(layers, { recursive: true });
        command("mount", ...memory, layers);
        for (const layer of ["lower", "upper", "work"]) mkdirSync(join(layers, layer));
        command(
          "mount",
          "-t",
          "overlay",
          "-o",
          `lowerdir=${layers}/lower,upperdir=${layers}/upper,workdir=${layers}/work`,
          "overlay",
          base,
        );
        return;
      }
      case "vfat":
        await this.#serve();
    }
  }

  async #serve(): Promise<void> {
    mkdirSync(`${this.#base}.behind`, { recursive: true });
    this.#served = await mountFuse(join(import.meta.dir, "vfat.py"), this.#base, `${this.#base}.behind`, String(SMALL_BYTES));
  }

  /** Where it is seen when it is not shown. */
  get hidden(): string {
    return this.#base;
  }

  show(): void {
    command("mount", "--bind", this.#base, this.path);
  }

  /** Taken away, whoever uses it. */
  hide(): void {
    command("umount", "-l", this.path);
  }

  /** A disk that is written to refuses that until the file is closed. */
  async makeReadOnly(): Promise<void> {
    await until(`${this.#base} is read-only`, () => this.#remounted("ro"));
  }

  makeWritable(): void {
    if (!this.#remounted("rw")) throw new Error(`${this.#base} cannot be made writable`);
  }

  #remounted(how: "ro" | "rw"): boolean {
    return Bun.spawnSync(["mount", "-i", "-o", `remount,${how}`, this.#base], { stderr: "ignore" }).exitCode === 0;
  }

  fill(what: "bytes" | "inodes"): void {
    command(...python(FILLER_PROGRAM, this.#base, what));
  }

  empty(): void {
    command("rm", "-rf", join(this.#base, FILLER));
    // btrfs frees nothing before that.
    command("sync", "-f", this.#base);
  }

  /** Only a disk that a process serves can die here. */
  async die(): Promise<void> {
    await this.#served?.kill();
  }

  async revive(): Promise<void> {
    for (const path of [this.path, this.#base]) Bun.spawnSync(["umount", "-l", path], { stderr: "ignore" });
    await this.#serve();
    this.show();
  }

  /** Nothing was written where it should be mounted. */
  get placeIsEmpty(): boolean {
    return readdirSync(this.path).length === 0;
  }
}
