/**
 * The safe copy of DESIGN.md section 6, for a group of files: write every temporary file, make them durable together, give them their names, make the
 * names durable together, look at the results. What fails for one file fails for it alone; a replica that fails as a whole stops the group,
 * and the files that were not tried have no outcome.
 */
import { err, ok, type Result } from "neverthrow";
import type { DirectoryId } from "../inventory/mod.ts";
import { sameEvidence } from "../inventory/mod.ts";
import { type FileStat, printable, randomHex } from "../sys/mod.ts";
import {
  type SourceFile,
  TEMPORARY_HEX_BYTES,
  type TemporaryFile,
  TemporaryNames,
  type Volume,
  type VolumeDirectory,
  type VolumeError,
} from "../volume/mod.ts";
import { type CopyBuffers, copyBytes, isSparse } from "./copy-bytes.ts";
import { COPY_FAILURES, type CopyFailure, failureAtReplica, failureAtSource } from "./copy-failure.ts";
import { type CopyOutcome, type CopyRequest, replicaPathOf } from "./copy-request.ts";
import { type Destination, Destinations } from "./destination.ts";
import { type FileFailure, inspectFinalName, inTheWay, mayPublish, sourceChanged } from "./final-name.ts";
import { OriginFiles } from "./origin-files.ts";
import { openReplica, type ReplicaProblem, replicaProblem } from "./replica-check.ts";
import { Room } from "./room.ts";
import { SpaceBudget } from "./space-budget.ts";
import { Throttle } from "./throttle.ts";

export interface CopyGroup {
  readonly replica: {
    readonly root: string;
    readonly marker: string;
    readonly reserveBytes: number;
    /** A limit that is shared with the other groups of this replica. */
    readonly limit?: { readonly shared: SharedArrayBuffer; readonly bytesPerSecond: number };
  };
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

/** Reports each file that was written, for the progress display. */
export type OnFile = (request: CopyRequest, bytes: number) => void;

/** Copies a group. Never throws for what happens to files, and never leaves an open descriptor. */
export async function copyGroup(group: CopyGroup, buffers: CopyBuffers, onFile: OnFile): Promise<CopyGroupResult> {
  const replica = await openReplica(group.replica.root, group.replica.marker);
  if (replica.isErr()) return { outcomes: [], problem: replica.error, leftovers: [] };
  const copy = new GroupCopy(group, replica.value, buffers, onFile);
  try {
    return await copy.run();
  } finally {
    copy.close();
  }
}

class GroupCopy {
  readonly #outcomes: CopyOutcome[] = [];
  readonly #leftovers = new Set<DirectoryId>();
  readonly #origins = new OriginFiles();
  readonly #destinations: Destinations;
  readonly #names = new TemporaryNames(randomHex(TEMPORARY_HEX_BYTES));
  readonly #throttle: Throttle | undefined;
  #last: { readonly directory: DirectoryId; readonly opened: Result<Destination, VolumeError> } | undefined;
  #current: CopyRequest | undefined;
  #problem: ReplicaProblem | undefined;
  #adoptedAreDurable = false;

  constructor(
    private readonly group: CopyGroup,
    private readonly replica: Volume,
    private readonly buffers: CopyBuffers,
    private readonly onFile: OnFile,
  ) {
    const { limit } = group.replica;
    this.#throttle = limit && new Throttle(limit.shared, limit.bytesPerSecond);
    this.#destinations = new Destinations(
      replica,
      async (path) => this.#current && this.#origins.attributesFor(this.#current, path),
    );
  }

  async run(): Promise<CopyGroupResult> {
    const space = await this.replica.space();
    if (space.isErr()) {
      const { message } = failureAtReplica(space.error);
      return { outcomes: [], problem: replicaProblem("VolumeFailed", message), leftovers: [] };
    }
    const room = new Room(this.replica, new SpaceBudget(space.value, this.group.replica.reserveBytes));
    const staged: Staged[] = [];
    for (const request of this.group.requests) {
      this.#current = request;
      const made = await this.#stage(request, room);
      if (made.isErr()) this.#failed(request, made.error);
      else if (made.value !== "adopted") staged.push(made.value);
      this.#problem ??= room.problem;
      if (this.#problem !== undefined) break;
    }
    if (staged.length > 0) await this.#publishAll(staged);
    const problem = this.#problem === undefined ? {} : { problem: this.#problem };
    return { outcomes: this.#outcomes, leftovers: [...this.#leftovers], ...problem };
  }

  close(): void {
    this.#origins.close();
    this.#destinations.close();
    this.replica.close();
  }

  /** Steps 1 to 5. */
  async #stage(request: CopyRequest, room: Room): Promise<Result<Staged | "adopted", FileFailure>> {
    const directory = this.#origins.current(request) ?? (await this.#origins.directoryOf(request));
    if (directory.isErr()) return err(directory.error);
    const source = await directory.value.openSource(request.name);
    if (source.isErr()) return err(failureAtSource(source.error));
    const staged = await this.#stageOpened(request, source.value, room);
    source.value.close();
    return staged;
  }

  async #stageOpened(request: CopyRequest, source: SourceFile, room: Room): Promise<Result<Staged | "adopted", FileFailure>> {
    if (!sameEvidence(source.stat, request.evidence)) return err(sourceChanged(request, source.stat));
    const opened = this.#destinationOf(request) ?? (await this.#openDestination(request));
    if (opened.isErr()) return err(this.#atReplica(await room.whyNotCreated(failureAtReplica(opened.error))));
    const destination = opened.value;
    if (!destination.fresh) {
      const found = await inspectFinalName(request, source, destination.directory, this.replica.name, this.buffers);
      if (found.isErr()) return err(this.#atReplica(found.error));
      if (found.value.kind === "equal") return this.#adopt(request, found.value.there, found.value.digest);
    }
    const taken = room.take(request, source.stat);
    if (taken.isErr()) return err(taken.error);
    const temporary = this.#names.next();
    const created = await destination.directory.createTemporary(temporary);
    if (created.isErr()) return err(this.#atReplica(await room.whyNotCreated(failureAtReplica(created.error))));
    const written = await this.#write(request, source, created.value);
    created.value.close();
    if (written.isOk()) return ok({ request, destination, temporary, digest: written.value });
    await this.#discard(request, destination.directory, temporary);
    return err(written.error);
  }

  /** That of the file before, most of the time: files come by directory. */
  #destinationOf(request: CopyRequest): Result<Destination, VolumeError> | undefined {
    return this.#last?.directory === request.directory ? this.#last.opened : undefined;
  }

  async #openDestination(request: CopyRequest): Promise<Result<Destination, VolumeError>> {
    const opened = await this.#destinations.at(replicaPathOf(request.host, request.directoryPath));
    if (opened.isOk()) this.#last = { directory: request.directory, opened };
    return opened;
  }

  async #write(request: CopyRequest, source: SourceFile, target: TemporaryFile): Promise<Result<Uint8Array, FileFailure>> {
    const { size } = source.stat;
    if (size >= RESERVE_FROM_BYTES && !isSparse(source.stat)) {
      const reserved = await target.reserve(size);
      if (reserved.isErr()) return err(this.#atReplica(failureAtReplica(reserved.error)));
    }
    const copied = await copyBytes(source, target, this.buffers, this.#throttle);
    if (copied.kind === "source-failed") return err(failureAtSource(copied.error));
    if (copied.kind === "replica-failed") return err(this.#atReplica(failureAtReplica(copied.error)));
    const now = await source.statNow();
    if (now.isErr()) return err(failureAtSource(now.error));
    const { ctimeSeconds, ctimeNanoseconds } = source.stat;
    const untouched = now.value.ctimeSeconds === ctimeSeconds && now.value.ctimeNanoseconds === ctimeNanoseconds;
    if (copied.kind === "source-moved" || !untouched || !sameEvidence(now.value, request.evidence)) {
      return err(sourceChanged(request, now.value));
    }
    const sealed = await target.seal(size, source.stat);
    if (sealed.isErr()) return err(this.#atReplica(failureAtReplica(sealed.error)));
    source.forget(0, size);
    this.onFile(request, size);
    return ok(copied.value);
  }

  /** What is there already equals the source. The run that wrote it may have been killed before it was durable. */
  async #adopt(request: CopyRequest, there: FileStat, digest: Uint8Array): Promise<Result<"adopted", FileFailure>> {
    if (!this.#adoptedAreDurable) {
      const flushed = await this.replica.flush();
      if (flushed.isErr()) return err(failureAtReplica(flushed.error));
      this.#adoptedAreDurable = true;
    }
    this.#stored(request, "adopted", there, digest);
    this.onFile(request, request.evidence.size);
    return ok("adopted");
  }

  /** Durability and publication of everything staged. */
  async #publishAll(staged: readonly Staged[]): Promise<void> {
    const durable = await this.replica.flush();
    if (durable.isErr()) {
      for (const item of staged) await this.#abandon(item, failureAtReplica(durable.error));
      return;
    }
    const published: Staged[] = [];
    for (const item of staged) {
      const done = await this.#publish(item);
      if (done.isOk()) published.push(item);
      else await this.#abandon(item, done.error);
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
    const looked = request.replaces === undefined ? ok("free" as const) : await mayPublish(request, directory, this.replica.name);
    if (looked.isErr()) return err(looked.error);
    if (typeof looked.value !== "string") return err(inTheWay(request, looked.value, this.replica.name));
    const published = await directory.publish(temporary, request.name, looked.value === "replaceable" ? "replace" : "new");
    if (published.isOk()) {
      this.#destinations.changed(destination);
      return ok(undefined);
    }
    if (published.error.reason === "exists") {
      const there = await directory.look(request.name);
      if (there.isOk() && there.value !== undefined) return err(inTheWay(request, there.value, this.replica.name));
    }
    return err(failureAtReplica(published.error));
  }

  /** Step 7: what the replica really has now is what is recorded. */
  async #observe({ request, destination, digest }: Staged): Promise<void> {
    const there = await destination.directory.look(request.name);
    if (there.isErr()) return this.#failed(request, failureAtReplica(there.error));
    if (there.value?.kind === "file" && there.value.size === request.evidence.size) {
      return this.#stored(request, "copied", there.value, digest);
    }
    const path = printable(`${this.replica.name}/${replicaPathOf(request.host, request.directoryPath)}/${request.name}`);
    const found = there.value === undefined ? "it is gone" : `it is a ${there.value.kind} of ${there.value.size} bytes`;
    this.#failed(request, { domain: "replica", reason: "ReplicaFailed", message: `${path} was published, but now ${found}` });
  }

  #stored(request: CopyRequest, how: "copied" | "adopted", there: FileStat, digest: Uint8Array): void {
    const { id, evidence } = request;
    const { mtimeSeconds, mtimeNanoseconds } = there;
    const kept = sameEvidence(there, evidence) ? {} : { kept: { mtimeSeconds, mtimeNanoseconds } };
    this.#outcomes.push({ kind: "stored", id, how, evidence, ...kept, digest: { algorithm: "sha256", bytes: digest } });
  }

  #failed(request: CopyRequest, failure: FileFailure): void {
    const { domain, reason, observed } = failure;
    const message = `${failure.message}; ${COPY_FAILURES[reason].help}`;
    this.#outcomes.push({
      kind: "failed",
      id: request.id,
      domain,
      reason,
      message,
      ...(observed === undefined ? {} : { observed }),
    });
  }

  /** A failure that every other file would meet as well stops the group. */
  #atReplica<Failure extends CopyFailure>(failure: Failure): Failure {
    if (failure.reason === "ReadOnly") this.#problem = replicaProblem("ReadOnly", failure.message);
    return failure;
  }

  async #abandon({ request, destination, temporary }: Staged, failure: CopyFailure): Promise<void> {
    await this.#discard(request, destination.directory, temporary);
    this.#failed(request, this.#atReplica(failure));
  }

  async #discard(request: CopyRequest, directory: VolumeDirectory, temporary: string): Promise<void> {
    const removed = await directory.removeTemporary(temporary);
    if (removed.isErr() && removed.error.reason !== "not-found") this.#leftovers.add(request.directory);
  }
}
