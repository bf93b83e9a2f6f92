/** What the disks are, and how the program reaches the one with the copies. */
import type { FileSystem } from "../volume.ts";

export interface Ground {
  /** Its word in the name of a case. */
  readonly name: string;
  readonly fileSystem: FileSystem;
  /** The replica is reached through OpenSSH's sftp server. */
  readonly far: boolean;
  /** The replica is reached through a FUSE file system (bindfs), which knows of no flush of the whole. */
  readonly behindFuse?: true;
}

export const GROUNDS = [
  { name: "ext4", fileSystem: "ext4", far: false },
  { name: "ssh", fileSystem: "ext4", far: true },
  { name: "fuse", fileSystem: "ext4", far: false, behindFuse: true },
  { name: "xfs", fileSystem: "xfs", far: false },
  { name: "btrfs", fileSystem: "btrfs", far: false },
] as const satisfies readonly Ground[];
