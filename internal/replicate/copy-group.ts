/**
 * The safe copy of DESIGN.md section 6, for a group of files: write every temporary file, make them durable together, give them their names, make the
 * names durable together, look at the results. What fails for one file fails for it alone; a replica that fails as a whole stops the group,
 * and the files that were not tried have no outcome.
 */
import { err, ok, type Result } from "neverthrow";
import type { DirectoryId, Evidence } from "../inventory/mod.ts";
import { sameEvidence } from "../inventory/mod.ts";
import { type FileStat, printable, randomHex } from "../sys/mod.ts";
import {
  type DirectoryAttributes,
  openLocalVolume,
  type SourceFile,
  TEMPORARY_NAME_BYTES,
  type TemporaryFile,
  temporaryName,
  type Volume,
  type VolumeDirectory,
} from "../volume/mod.ts";
import { type CopyBuffers, copyBytes, isSparse, sameContents } from "./copy-bytes.ts";
import { COPY_FAILURES, type CopyFailure, failureAtReplica, failureAtSource } from "./copy-failure.ts";
import { type CopyOutcome, type CopyRequest, replicaPathOf } from "./copy-request.ts";
import { type Destination, Destinations } from "./destination.ts";
import { openReplica, type ReplicaProblem, replicaProblem } from "./replica-check.ts";
import { SpaceBudget } from "./space-budget.ts";

export interface CopyGroup {
  readonly replica: { readonly root: string; readonly marker: string; readonly reserveBytes: number };
  readonly requests: readonly CopyRequest[];
}

export interface CopyGroupResult {
  readonly outcomes: readonly CopyOutcome[];
  /** The replica failed as a whole: requests without an outcome were not tried. */
  readonly problem?: ReplicaProblem;
  /** Directories in which a temporary file could not be removed. */
  readonly leftovers: readonly DirectoryId[];
}

/** Space for a file is reserved before it is written from this size on. */
const RESERVE_FROM_BYTES = 1 << 20;

/** A file that is written, but not yet durable, and not yet under its final name. */
interface Staged {
  readonly request: CopyRequest;
  readonly destination: Destination;
  readonly temporary: string;
  readonly digest: Uint8Array;
}

/** Reports what is being done, for the progress display and the watchdog. `bytes`: copied of this file so far or at its end. */
export type OnFile = (request: CopyRequest, bytes: number) => void;

export async function copyGroup(group: CopyGroup, buffers: CopyBuffers, onFile: OnFile): Promise<CopyGroupResult> {
  const replica = await openReplica(group.replica.root, group.replica.marker);
  if (replica.isErr()) return { outcomes: [], problem: replica.error, leftovers: [] };
  const copy = new GroupCopy(group, replica.value, buffers, onFile);
  const result = await copy.run();
  copy.close();
  return result;
}

class GroupCopy {
  readonly #outcomes: CopyOutcome[] = [];
  readonly #leftovers = new Set<DirectoryId>();
  readonly #sources = new Map<string, Result<Volume, CopyFailure>>();
  readonly #destinations: Destinations;
  #sourceDirectory: { readonly path: string; readonly opened: Result<VolumeDirectory, CopyFailure> } | undefined;
  #current: CopyRequest | undefined;
  #problem: ReplicaProblem | undefined;

  constructor(
    private readonly group: CopyGroup,
    private readonly replica: Volume,
    private readonly buffers: CopyBuffers,
    private readonly onFile: OnFile,
  ) {
    this.#destinations = new Destinations(replica, (path) => this.#attributesFor(path));
  }

  async run(): Promise<CopyGroupResult> {
    const space = await this.replica.space();
    if (space.isErr()) {
      const { message } = failureAtReplica(space.error);
      return { outcomes: [], problem: replicaProblem("VolumeFailed", message), leftovers: [] };
    }
    const budget = new SpaceBudget(space.value, this.group.replica.reserveBytes);
    const staged: Staged[] = [];
    for (const request of this.group.requests) {
      this.#current = request;
      const made = await this.#stage(request, budget);
      if (made.isOk()) staged.push(...made.value);
      else this.#failed(request, made.error);
      if (this.#problem !== undefined) break;
    }
    await this.#publishAll(staged);
    return {
      outcomes: this.#outcomes,
      leftovers: [...this.#leftovers],
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  /** Steps 1 to 5. Nothing staged and no error: the outcome is there already (adopted). */
  async #stage(request: CopyRequest, budget: SpaceBudget): Promise<Result<Staged[], CopyFailure & { observed?: Evidence }>> {
    const directory = await this.#sourceDirectoryOf(request);
    if (directory.isErr()) return err(directory.error);
    const source = await directory.value.openSource(request.name);
    if (source.isErr()) return err(failureAtSource(source.error));
    const staged = await this.#stageOpened(request, source.value, budget);
    source.value.close();
    return staged;
  }

  async #stageOpened(
    request: CopyRequest,
    source: SourceFile,
    budget: SpaceBudget,
  ): Promise<Result<Staged[], CopyFailure & { observed?: Evidence }>> {
    if (!sameEvidence(source.stat, request.evidence)) return err(sourceChanged(request, source.stat));
    const path = replicaPathOf(request.host, request.directoryPath);
    const destination = await this.#destinations.at(path);
    if (destination.isErr()) return err(this.#atReplica(failureAtReplica(destination.error)));
    if (!destination.value.fresh) {
      const way = await this.#clearTheWay(request, source, destination.value.directory);
      if (way.isErr()) return err(way.error);
      if (way.value === "adopted") return ok([]);
    }
    const needed = isSparse(source.stat) ? source.stat.blocks * 512 : source.stat.size;
    const refused = budget.take(needed);
    if (refused !== undefined) {
      const failure = noRoom(this.replica.name, request, refused, needed, budget);
      if (budget.exhausted) this.#problem = replicaProblem(refused, failure.message);
      return err(failure);
    }
    const temporary = temporaryName(randomHex(TEMPORARY_NAME_BYTES));
    const created = await destination.value.directory.createTemporary(temporary);
    if (created.isErr()) return err(this.#atReplica(failureAtReplica(created.error)));
    const written = await this.#write(request, source, created.value);
    created.value.close();
    if (written.isOk()) return ok([{ request, destination: destination.value, temporary, digest: written.value }]);
    await this.#discard(request, destination.value.directory, temporary);
    return err(written.error);
  }

  async #write(
    request: CopyRequest,
    source: SourceFile,
    target: TemporaryFile,
  ): Promise<Result<Uint8Array, CopyFailure & { observed?: Evidence }>> {
    const { size } = source.stat;
    if (size >= RESERVE_FROM_BYTES && !isSparse(source.stat)) {
      const reserved = await target.reserve(size);
      if (reserved.isErr()) return err(this.#atReplica(failureAtReplica(reserved.error)));
    }
    const copied = await copyBytes(source, target, this.buffers);
    if (copied.kind === "source-failed") return err(failureAtSource(copied.error));
    if (copied.kind === "replica-failed") return err(this.#atReplica(failureAtReplica(copied.error)));
    const now = await source.statNow();
    if (now.isErr()) return err(failureAtSource(now.error));
    const { ctimeSeconds, ctimeNanoseconds } = source.stat;
    const still = now.value.ctimeSeconds === ctimeSeconds && now.value.ctimeNanoseconds === ctimeNanoseconds;
    if (copied.kind === "source-moved" || !still || !sameEvidence(now.value, request.evidence)) {
      return err(sourceChanged(request, now.value));
    }
    const sealed = await target.seal(size, source.stat);
    if (sealed.isErr()) return err(this.#atReplica(failureAtReplica(sealed.error)));
    source.forget(0, size);
    this.onFile(request, size);
    return ok(copied.value);
  }

  /**
   * Step 6, before the work: whether something stands under the final name that may not be replaced. What is there already and equals the source (a
   * run that was killed after the rename) is adopted.
   */
  async #clearTheWay(
    request: CopyRequest,
    source: SourceFile,
    directory: VolumeDirectory,
  ): Promise<Result<"free" | "adopted", CopyFailure & { observed?: Evidence }>> {
    const there = await directory.look(request.name);
    if (there.isErr()) return err(this.#atReplica(failureAtReplica(there.error)));
    if (there.value === undefined) return ok("free");
    if (request.replaces !== undefined && there.value.kind === "file" && sameEvidence(there.value, request.replaces)) return ok("free");
    if (there.value.kind !== "file" || !couldBeCopyOf(there.value, source.stat)) return err(this.#inTheWay(request, there.value));
    const copy = await directory.openSource(request.name);
    if (copy.isErr()) return err(this.#atReplica(failureAtReplica(copy.error)));
    const same = await sameContents(source, copy.value, this.buffers);
    copy.value.close();
    if (same.isErr()) {
      const { error } = same;
      if (error.kind === "source-failed") return err(failureAtSource(error.error));
      if (error.kind === "replica-failed") return err(failureAtReplica(error.error));
      return err(sourceChanged(request, source.stat));
    }
    if (same.value === undefined) return err(this.#inTheWay(request, there.value));
    const flushed = await this.#flushAdopted(directory, request);
    if (flushed.isErr()) return err(flushed.error);
    this.#stored(request, "adopted", there.value, same.value);
    return ok("adopted");
  }

  /** The run that wrote it may have been killed before it was durable. */
  async #flushAdopted(directory: VolumeDirectory, request: CopyRequest): Promise<Result<undefined, CopyFailure>> {
    if (this.#adoptedFlushed) return ok(undefined);
    const flushed = await this.replica.flush();
    if (flushed.isErr()) return err(this.#atReplica(failureAtReplica(flushed.error)));
    this.#destinations.changed(replicaPathOf(request.host, request.directoryPath), directory);
    this.#adoptedFlushed = true;
    return ok(undefined);
  }
  #adoptedFlushed = false;

  #inTheWay(request: CopyRequest, there: FileStat): CopyFailure {
    const path = printable(`${this.replica.name}/${this.#finalPath(request)}`);
    const reason = request.replaces === undefined ? "UnknownFileInTheWay" : "EditedAtReplica";
    const what = there.kind === "file" ? `a file of ${there.size} bytes` : `a ${there.kind}`;
    const message =
      reason === "EditedAtReplica"
        ? `${path} is not what was copied there (now ${what}): somebody changed it`
        : `${path} is ${what} that xtelemdb did not put there, and not a copy of the origin`;
    return { domain: "replica", reason, message };
  }

  /** Durability and publication of everything staged. */
  async #publishAll(staged: readonly Staged[]): Promise<void> {
    if (staged.length === 0) {
      const flushed = await this.#destinations.flush();
      if (flushed.isErr()) this.#problem ??= replicaProblem("VolumeFailed", failureAtReplica(flushed.error).message);
      return;
    }
    const durable = await this.replica.flush();
    if (durable.isErr()) return this.#discardAll(staged, failureAtReplica(durable.error));
    const published: Staged[] = [];
    for (const item of staged) {
      const done = await this.#publish(item);
      if (done.isOk()) published.push(item);
      else {
        await this.#discard(item.request, item.destination.directory, item.temporary);
        this.#failed(item.request, done.error);
      }
    }
    const named = await this.#destinations.flush();
    if (named.isErr()) {
      // The names may or may not survive: nothing is recorded, and the next run adopts what did.
      for (const { request } of published) this.#failed(request, failureAtReplica(named.error));
      return;
    }
    for (const item of published) await this.#observe(item);
  }

  /** Step 6 and the rename: replaces only what the inventory knows. */
  async #publish({ request, destination, temporary }: Staged): Promise<Result<undefined, CopyFailure>> {
    const { directory } = destination;
    let how: "new" | "replace" = "new";
    if (request.replaces !== undefined) {
      const there = await directory.look(request.name);
      if (there.isErr()) return err(failureAtReplica(there.error));
      if (there.value !== undefined) {
        if (there.value.kind !== "file" || !sameEvidence(there.value, request.replaces)) return err(this.#inTheWay(request, there.value));
        how = "replace";
      }
    }
    const published = await directory.publish(temporary, request.name, how);
    if (published.isErr()) {
      if (published.error.reason !== "exists") return err(failureAtReplica(published.error));
      const there = await directory.look(request.name);
      if (there.isOk() && there.value !== undefined) return err(this.#inTheWay(request, there.value));
      return err(failureAtReplica(published.error));
    }
    this.#destinations.changed(replicaPathOf(request.host, request.directoryPath), directory);
    return ok(undefined);
  }

  /** Step 7: what the replica really has now is what is recorded. */
  async #observe({ request, destination, digest }: Staged): Promise<void> {
    const there = await destination.directory.look(request.name);
    if (there.isErr()) return this.#failed(request, failureAtReplica(there.error));
    if (there.value?.kind !== "file" || there.value.size !== request.evidence.size) {
      const path = printable(`${this.replica.name}/${this.#finalPath(request)}`);
      const found = there.value === undefined ? "it is gone" : `it is a ${there.value.kind} of ${there.value.size} bytes`;
      return this.#failed(request, { domain: "replica", reason: "ReplicaFailed", message: `${path} was published, but now ${found}` });
    }
    this.#stored(request, "copied", there.value, digest);
  }

  #stored(request: CopyRequest, how: "copied" | "adopted", there: FileStat, digest: Uint8Array): void {
    const { mtimeSeconds, mtimeNanoseconds } = there;
    const kept = sameEvidence(there, request.evidence) ? {} : { kept: { mtimeSeconds, mtimeNanoseconds } };
    this.#outcomes.push({
      kind: "stored",
      id: request.id,
      how,
      evidence: request.evidence,
      ...kept,
      digest: { algorithm: "sha256", bytes: digest },
    });
  }

  #failed(request: CopyRequest, failure: CopyFailure & { observed?: Evidence }): void {
    const { domain, reason, observed } = failure;
    const message = `${failure.message}; ${COPY_FAILURES[reason].help}`;
    this.#outcomes.push({ kind: "failed", id: request.id, domain, reason, message, ...(observed === undefined ? {} : { observed }) });
  }

  /** A failure that every other file would meet as well stops the group. */
  #atReplica(failure: CopyFailure): CopyFailure {
    if (failure.reason === "ReadOnly") this.#problem = replicaProblem("ReadOnly", failure.message);
    return failure;
  }

  async #discard(request: CopyRequest, directory: VolumeDirectory, temporary: string): Promise<void> {
    const removed = await directory.removeTemporary(temporary);
    if (removed.isErr() && removed.error.reason !== "not-found") this.#leftovers.add(request.directory);
  }

  async #discardAll(staged: readonly Staged[], failure: CopyFailure): Promise<void> {
    for (const { request, destination, temporary } of staged) {
      await this.#discard(request, destination.directory, temporary);
      this.#failed(request, failure);
    }
  }

  #finalPath(request: CopyRequest): string {
    return `${replicaPathOf(request.host, request.directoryPath)}/${request.name}`;
  }

  #sourceVolume(request: CopyRequest): Result<Volume, CopyFailure> {
    const known = this.#sources.get(request.dataDirectory);
    if (known !== undefined) return known;
    const opened = openLocalVolume(request.dataDirectory).mapErr(failureAtSource);
    this.#sources.set(request.dataDirectory, opened);
    return opened;
  }

  async #sourceDirectoryOf(request: CopyRequest): Promise<Result<VolumeDirectory, CopyFailure>> {
    if (this.#sourceDirectory?.path === request.directoryPath) return this.#sourceDirectory.opened;
    this.#closeSourceDirectory();
    const volume = this.#sourceVolume(request);
    const opened = volume.isErr()
      ? err(volume.error)
      : (await volume.value.openDirectory(belowDataDirectory(request, request.directoryPath))).mapErr(failureAtSource);
    this.#sourceDirectory = { path: request.directoryPath, opened };
    return opened;
  }

  #closeSourceDirectory(): void {
    if (this.#sourceDirectory?.opened.isOk()) this.#sourceDirectory.opened.value.close();
    this.#sourceDirectory = undefined;
  }

  /** A directory of the replica takes mode and owner of its counterpart at the origin; those above the data directory have none. */
  async #attributesFor(replicaPath: string): Promise<DirectoryAttributes | undefined> {
    const request = this.#current;
    if (request === undefined) return undefined;
    const originPath = replicaPath.slice(request.host.length);
    if (originPath.length < request.dataDirectory.length) return undefined;
    const volume = this.#sourceVolume(request);
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

  close(): void {
    this.#closeSourceDirectory();
    for (const volume of this.#sources.values()) if (volume.isOk()) volume.value.close();
    this.#destinations.close();
    this.replica.close();
  }
}

const belowDataDirectory = (request: CopyRequest, originPath: string): string =>
  originPath.slice(request.dataDirectory.length).replace(/^\//, "");

/** Same size, and a modification time that a coarser file system (2 s on FAT) could have made of the source's. */
const couldBeCopyOf = (there: FileStat, source: FileStat): boolean =>
  there.size === source.size && Math.abs(there.mtimeSeconds - source.mtimeSeconds) <= 2;

const sourceChanged = (request: CopyRequest, now: FileStat): CopyFailure & { observed: Evidence } => ({
  domain: "source",
  reason: "SourceChanged",
  message: `${printable(`${request.directoryPath}/${request.name}`)} changed after it was scanned`,
  observed: { size: now.size, mtimeSeconds: now.mtimeSeconds, mtimeNanoseconds: now.mtimeNanoseconds },
});

function noRoom(root: string, request: CopyRequest, reason: "NoSpace" | "NoInodes", needed: number, budget: SpaceBudget): CopyFailure {
  const path = printable(`${request.directoryPath}/${request.name}`);
  const message =
    reason === "NoInodes"
      ? `${printable(root)} has no free inodes for ${path}`
      : `${path} needs ${needed} bytes, but ${printable(root)} has ${Math.max(0, budget.freeBytes)} bytes to spare`;
  return { domain: "replica", reason, message };
}
