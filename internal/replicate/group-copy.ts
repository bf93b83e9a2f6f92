/**
 * The safe copy of DESIGN.md section 6, for a group of files: write every temporary file, make them durable together, give them their names, make the names durable
 * together, look at the results. What fails for one file fails for it alone; a replica that fails as a whole stops the group: what was not tried has no outcome.
 */
import { err, ok, type Result } from "neverthrow";
import type { DirectoryId } from "../inventory/mod.ts";
import { type FileStat, randomHex } from "../sys/mod.ts";
import { type SourceFile, TEMPORARY_HEX_BYTES, TemporaryNames, type Volume, type VolumeError } from "../volume/mod.ts";
import { beginCopy, mayContinue, setApart } from "./begin-copy.ts";
import type { CopyBuffers } from "./copy-bytes.ts";
import { type CopyFailure, failureAtReplica, failureAtSource } from "./copy-failure.ts";
import { failedOutcome, type Staged, storedOutcome } from "./copy-outcome.ts";
import { type CopyGroupResult, type CopyLimits, type CopyOutcome, type CopyRequest, destinationPathOf } from "./copy-request.ts";
import { type Destination, Destinations } from "./destination.ts";
import { afterInspection, inspectFinalName } from "./final-name.ts";
import { bytesInFlight, forEachInFlight, limitsOf } from "./in-flight.ts";
import { asOpened, type FileFailure } from "./opened-source.ts";
import { OriginFiles } from "./origin-files.ts";
import { mustBeOwn, OwnNames } from "./own-names.ts";
import { observeCopy, publishCopy } from "./publish-copy.ts";
import { Room } from "./room.ts";
import { goneProblem, type ReplicaProblem, replicaProblem, transportProblem } from "./root-problem.ts";
import { Throttle } from "./throttle.ts";
import { UnrecordedFiles } from "./unrecorded-files.ts";
import type { CopyWatch } from "./watched-source.ts";
import { type OnProgress, writeCopy } from "./write-copy.ts";

/** Files whose bytes are fetched from another host at a time. */
const FILES_FROM_AFAR = 256;

export class GroupCopy {
  readonly #outcomes: CopyOutcome[] = [];
  readonly #leftovers = new Set<DirectoryId>();
  readonly #origins: OriginFiles;
  readonly #destinations: Destinations;
  readonly #names = new TemporaryNames(randomHex(TEMPORARY_HEX_BYTES));
  readonly #throttle: Throttle | undefined;
  #last: { readonly directory: DirectoryId; readonly opened: Result<Destination, VolumeError> } | undefined;
  readonly #discarded = new Map<DirectoryId, Destination>();
  readonly #published = new UnrecordedFiles();
  readonly #ownNames: OwnNames;
  readonly #filesInFlight: number;
  #problem: ReplicaProblem | undefined;
  #adoptedAreDurable = false;

  constructor(
    private readonly requests: readonly CopyRequest[],
    private readonly limits: CopyLimits,
    private readonly replica: Volume,
    private readonly buffers: CopyBuffers,
    private readonly onProgress: OnProgress,
    private readonly watch: CopyWatch,
  ) {
    this.#origins = new OriginFiles(watch);
    this.#throttle = limits.limit && new Throttle(limits.limit.shared, limits.limit.bytesPerSecond);
    this.#destinations = new Destinations(replica, limits.mountsBelow);
    this.#ownNames = new OwnNames(replica);
    const remoteOrigin = requests.some(({ source }) => source?.kind === "ssh");
    this.#filesInFlight = Math.max(replica.filesInFlight, remoteOrigin ? FILES_FROM_AFAR : 1);
  }

  async run(): Promise<CopyGroupResult> {
    const measured = await Room.measure(this.replica, this.limits);
    if (measured.isErr()) {
      const { message } = this.#atReplica(failureAtReplica(measured.error));
      return { outcomes: [], problem: this.#problem ?? replicaProblem("VolumeFailed", message), leftovers: [] };
    }
    const room = measured.value;
    if (this.#filesInFlight > 1) this.#openDestinations();
    const staged: Staged[] = [];
    await forEachInFlight(this.requests, limitsOf(this.#filesInFlight), bytesInFlight, async (request) => {
      if (this.watch.isStopped()) return "stop";
      if (this.#origins.isUnreachable(request)) return "go on";
      const made = await this.#stage(request, room);
      if (made.isErr()) await this.#failed(request, made.error);
      else if (made.value !== "adopted") {
        if (made.value.destination.flushesWhole) staged.push(made.value);
        else await this.#publishAndLook(made.value);
      }
      this.#problem ??= room.problem;
      return this.#problem === undefined ? "go on" : "stop";
    });
    if (staged.length > 0) await this.#publishAll(staged);
    await this.#recordPublished();
    await this.#flushDiscarded();
    room.close();
    const problem = this.#problem === undefined ? {} : { problem: this.#problem };
    return { outcomes: this.#outcomes, leftovers: [...this.#leftovers], ...problem };
  }

  async close(): Promise<void> {
    // In this order: a directory that is still being made asks its origin for its mode.
    await this.#destinations.close();
    await this.#origins.close();
    this.replica.close();
  }

  /** Steps 1 to 5. */
  async #stage(request: CopyRequest, room: Room): Promise<Result<Staged | "adopted", FileFailure>> {
    const directory = this.#origins.current(request) ?? (await this.#origins.directoryOf(request));
    if (directory.isErr()) return err(directory.error);
    const source = await directory.value.openSource(request.name);
    if (source.isErr()) return err(failureAtSource(source.error));
    const shared = this.#filesInFlight === 1;
    const buffers = shared ? this.buffers : this.buffers.take(source.value.stat.size);
    const now = asOpened(request, source.value);
    const staged = now.isErr() ? err(now.error) : await this.#stageOpened(now.value, source.value, room, buffers);
    source.value.close();
    if (!shared) this.buffers.giveBack(buffers);
    return staged;
  }

  async #stageOpened(
    asked: CopyRequest,
    source: SourceFile,
    room: Room,
    buffers: CopyBuffers,
  ): Promise<Result<Staged | "adopted", FileFailure>> {
    let request = asked;
    const opened = this.#destinationOf(request) ?? (await this.#openDestination(request));
    if (opened.isErr()) return err(this.#atReplica(await room.whyNotCreated(failureAtReplica(opened.error))));
    const destination = opened.value;
    if (!destination.fresh) {
      const [{ flushesWhole }, { name }] = [destination, this.replica];
      const alive = (): void => this.onProgress(asked, 0, 0);
      const found = await inspectFinalName(request, source, destination.directory, name, buffers, !flushesWhole, alive);
      const taken = found.isErr() ? found.error.domain === "replica" : found.value.kind !== "free";
      const own = taken ? await mustBeOwn(request, destination.directory, this.#ownNames, name) : ok(undefined);
      if (own.isErr()) return err(this.#atReplica(own.error));
      if (found.isErr()) return err(this.#atReplica(found.error));
      if (found.value.kind === "equal") return this.#adopt(request, destination, found.value.there, found.value.digest);
      request = afterInspection(request, found.value);
    }
    const continues = mayContinue(destination.directory, source, request);
    const taken = continues ? ok(undefined) : room.take(request, source.stat);
    if (taken.isErr()) return err(taken.error);
    const begun = await beginCopy(destination.directory, request, source, buffers, () => this.#names.next());
    if (begun.isErr()) return err(this.#atReplica(await room.whyNotCreated(begun.error)));
    const { file, from, took } = begun.value;
    const left = source.stat.size - took;
    // What an earlier run has written of it is in its place already.
    const fits = continues ? room.take(request, { ...source.stat, size: left, blocks: Math.ceil(left / 512) }) : taken;
    if (fits.isErr()) {
      file.close();
      if (from > 0) this.#leftovers.add(request.directory);
      else await this.#discard(request, destination, file.name);
      return err(fits.error);
    }
    const written = await writeCopy(request, source, file, {
      from,
      buffers,
      throttle: this.#throttle,
      flush: !destination.flushesWhole,
      onProgress: this.onProgress,
      onTaken: () => fits.value && room.written(fits.value),
    });
    file.close();
    const apart = written.isOk() ? await setApart(destination.directory, file, written.value) : err(written.error);
    if (apart.isOk()) return ok({ request, destination, ...apart.value });
    if (written.isOk()) this.#leftovers.add(request.directory);
    else if (written.error.transport === undefined) await this.#discard(request, destination, file.name);
    return err(this.#atReplica(apart.error));
  }

  /** That of the file before, most of the time: files come by directory. */
  #destinationOf(request: CopyRequest): Result<Destination, VolumeError> | undefined {
    return this.#last?.directory === request.directory ? this.#last.opened : undefined;
  }

  /** Where the way is long, the directories are on their way before their files are. */
  #openDestinations(): void {
    const first = new Map(this.requests.map((request) => [request.directory, request]));
    for (const request of first.values()) void this.#openDestination(request);
  }

  async #openDestination(request: CopyRequest): Promise<Result<Destination, VolumeError>> {
    const opened = await this.#destinations.at(destinationPathOf(request), (path) => this.#origins.attributesFor(request, path));
    if (opened.isOk()) this.#last = { directory: request.directory, opened };
    return opened;
  }

  /** What is there already equals the source. The run that wrote it may have been killed before it was durable. */
  async #adopt(
    request: CopyRequest,
    destination: Destination,
    there: FileStat,
    digest: Uint8Array,
  ): Promise<Result<"adopted", FileFailure>> {
    this.onProgress(request, 1, request.evidence.size);
    if (!destination.flushesWhole) {
      // Its bytes were flushed when they were compared; its name is with the others.
      this.#destinations.changed(destination);
      this.#published.add({ request, destination, how: "adopted", there, digest });
      return ok("adopted");
    }
    if (!this.#adoptedAreDurable) {
      const flushed = await this.replica.flush();
      if (flushed.isErr()) return err(failureAtReplica(flushed.error));
      this.#adoptedAreDurable = true;
    }
    this.#outcomes.push(storedOutcome({ request, destination, how: "adopted", there, digest }));
    return ok("adopted");
  }

  /** Where each file is durable by itself, it gets its name at once; only the names are flushed together. */
  async #publishAndLook(item: Staged): Promise<void> {
    const done = await this.#publish(item);
    if (done.isErr()) return this.#abandon(item, done.error);
    const there = await observeCopy(item, this.replica.name, done.value);
    if (there.isErr()) await this.#unrecorded(item.request, there.error);
    else this.#published.add({ ...item, how: "copied", there: there.value });
    if (this.#published.areMany) await this.#recordPublished();
  }

  /** A way that breaks takes with it only what was not recorded yet. */
  async #recordPublished(): Promise<void> {
    const published = this.#published.takeAll();
    if (published.length === 0) return;
    const isDurable = await this.#destinations.flush();
    for (const item of published) {
      const named = isDurable(item.destination);
      if (named.isOk()) this.#outcomes.push(storedOutcome(item));
      else await this.#unrecorded(item.request, failureAtReplica(named.error));
    }
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
    const isDurable = await this.#destinations.flush();
    for (const item of published) {
      // A name that may or may not survive is not recorded; the next run adopts what did.
      const named = isDurable(item.destination).mapErr(failureAtReplica);
      const there = named.isErr() ? err(named.error) : await observeCopy(item, this.replica.name);
      if (there.isErr()) await this.#unrecorded(item.request, there.error);
      else this.#outcomes.push(storedOutcome({ ...item, how: "copied", there: there.value }));
    }
  }

  /** The way there failed, and not the file: then it was not tried, and has no outcome. One file tells of an origin that cannot be reached. */
  async #failed(request: CopyRequest, failure: FileFailure): Promise<void> {
    const gone = failure.unavailable === true ? await goneProblem(this.replica) : undefined;
    this.#problem ??= gone;
    const untried = gone !== undefined || failure.transport !== undefined || this.#origins.isUnreachable(request);
    if (!untried) this.#outcomes.push(failedOutcome(request, failure));
    // What was asked for last over a way that broke may have been done all the same.
    if (gone !== undefined || failure.transport !== undefined) this.#leftovers.add(request.directory);
    if (failure.reason === "OriginUnreachable") this.#origins.cannotReach(request);
  }

  /** It may have its final name, or its temporary one still, whatever the replica has said: the next run looks. */
  #unrecorded(request: CopyRequest, failure: CopyFailure): Promise<void> {
    this.#leftovers.add(request.directory);
    return this.#failed(request, this.#atReplica(failure));
  }

  async #publish(item: Staged): Promise<Result<FileStat | undefined, CopyFailure>> {
    const published = await publishCopy(item, this.replica.name, this.#ownNames, this.watch);
    if (published.isOk()) this.#destinations.changed(item.destination);
    return published;
  }

  /** A failure that every other file would meet as well stops the group. */
  #atReplica<Failure extends CopyFailure>(failure: Failure): Failure {
    if (failure.reason === "ReadOnly") this.#problem = replicaProblem("ReadOnly", failure.message);
    if (failure.transport !== undefined) this.#problem ??= transportProblem(failure.transport, failure.message);
    return failure;
  }

  async #abandon({ request, destination, temporary }: Staged, failure: CopyFailure): Promise<void> {
    // What was written over a way that broke can be gone on with.
    if (failure.transport === undefined) await this.#discard(request, destination, temporary);
    await this.#failed(request, this.#atReplica(failure));
  }

  async #discard({ directory: id }: CopyRequest, destination: Destination, temporary: string): Promise<void> {
    const removed = await destination.directory.removeTemporary(temporary);
    if (removed.isErr() && removed.error.reason !== "not-found") this.#leftovers.add(id);
    this.#destinations.changed(destination);
    this.#discarded.set(id, destination);
  }

  /** What was removed must not come back with a power cut, when nobody looks for it any more. */
  async #flushDiscarded(): Promise<void> {
    if (this.#discarded.size === 0) return;
    const isDurable = await this.#destinations.flush();
    for (const [id, destination] of this.#discarded) if (isDurable(destination).isErr()) this.#leftovers.add(id);
  }
}
