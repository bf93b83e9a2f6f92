/**
 * Where the changes of a file system come from. inotify(7) and leases tell of what this machine does; what another machine does to a shared file system
 * passes them by. The numbers are those of statfs(2), linux/magic.h and, for what is not in the kernel's tree, of coreutils' stat.
 */
import { libc, Memory, pointer } from "./_libc.ts";
import type { FileDescriptor } from "./descriptor.ts";

/** File systems that other machines, or a process behind FUSE, may change. A map, not an object: a formatter once rewrote such property names. */
const SHARED = new Map<number, string>([
  [0x00006969, "NFS"],
  [0x0000517b, "SMB"],
  [0xfe534d42, "SMB"],
  [0xff534d42, "CIFS"],
  [0x00c36400, "CephFS"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x73757245, "Coda"],
  [0x0000564c, "NCP"],
  [0x01021997, "9p"],
  [0x65735546, "FUSE"],
  [0x01161970, "GFS2"],
  [0x7461636f, "OCFS2"],
  [0x61636673, "ACFS"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x19830326, "BeeGFS"],
  [0x20030528, "OrangeFS"],
  [0xaad7aaea, "PanFS"],
  [0xbeefdead, "StorNext"],
  [0x013111a8, "IBRIX"],
  [0xbacbacbc, "VMware shared folder"],
  [0x786f4256, "VirtualBox shared folder"],
  [0x7c7c6673, "Parallels shared folder"],
  [0x00c0ffee, "hostfs"],
]);

/**
 * Of those, the ones that carry syncfs(2) to where the data are: NFS commits each file, the others have a sync_fs of their own. The rest write out the pages that this
 * kernel holds, and tell nobody to flush: FUSE sends its FUSE_SYNCFS to virtiofs only, SMB and 9p flush a file when that file is flushed.
 */
const SYNCS_WHOLE: ReadonlySet<string> = new Set(["NFS", "CephFS", "GFS2", "OCFS2"]);

/** struct statfs of the 64-bit C library; the type comes first, and all types have 32 bits. */
const STATFS_BYTES = 120;
const memory = new Memory(STATFS_BYTES);

/** Of those, the ones whose data lie on other machines. Behind the rest is a process, or the host of this virtual machine, with the very disks that this machine has, perhaps. */
const ON_NETWORK: ReadonlySet<string> = new Set([
  "NFS",
  "SMB",
  "CIFS",
  "CephFS",
  "AFS",
  "Coda",
  "NCP",
  "ACFS",
  "Lustre",
  "GPFS",
  "BeeGFS",
  "OrangeFS",
  "PanFS",
  "StorNext",
  "IBRIX",
]);

const IN_MEMORY: ReadonlySet<number> = new Set([
  // tmpfs, ramfs, hugetlbfs
  0x01021994, 0x858458f6, 0x958458f6,
]);

/** f_type of the file system that holds an open file; undefined where it does not say. */
export const fileSystemType = (descriptor: FileDescriptor): number | undefined =>
  libc.fstatfs(descriptor, pointer(memory.address)) === 0 ? memory.view.getUint32(0, true) : undefined;

export const isInMemory = (type: number | undefined): boolean => type !== undefined && IN_MEMORY.has(type);

/** Does another machine hold its data? Never true where it cannot be told. */
export const isOnNetwork = (type: number | undefined): boolean => ON_NETWORK.has(SHARED.get(type ?? 0) ?? "");

/**
 * The name of the file system that holds an open file, when it may change without this machine's kernel knowing; undefined when only this machine changes
 * it. FUSE is always named: whether there is a network behind it, nobody can tell. One that cannot even say what it is counts as shared.
 */
export function changesElsewhere(descriptor: FileDescriptor): string | undefined {
  const type = fileSystemType(descriptor);
  return type === undefined ? "unknown" : SHARED.get(type);
}

/** Does syncfs(2) make everything on this file system durable? Where it may not, each file and each directory has to be flushed by itself (fsync(2)). */
export function syncsWhole(descriptor: FileDescriptor): boolean {
  const shared = changesElsewhere(descriptor);
  return shared === undefined || SYNCS_WHOLE.has(shared);
}

/**
 * File systems whose free space (statvfs(3)) lacks bytes as soon as they are written or set aside, before they are flushed: ext2 to ext4, XFS, tmpfs. btrfs shows them with its next commit, NFS with the next flush; of the others it is not known.
 */
const SHOWS_SPACE: ReadonlySet<number> = new Set([0x0000ef53, 0x58465342, 0x01021994]);

export const showsSpaceAtOnce = (descriptor: FileDescriptor): boolean => SHOWS_SPACE.has(fileSystemType(descriptor) ?? 0);
