/** Three disks whose writes and flushes are recorded: of the inventory, of the copies, of the origin. Each has a file system, mounted over a loop device. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type FuseVolume, mountFuse } from "../fuse-volume.ts";
import { command, repositoryPath } from "../program.ts";
import { until } from "../until.ts";
import type { FileSystem } from "../volume.ts";
import { type DiskLog, readDiskLog } from "./disk-log.ts";

/** In the order of their numbers in the log; a disk's name is that of its folder in the world. */
export const DISKS = ["state", "backup", "data"] as const;
export type DiskName = (typeof DISKS)[number];

/** Size, and how each is made with nothing left to be done in the background. */
const MADE: Readonly<Record<FileSystem, readonly [size: string, ...make: string[]]>> = {
  ext4: ["48M", "mkfs.ext4", "-F", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
  xfs: ["300M", "mkfs.xfs", "-f", "-q"],
  btrfs: ["110M", "mkfs.btrfs", "-f", "-q"],
};

/** A file system that is the twin of a mounted one must be told so. */
export const mountOptions = (kind: FileSystem): string => (kind === "xfs" ? "loop,nouuid" : "loop");

export class RecordedDisks {
  readonly #folder: string;
  #recorder: FuseVolume | undefined;

  /** `mountPoint`: where a disk is to be seen; `behindFuse`: of these, through bindfs. */
  constructor(
    folder: string,
    readonly kind: FileSystem,
    private readonly mountPoint: (disk: DiskName) => string,
    private readonly behindFuse: readonly DiskName[] = [],
  ) {
    this.#folder = join(folder, "disks");
    mkdirSync(this.#folder);
  }

  /** The disk as it was before anything was mounted. */
  blank(disk: DiskName): string {
    return join(this.#folder, `${disk}.blank`);
  }

  get #log(): string {
    return join(this.#folder, "log");
  }

  /** Makes the disks, and records from now on. */
  async begin(): Promise<void> {
    const images = DISKS.map((disk) => join(this.#folder, `${disk}.image`));
    for (const [index, image] of images.entries()) {
      const [size, ...make] = MADE[this.kind];
      command("truncate", "-s", size, image);
      command(...make, image);
      command("cp", "--sparse=always", image, this.blank(DISKS[index] ?? "state"));
    }
    const served = join(this.#folder, "served");
    this.#recorder = await mountFuse(repositoryPath("internal/testing/power/recorder.py"), served, this.#log, ...images);
    for (const [index, disk] of DISKS.entries()) {
      mkdirSync(this.#mounted(disk), { recursive: true });
      command("mount", "-o", mountOptions(this.kind), join(served, String(index)), this.#mounted(disk));
      if (this.#mounted(disk) !== this.mountPoint(disk)) command("bindfs", this.#mounted(disk), this.mountPoint(disk));
    }
  }

  /** Where the disk itself is mounted. */
  #mounted(disk: DiskName): string {
    return this.behindFuse.includes(disk) ? join(this.#folder, `${disk}.behind`) : this.mountPoint(disk);
  }

  mark(text: string): void {
    command("sh", "-c", 'printf %s "$1" > "$2"', "mark", text, join(this.#folder, "served", "mark"));
  }

  /** What was written to the disk until now is on stable storage. */
  flush(disk: DiskName): void {
    command("sync", "-f", this.#mounted(disk));
  }

  /** Takes the disks away. */
  async end(): Promise<DiskLog> {
    for (const disk of this.behindFuse) command("umount", this.mountPoint(disk));
    // What served them from there ends a moment later, and holds them until then.
    for (const disk of DISKS)
      await until(`${disk} is unmounted`, () => Bun.spawnSync(["umount", this.#mounted(disk)]).exitCode === 0);
    await this.#recorder?.unmount();
    return readDiskLog(this.#log);
  }
}
