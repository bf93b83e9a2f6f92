/** What a scan is told, what it counts, and where its findings go. */
import type { DirectoryDifference, ScanProblem } from "../inventory/mod.ts";
import { type InotifyDescriptor, printable } from "../sys/mod.ts";
import type { VolumeError } from "../volume/mod.ts";

export interface ScanCounts {
  files: number;
  bytes: number;
  directories: number;
  symlinks: number;
  special: number;
  unreadable: number;
}

export const emptyCounts = (): ScanCounts => ({ files: 0, bytes: 0, directories: 0, symlinks: 0, special: 0, unreadable: 0 });

/** Where the findings go. */
export interface ScanSink {
  readonly counts: ScanCounts;
  difference(difference: DirectoryDifference): void;
  subdirectory(path: string): void;
  problem(problem: ScanProblem): void;
  /** The directory is watched, under this number, since before it was listed. `when`: just before it was opened, by `monotonicNanoseconds`. */
  watched?(path: string, watch: number, when: number): void;
  /** The directory cannot be watched. */
  unwatched?(path: string, error: VolumeError): void;
  /** Called now and then while a long listing finds nothing to say. */
  alive?(): void;
}

export interface DirectoryScanOptions {
  /** Each directory is watched before it is listed, so that nothing is missed in between. */
  readonly inotify?: InotifyDescriptor;
  /** Files that are known to be growing are looked at one by one elsewhere: here they go on growing. */
  readonly leaveGrowing?: boolean;
  /** The scan does not come from the root: is a directory above left out? */
  readonly lookAbove?: boolean;
  /** Where nothing is mounted any more, or a link is now, what was there is gone: the operator has looked. */
  readonly acceptLoss?: boolean;
  /** From this many known files on, a directory is compared name by name. */
  readonly largeDirectory?: number;
}

/** Law 5: where nothing is mounted, nothing is proven to be gone. */
export const notMounted = (path: string, root: string): Omit<ScanProblem, "path"> => ({
  code: "not-mounted",
  message: `${printable(path)} is not mounted: something was mounted there when it was listed last; nothing below it is taken as gone, and nothing there is copied. Mount it, or, if it is gone for good: xtelemdb scan accept_loss=${printable(root)}`,
});

/** What is at that path may be what was there, on another disk: it is not followed, and so nothing is proven. */
export const linkNow = (path: string, root: string): Omit<ScanProblem, "path"> => ({
  code: "link",
  message: `${printable(path)} is a symbolic link now, which is not followed: nothing below it is taken as gone, and nothing there is copied. Declare it as a data directory of its own, with those beside it in place of ${printable(root)}, or, if what was there is gone for good: xtelemdb scan accept_loss=${printable(root)}`,
});
