/** The origin's side of a group: opens each data directory once, and one directory of it at a time. */
import { err, type Result } from "neverthrow";
import { type DirectoryAttributes, openLocalVolume, type Volume, type VolumeDirectory } from "../volume/mod.ts";
import { type CopyFailure, failureAtSource } from "./copy-failure.ts";
import type { CopyRequest } from "./copy-request.ts";

export class OriginFiles {
  readonly #volumes = new Map<string, Result<Volume, CopyFailure>>();
  #directory: { readonly path: string; readonly opened: Result<VolumeDirectory, CopyFailure> } | undefined;

  /** The directory of the requested file, where it is the one that was asked for last. */
  current(request: CopyRequest): Result<VolumeDirectory, CopyFailure> | undefined {
    return this.#directory?.path === request.directoryPath ? this.#directory.opened : undefined;
  }

  /** The directory of the requested file; open until another one is asked for. */
  async directoryOf(request: CopyRequest): Promise<Result<VolumeDirectory, CopyFailure>> {
    const current = this.current(request);
    if (current !== undefined) return current;
    this.#closeDirectory();
    const volume = this.#volumeOf(request);
    const opened = volume.isErr()
      ? err(volume.error)
      : (await volume.value.openDirectory(belowDataDirectory(request, request.directoryPath))).mapErr(failureAtSource);
    this.#directory = { path: request.directoryPath, opened };
    return opened;
  }

  /** Mode and owner for a new directory at the replica: those of its counterpart; undefined above the data directory, where there is none. */
  async attributesFor(request: CopyRequest, replicaPath: string): Promise<DirectoryAttributes | undefined> {
    const originPath = replicaPath.slice(request.host.length);
    if (originPath.length < request.dataDirectory.length) return undefined;
    const volume = this.#volumeOf(request);
    if (volume.isErr()) return undefined;
    const directory = await volume.value.openDirectory(belowDataDirectory(request, originPath));
    if (directory.isErr()) return undefined;
    const stat = await directory.value.attributes();
    directory.value.close();
    if (stat.isErr()) return undefined;
    const { mode, uid, gid } = stat.value;
    // The agent itself must be able to come back.
    return { mode: mode | 0o700, owner: { uid, gid } };
  }

  #volumeOf(request: CopyRequest): Result<Volume, CopyFailure> {
    const known = this.#volumes.get(request.dataDirectory);
    if (known !== undefined) return known;
    const opened = openLocalVolume(request.dataDirectory).mapErr(failureAtSource);
    this.#volumes.set(request.dataDirectory, opened);
    return opened;
  }

  #closeDirectory(): void {
    if (this.#directory?.opened.isOk()) this.#directory.opened.value.close();
    this.#directory = undefined;
  }

  close(): void {
    this.#closeDirectory();
    for (const volume of this.#volumes.values()) if (volume.isOk()) volume.value.close();
    this.#volumes.clear();
  }
}

const belowDataDirectory = (request: CopyRequest, originPath: string): string =>
  originPath.slice(request.dataDirectory.length).replace(/^\//, "");
