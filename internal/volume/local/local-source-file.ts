/** A file of a local volume, open for reading. */
import { err, ok, type Result } from "neverthrow";
import {
  cachedBytes,
  close,
  type FileDescriptor,
  type FileStat,
  forgetCached,
  type IoBuffer,
  nextData,
  nextHole,
  probeWriters,
  readInto,
  statDescriptor,
  syncFile,
  type Writers,
} from "../../sys/mod.ts";
import type { SourceFile } from "../volume.ts";
import { type VolumeError, volumeError } from "../volume-error.ts";

/** Smaller files stay in the cache: to drop one costs as much as to copy it. */
const FORGET_FROM_BYTES = 1 << 20;

export class LocalSourceFile implements SourceFile {
  #closed = false;
  /** Somebody else's pages are not ours to drop: known before the first read, from the size on at which they would be dropped. */
  readonly #cachedByOthers: boolean;

  constructor(
    private readonly path: string,
    private readonly descriptor: FileDescriptor,
    readonly stat: FileStat,
  ) {
    const asked = stat.size < FORGET_FROM_BYTES ? undefined : cachedBytes(descriptor, stat.size);
    this.#cachedByOthers = asked === undefined || asked > stat.size / 2;
  }

  read(buffer: IoBuffer, length: number, position: number): Result<number, VolumeError> {
    const read = readInto(this.descriptor, buffer, length, position);
    return read.isOk() ? ok(read.value) : err(volumeError("read", this.path, read.error));
  }

  nextData(position: number): Result<{ start: number; end: number } | undefined, VolumeError> {
    const start = nextData(this.descriptor, position);
    if (start.isErr()) {
      // lseek(2): ENXIO is "no data after this"; EINVAL is a file system that knows no holes.
      if (start.error.code === "ENXIO") return ok(undefined);
      if (start.error.code === "EINVAL" || start.error.code === "EOPNOTSUPP") return ok({ start: position, end: this.stat.size });
      return err(volumeError("read", this.path, start.error));
    }
    return nextHole(this.descriptor, start.value)
      .map((end) => ({ start: start.value, end }))
      .mapErr((error) => volumeError("read", this.path, error));
  }

  forget(from: number, length: number): void {
    if (!this.#cachedByOthers) forgetCached(this.descriptor, from, length);
  }

  uncache(from: number, length: number): void {
    forgetCached(this.descriptor, from, length);
  }

  writers(): Writers {
    return probeWriters(this.descriptor);
  }

  statNow(): Result<FileStat, VolumeError> {
    const stat = statDescriptor(this.descriptor);
    return stat.isOk() ? ok(stat.value) : err(volumeError("look at", this.path, stat.error));
  }

  sync(): Result<undefined, VolumeError> {
    return syncFile(this.descriptor).mapErr((error) => volumeError("flush", this.path, error));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.descriptor);
  }
}
