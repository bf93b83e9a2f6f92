/** Names that a copying tool, an operating system or we ourselves leave behind: no file of an instrument has them. */
import { isTemporaryName } from "../volume/mod.ts";

const DIRECTORIES: Readonly<Record<string, string>> = {
  "lost+found": "of the file system's check",
  ".~tmp~": "of rsync --delay-updates",
  ".rsync-partial": "of rsync --partial-dir",
  ".rsync-tmp": "of rsync --temp-dir",
  ".stfolder": "of Syncthing",
  ".stversions": "of Syncthing",
  ".snapshot": "of a file server",
  ".snapshots": "of snapper",
  "System Volume Information": "of Windows",
  "$RECYCLE.BIN": "of Windows",
  ".Trashes": "of macOS",
  ".fseventsd": "of macOS",
  ".Spotlight-V100": "of macOS",
};

const FILES: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\.[0-9a-f]{8}\.partial$/, "of rclone, unfinished"],
  [/\.filepart$/, "of WinSCP, unfinished"],
  [/^\.nfs[0-9a-f]{16,}$/, "of an NFS client"],
  [/^\.fuse_hidden[0-9a-f]+$/, "of a FUSE file system"],
  [/^\.syncthing\..+\.tmp$/, "of Syncthing, unfinished"],
  [/^\.goutputstream-[A-Z0-9]{6}$/, "of GLib, unfinished"],
  [/^\._/, "of macOS"],
  [/^\.DS_Store$/, "of macOS"],
];

/** rsync's `.name.XXXXXX`. `.bashrc.backup` is none: six small letters alone say so only behind a name that has an ending already. */
const RSYNC = /^\.(.+)\.([A-Za-z0-9]{6})$/;

function isRsyncTemporary(name: string): boolean {
  const [, inner = "", suffix = ""] = RSYNC.exec(name) ?? [];
  return suffix !== "" && (/[A-Z0-9]/.test(suffix) || inner.includes("."));
}

/** Whose leftover a directory of this name is; undefined when it is none. */
export function leftoverDirectory(name: string): string | undefined {
  if (name.startsWith(".Trash-")) return "of a desktop";
  return Object.hasOwn(DIRECTORIES, name) ? DIRECTORIES[name] : undefined;
}

/** Whose leftover a file of this name is; undefined when it is none. */
export function leftoverFile(name: string): string | undefined {
  // Nearly every name, and this is asked of millions.
  if (!name.startsWith(".") && !name.endsWith("part") && !name.endsWith(".partial")) return undefined;
  if (isTemporaryName(name)) return "of xtelemdb, unfinished";
  if (isRsyncTemporary(name)) return "of rsync, unfinished";
  return FILES.find(([pattern]) => pattern.test(name))?.[1];
}

/** Our own files at a replica's root. */
export const isOwnName = (name: string): boolean => name.startsWith(".xtelemdb");
