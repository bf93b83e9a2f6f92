/** The origin's side of a group: opens each data directory, and each directory of it, once. */
import { err, type Result } from "neverthrow";
import {
  type DirectoryAttributes,
  localAddress,
  openVolume,
  type Volume,
  type VolumeAddress,
  type VolumeDirectory,
} from "../volume/mod.ts";
import { type CopyFailure, failureAtSource } from "./copy-failure.ts";
import type { CopyRequest } from "./copy-request.ts";
import { type CopyWatch, noted, type SourceDirectory, WatchedDirectory } from "./watched-source.ts";

type Opened<Value> = Result<Value, CopyFailure>;

export class OriginFiles {
  readonly #volumes = new Map<string, Promise<Opened<Volume>>>();
  readonly #directories = new Map<string, Promise<Opened<SourceDirectory>>>();
  #last: { readonly request: CopyRequest; readonly opened: Opened<SourceDirectory> } | undefined;

  /** Hosts to which the way broke: their other files would wait for the same, one after the other. */
  readonly #unreachable = new Set<string>();

  constructor(private readonly watch: CopyWatch) {}

  /** The way to this file's host broke: the rest of what comes from there is not worth trying now. */
  cannotReach({ host }: CopyRequest): void {
    this.#unreachable.add(host);
  }

  /** A copy on this machine does not need the way. */
  isUnreachable({ host, source }: CopyRequest): boolean {
    return source?.kind === "ssh" && this.#unreachable.has(host);
  }

  /** The directory of the requested file, where it is the one that was asked for last: files come by directory. */
  current(request: CopyRequest): Opened<SourceDirectory> | undefined {
    const last = this.#last;
    return last?.request.directory === request.directory && last.request.source?.name === request.source?.name
      ? last.opened
      : undefined;
  }

  /** The directory of the requested file; open until `close`. */
  async directoryOf(request: CopyRequest): Promise<Opened<SourceDirectory>> {
    // A directory of an origin may be read from several replicas.
    const key = `${request.directory} ${request.source?.name ?? ""}`;
    const known = this.#directories.get(key) ?? this.#open(request, request.directoryPath);
    this.#directories.set(key, known);
    const opened = await known;
    this.#last = { request, opened };
    return opened;
  }

  async #open(request: CopyRequest, originPath: string): Promise<Opened<SourceDirectory>> {
    const volume = await this.#volumeOf(request);
    if (volume.isErr()) return err(volume.error);
    const below = originPath.slice(request.dataDirectory.length).replace(/^\//, "");
    const opened = await this.#at(request, () => volume.value.openDirectory(below));
    return opened.map((one) => this.#watched(request, one)).mapErr(failureAtSource);
  }

  #watched(request: CopyRequest, opened: VolumeDirectory): SourceDirectory {
    return addressOf(request).kind === "ssh" ? opened : new WatchedDirectory(opened, request.id, this.watch);
  }

  /** A call for a request's source. */
  #at<Value>(request: CopyRequest, call: () => Value): Value {
    return addressOf(request).kind === "ssh" ? call() : noted(this.watch, request.id, call);
  }

  /** Mode and owner for a new directory at the replica: those of its counterpart; undefined above the data directory, where there is none. */
  async attributesFor(request: CopyRequest, replicaPath: string): Promise<DirectoryAttributes | undefined> {
    const originPath = counterpartOf(request, replicaPath);
    if (originPath.length < request.dataDirectory.length) return undefined;
    const directory = await this.#open(request, originPath);
    if (directory.isErr()) return undefined;
    const stat = await directory.value.attributes();
    directory.value.close();
    if (stat.isErr()) return undefined;
    const { mode, uid, gid } = stat.value;
    // The agent itself must be able to come back.
    return { mode: mode | 0o700, owner: { uid, gid } };
  }

  #volumeOf(request: CopyRequest): Promise<Opened<Volume>> {
    const address = addressOf(request);
    // Two hosts may have one name and differ in their port or options.
    const key = JSON.stringify(address);
    const known = this.#volumes.get(key);
    if (known !== undefined) return known;
    const opened = Promise.resolve(this.#at(request, () => openVolume(address))).then((volume) => volume.mapErr(failureAtSource));
    this.#volumes.set(key, opened);
    return opened;
  }

  async close(): Promise<void> {
    for (const opened of [...this.#directories.values(), ...this.#volumes.values()]) {
      const one = await opened;
      if (one.isOk()) one.value.close();
    }
  }
}

/** The origin path of a folder on the way to where the file goes. */
function counterpartOf({ into, host, directoryPath }: CopyRequest, path: string): string {
  if (into === undefined) return path.slice(host.length);
  // As many names above the file's own directory there as here.
  const names = directoryPath.split("/");
  const above = into.split("/").length - path.split("/").length;
  return names.slice(0, Math.max(1, names.length - above)).join("/");
}

const addressOf = (request: CopyRequest): VolumeAddress => request.source ?? localAddress(request.dataDirectory);
