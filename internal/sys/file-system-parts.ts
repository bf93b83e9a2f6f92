/**
 * What a file system is made of, as far as the kernel says: the number of its device, the disks below it, and the one number that all subvolumes of a btrfs share. What
 * two file systems have in common, one accident may take from both. A file that is used as a disk (loop(4)) lies on what the file lies on.
 */
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { disksBelow, type LowestDevice } from "./_disks.ts";
import { libc, Memory, pointer } from "./_libc.ts";
import { close, type FileDescriptor, openRootDirectory } from "./descriptor.ts";
import { statDescriptor, statEntry } from "./file-stat.ts";
import { fileSystemType, isInMemory, isOnNetwork } from "./file-system-kind.ts";

export interface Makeup {
  /** Each a short text. */
  readonly parts: readonly string[];
  /** Beside these parts it may lie on any disk of this machine: what is below it, the kernel does not tell (overlayfs, FUSE). */
  readonly unclear: boolean;
  /** It, or something below it, is in memory, and gone with the next boot. */
  readonly inMemory: boolean;
}

const MAJOR = 2 ** 32;

const numbersOf = (device: number): string => `${Math.floor(device / MAJOR)}:${device % MAJOR}`;

/** The name of a device number, as in `FileStat`. */
export const devicePart = (device: number): string => `device ${numbersOf(device)}`;

const clear = (parts: readonly string[]): Makeup => ({ parts, unclear: false, inMemory: false });
const UNCLEAR: Makeup = { parts: [], unclear: true, inMemory: false };
const MEMORY: Makeup = { parts: [], unclear: false, inMemory: true };

const together = (all: readonly Makeup[]): Makeup => ({
  parts: [...new Set(all.flatMap(({ parts }) => parts))],
  unclear: all.some(({ unclear }) => unclear),
  inMemory: all.some(({ inMemory }) => inMemory),
});

const BTRFS_SUPER_MAGIC = 0x9123683e;
/** btrfs_ioctl_fs_info_args (linux/btrfs.h): the file system's id has 16 bytes at 16. */
const BTRFS_IOC_FS_INFO = 0x8400941f;
const information = new Memory(1024);

/** The id of the btrfs that holds an open file; undefined where it is none. Each subvolume has a device number and an f_fsid of its own, and no disk. */
function btrfsId(descriptor: FileDescriptor): string | undefined {
  if (fileSystemType(descriptor) !== BTRFS_SUPER_MAGIC) return undefined;
  if (libc.ioctl(descriptor, BTRFS_IOC_FS_INFO, pointer(information.address)) !== 0) return undefined;
  const digits = Buffer.from(information.bytes.subarray(16, 32)).toString("hex");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** `within`: the devices above it, so that a file that seems to lie on itself (its path means another file by now) comes to an end. */
function ofLowest({ name, kind, file, bytes }: LowestDevice, within: readonly string[]): Makeup {
  const own = clear([`disk ${name}`]);
  if (kind === "disk") return own;
  if (kind === "memory") return together([own, MEMORY]);
  return together([own, file === undefined ? UNCLEAR : ofFile(file, bytes, within)]);
}

/** What holds the file of a loop device. The path is that of the moment when it was set up: what is gone, or cannot be that file, tells nothing. */
function ofFile(path: string, bytes: number, within: readonly string[]): Makeup {
  try {
    const stat = statSync(path);
    if (stat.isBlockDevice()) return ofBlockDevice(`/sys/class/block/${basename(realpathSync(path))}`, within);
    if (!stat.isFile() || stat.size < bytes) return UNCLEAR;
    return ofDirectory(dirname(realpathSync(path)), basename(realpathSync(path)), within);
  } catch {
    return UNCLEAR;
  }
}

/** Undefined: it is no block device, or there is no /sys. */
function blockDevice(link: string): string | undefined {
  try {
    return realpathSync(link);
  } catch {
    return undefined;
  }
}

function ofBlockDevice(link: string, within: readonly string[]): Makeup {
  const path = blockDevice(link);
  if (path === undefined || within.includes(path)) return UNCLEAR;
  return together(disksBelow(path).map((one) => ofLowest(one, [...within, path])));
}

function ofBtrfs(id: string, within: readonly string[]): Makeup {
  const folder = `/sys/fs/btrfs/${id}/devices`;
  const devices = existsSync(folder) ? readdirSync(folder) : [];
  const below = devices.map((name) => ofBlockDevice(`${folder}/${name}`, within));
  return together([clear([`btrfs ${id}`]), ...(below.length > 0 ? below : [UNCLEAR])]);
}

function ofDescriptor(descriptor: FileDescriptor, device: number, within: readonly string[]): Makeup {
  const own = clear([devicePart(device)]);
  const block = `/sys/dev/block/${numbersOf(device)}`;
  if (blockDevice(block) !== undefined) return together([own, ofBlockDevice(block, within)]);
  const id = btrfsId(descriptor);
  if (id !== undefined) return together([own, ofBtrfs(id, within)]);
  const type = fileSystemType(descriptor);
  if (isInMemory(type)) return together([own, MEMORY]);
  // Who serves it over a network has disks of its own.
  return isOnNetwork(type) ? own : together([own, UNCLEAR]);
}

/** Of the file system that holds an entry of a directory; without a name, the directory itself. */
function ofDirectory(path: string, name: string | undefined, within: readonly string[], expected?: number): Makeup {
  const opened = openRootDirectory(path);
  if (opened.isErr()) return UNCLEAR;
  const stat = statDescriptor(opened.value);
  const device = name === undefined ? expected : statEntry(opened.value, name).unwrapOr(undefined)?.device;
  // A file may be a mount point itself.
  const made = stat.isOk() && stat.value.device === device ? ofDescriptor(opened.value, device, within) : UNCLEAR;
  close(opened.value);
  return made;
}

/** Of the file system that holds an open file; `device` as in `FileStat`. */
export const makeupOf = (descriptor: FileDescriptor, device: number): Makeup => ofDescriptor(descriptor, device, []);

/** Of the file system with this device that the directory is on; of one that is not, or cannot be opened, nothing can be told. */
export const makeupAt = (directory: string, device: number): Makeup =>
  together([clear([devicePart(device)]), ofDirectory(directory, undefined, [], device)]);
