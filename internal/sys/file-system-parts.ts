/**
 * What a file system is made of, as far as the kernel says: the number of its device, the disks below it, and the one number that all subvolumes of a btrfs share. What
 * two file systems have in common, one accident may take from both. (A file that is used as a disk, loop(4), counts as a disk of its own.)
 */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { disksBelow } from "./_disks.ts";
import { libc, Memory, pointer } from "./_libc.ts";
import type { FileDescriptor } from "./descriptor.ts";

const MAJOR = 2 ** 32;

/** The name of a device number, as in `FileStat`. */
export const devicePart = (device: number): string => `device ${Math.floor(device / MAJOR)}:${device % MAJOR}`;

const BTRFS_SUPER_MAGIC = 0x9123683e;
/** struct statfs of the 64-bit C library: the type comes first. */
const statfs = new Memory(120);
/** btrfs_ioctl_fs_info_args (linux/btrfs.h): the file system's id has 16 bytes at 16. */
const BTRFS_IOC_FS_INFO = 0x8400941f;
const information = new Memory(1024);

/** The id of the btrfs that holds an open file; undefined where it is none. Each subvolume has a device number and an f_fsid of its own, and no disk. */
function btrfsId(descriptor: FileDescriptor): string | undefined {
  if (libc.fstatfs(descriptor, pointer(statfs.address)) !== 0) return undefined;
  if (statfs.view.getUint32(0, true) !== BTRFS_SUPER_MAGIC) return undefined;
  if (libc.ioctl(descriptor, BTRFS_IOC_FS_INFO, pointer(information.address)) !== 0) return undefined;
  const digits = Buffer.from(information.bytes.subarray(16, 32)).toString("hex");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function disksAt(link: string): string[] {
  try {
    return disksBelow(realpathSync(link)).map((name) => `disk ${name}`);
  } catch {
    // No block device (tmpfs, NFS, a btrfs subvolume), or no /sys: then only the number is known.
    return [];
  }
}

function disksOfBtrfs(id: string): string[] {
  const folder = `/sys/fs/btrfs/${id}/devices`;
  return existsSync(folder) ? readdirSync(folder).flatMap((name) => disksAt(`${folder}/${name}`)) : [];
}

/** The parts of the file system on a device; `device` as in `FileStat`. */
export const partsOfDevice = (device: number): string[] => [
  devicePart(device),
  ...disksAt(`/sys/dev/block/${Math.floor(device / MAJOR)}:${device % MAJOR}`),
];

/** The parts of the file system that holds an open file, each a short text. */
export function fileSystemParts(descriptor: FileDescriptor, device: number): string[] {
  const id = btrfsId(descriptor);
  const btrfs = id === undefined ? [] : [`btrfs ${id}`, ...disksOfBtrfs(id)];
  return [...new Set([...partsOfDevice(device), ...btrfs])];
}
