/** A tree of files on this machine, through system calls that block the thread: only workers use it. */
import { err, ok, type Result } from "neverthrow";
import {
  changesElsewhere,
  close,
  type FileDescriptor,
  isRotating,
  machineId,
  makeupOf,
  mountedUnflushed,
  openDirectoryBelow,
  openRootDirectory,
  type Space,
  showsSpaceAtOnce,
  space,
  statDescriptor,
  syncFileSystem,
  syncsWhole,
} from "../../sys/mod.ts";
import { THIS_MACHINE } from "../this-machine.ts";
import type { Fate, Volume } from "../volume.ts";
import { type VolumeError, volumeError } from "../volume-error.ts";
import { LocalDirectory } from "./local-directory.ts";

/** Opens the root, following symbolic links: the operator named it. Never makes it. */
export function openLocalVolume(root: string): Result<Volume, VolumeError> {
  const opened = openRootDirectory(root);
  if (opened.isErr()) return err(volumeError("open", root, opened.error));
  const stat = statDescriptor(opened.value);
  if (stat.isErr()) {
    close(opened.value);
    return err(volumeError("open", root, stat.error));
  }
  return ok(new LocalVolume(root, stat.value.device, opened.value));
}

class LocalVolume implements Volume {
  readonly filesInFlight = 1;
  readonly flushesWhole: boolean;
  readonly showsSpaceAtOnce: boolean;
  #closed = false;

  constructor(
    readonly name: string,
    private readonly deviceNumber: number,
    private readonly root: FileDescriptor,
  ) {
    this.flushesWhole = syncsWhole(root);
    this.showsSpaceAtOnce = showsSpaceAtOnce(root);
  }

  get weaknesses(): readonly string[] {
    const option = mountedUnflushed(this.root);
    const unflushed = `it is mounted with "${option}", so that flushes do not reach the disk: a power cut can lose copies that are recorded`;
    return [
      ...(option === undefined ? [] : [unflushed]),
      ...(makeupOf(this.root, this.deviceNumber).inMemory ? ["it is in memory: gone with the next boot"] : []),
    ];
  }

  get device(): string {
    return String(this.deviceNumber);
  }

  get rotating(): boolean {
    return isRotating(this.deviceNumber);
  }

  get changesElsewhere(): string | undefined {
    return changesElsewhere(this.root);
  }

  /** The subvolumes of a btrfs have device numbers of their own, and one number that all share. */
  readonly #isOfRoot = (directory: FileDescriptor): boolean => {
    const stat = statDescriptor(directory);
    if (stat.isErr() || stat.value.device === this.deviceNumber) return true;
    const ofRoot = new Set(makeupOf(this.root, this.deviceNumber).parts.filter((part) => part.startsWith("btrfs ")));
    return makeupOf(directory, stat.value.device).parts.some((part) => ofRoot.has(part));
  };

  openDirectory(path: string): Result<LocalDirectory, VolumeError> {
    const whole = path === "" ? this.name : `${this.name}/${path}`;
    return openDirectoryBelow(this.root, path)
      .map((descriptor) => new LocalDirectory(path, whole, descriptor, this.flushesWhole, this.#isOfRoot))
      .mapErr((error) => volumeError("open", whole, error));
  }

  space(): Result<Space, VolumeError> {
    return space(this.root).mapErr((error) => volumeError("ask the free space of", this.name, error));
  }

  fate(): Fate {
    const { fileSystem } = space(this.root).unwrapOr<{ readonly fileSystem?: string }>({});
    const number = fileSystem === undefined ? {} : { fileSystem };
    return { machine: machineId() || THIS_MACHINE, ...number, ...makeupOf(this.root, this.deviceNumber) };
  }

  flush(): Result<undefined, VolumeError> {
    if (!this.flushesWhole) {
      const words = "flush each file";
      return err({ kind: "volume", reason: "unsupported", operation: "flush", path: this.name, code: "", words });
    }
    return syncFileSystem(this.root).mapErr((error) => volumeError("flush", this.name, error));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.root);
  }
}
