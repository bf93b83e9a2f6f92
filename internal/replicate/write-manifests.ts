/**
 * Writes manifests: each whole, under a temporary name, durable, then renamed. A reader sees the old one or the new one; a run that is killed leaves the old one, which the
 * inventory still takes for due, and a temporary file that the next writer of the same manifest replaces.
 *
 * Why whole files, and no journal that grows: what is written is always what the inventory says, so nothing has to be folded in, nothing can be torn, and sha256sum reads it at
 * any time. What that costs is bounded by how often it is done (`ManifestPatience`).
 *
 * Manifests can be read by their owner and group, no matter who may read the data: they tell names and sizes of all of it.
 */
import { err, ok, type Result } from "neverthrow";
import {
  type DueManifest,
  manifestChanges,
  manifestCopies,
  type ReplicaId,
  type Session,
  type WrittenManifest,
} from "../inventory/mod.ts";
import { bytesOfText, IoBuffer } from "../sys/mod.ts";
import {
  createAnew,
  MARKER_NAME,
  MOST_ROOT_FILE_BYTES,
  publishOwn,
  readUpTo,
  removeUnlessGivenUp,
  type TemporaryFile,
  temporaryName,
  type Volume,
  type VolumeAddress,
  type VolumeDirectory,
  type VolumeError,
  volumeErrorMessage,
} from "../volume/mod.ts";
import { carryOver } from "./carried-lines.ts";
import { replicaPathOf } from "./copy-request.ts";
import { type Destination, Destinations, type IsDurable } from "./destination.ts";
import { manifestFolder, manifestName, TEMPORARY_DIGITS } from "./manifest-place.ts";
import { manifestEnd, manifestHead, manifestLines, plainLine } from "./manifest-text.ts";
import { openReplica } from "./replica-check.ts";
import { type ReplicaProblem, replicaProblem } from "./root-problem.ts";
import type { CopyWatch } from "./watched-source.ts";
import type { Claims } from "./writer-claims.ts";

export interface ManifestRequest {
  readonly replica: {
    readonly id: ReplicaId;
    readonly address: VolumeAddress;
    readonly marker: string;
    readonly claims: Claims;
    readonly reserveBytes: number;
  };
  readonly manifests: readonly DueManifest[];
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface ManifestResult {
  readonly written: readonly WrittenManifest[];
  /** Why the first that could not be written could not. */
  readonly failure?: string;
  readonly problem?: ReplicaProblem;
  /** The folder of a host's manifests was not there: others that were written once are gone, too. */
  readonly foundNone?: true;
}

const FOLDER_MODE = 0o750;
const FILE_MODE = 0o640;
const BUFFER_BYTES = 1 << 20;
/** Of a volume with a long way, this many are written at a time. */
const AT_A_TIME = 32;

/** Writes them; what could not be written is left out of the result, and is due still. `isStopped` is asked between them. */
export async function writeManifests(
  session: Session,
  { replica, manifests, at }: ManifestRequest,
  alive: () => void,
  { isStopped, isGivenUp }: Pick<CopyWatch, "isStopped" | "isGivenUp">,
): Promise<ManifestResult> {
  const opened = await openReplica(replica.address, replica.marker, replica.claims);
  if (opened.isErr()) return { written: [], problem: opened.error };
  const volume = opened.value;
  const space = await volume.space();
  if (space.isOk() && space.value.freeBytes <= replica.reserveBytes) {
    volume.close();
    return { written: [], problem: replicaProblem("NoSpace", `${volume.name} is full but for what is to stay free`) };
  }
  const writer = new ManifestWriter(session, volume, replica.id, at, alive, isGivenUp);
  const left = manifests.values();
  const lane = async (): Promise<void> => {
    const buffer = new IoBuffer(BUFFER_BYTES);
    for (const manifest of left) if (!isStopped()) await writer.write(manifest, buffer);
  };
  await Promise.all(Array.from({ length: Math.min(volume.filesInFlight, AT_A_TIME, manifests.length) }, lane));
  const result = await writer.publish();
  await writer.close();
  volume.close();
  return result;
}

interface Prepared {
  readonly written: WrittenManifest;
  readonly destination: Destination;
  readonly temporary: string;
  readonly name: string;
}

class ManifestWriter {
  readonly #destinations: Destinations;
  readonly #prepared: Prepared[] = [];
  #failure: string | undefined;
  #foundNone = false;
  #markerLine: Uint8Array | undefined;

  constructor(
    private readonly session: Session,
    private readonly volume: Volume,
    private readonly replica: ReplicaId,
    private readonly at: number,
    private readonly alive: () => void,
    private readonly isGivenUp: () => boolean,
  ) {
    this.#destinations = new Destinations(volume);
  }

  async write(manifest: DueManifest, buffer: IoBuffer): Promise<void> {
    this.alive();
    const done = await this.#write(manifest, buffer);
    if (done.isErr()) this.#fail(done.error);
    else this.#prepared.push(done.value);
  }

  #fail(error: VolumeError): void {
    this.#failure ??= volumeErrorMessage(error);
  }

  async #write(manifest: DueManifest, buffer: IoBuffer): Promise<Result<Prepared, VolumeError>> {
    const destination = await this.#destinations.at(manifestFolder(manifest.host), async () => ({ mode: FOLDER_MODE }));
    if (destination.isErr()) return err(destination.error);
    const { directory, fresh } = destination.value;
    this.#foundNone ||= fresh;
    const name = manifestName(manifest.path);
    const temporary = temporaryName(name.slice(0, TEMPORARY_DIGITS));
    const created = await createAnew(directory, temporary);
    if (created.isErr()) return err(created.error);
    const filled = await this.#fill(manifest, directory, created.value, buffer);
    created.value.close();
    if (filled.isOk()) return ok({ written: filled.value, destination: destination.value, temporary, name });
    await removeUnlessGivenUp(directory, temporary, this.isGivenUp);
    return err(filled.error);
  }

  async #fill(
    manifest: DueManifest,
    directory: VolumeDirectory,
    file: TemporaryFile,
    buffer: IoBuffer,
  ): Promise<Result<WrittenManifest, VolumeError>> {
    const { directory: id, host, path } = manifest;
    // Asked before the rows: a change that comes in between is written now, and once more.
    const changes = manifestChanges(this.session, this.replica, id);
    const text = new BufferedText(file, buffer);
    await text.add(manifestHead({ host, directory: path }));
    const folder = replicaPathOf(host, path);
    let files = 0;
    let digests = 0;
    for (const page of manifestCopies(this.session, this.replica, id)) {
      files += page.length;
      let lines = "";
      for (const copy of page) {
        if (copy.digest !== undefined) digests += 1;
        lines += manifestLines(copy, `${copy.place ?? folder}/${copy.name}`);
      }
      await text.add(bytesOfText(lines));
      this.alive();
      if (text.failure !== undefined) return err(text.failure);
    }
    const { session, volume, replica, alive } = this;
    const add = (lines: string): Promise<void> => text.add(bytesOfText(lines));
    const carried = await carryOver({ session, volume, replica, alive }, manifest, directory, add);
    if (carried.isErr()) return err(carried.error);
    files += carried.value.copies;
    digests += carried.value.digests;
    await text.add(manifestEnd(files));
    if (digests === 0) {
      const line = await this.#ownLine();
      if (line.isErr()) return err(line.error);
      await text.add(line.value);
    }
    const size = await text.end();
    if (size.isErr()) return err(size.error);
    const attributes = await directory.attributes();
    if (attributes.isErr()) return err(attributes.error);
    const time = { mtimeSeconds: Math.floor(this.at / 1000), mtimeNanoseconds: 0 };
    const sealed = await file.seal(size.value, { ...attributes.value, mode: FILE_MODE, ...time });
    if (sealed.isErr()) return err(sealed.error);
    const synced = this.volume.flushesWhole ? ok(undefined) : await file.sync();
    return synced.map(() => ({ directory: id, changes, files, carried: carried.value.copies }));
  }

  /** Of the marker, which never changes. */
  async #ownLine(): Promise<Result<Uint8Array, VolumeError>> {
    if (this.#markerLine !== undefined) return ok(this.#markerLine);
    const root = await this.volume.openDirectory("");
    if (root.isErr()) return err(root.error);
    const source = await root.value.openSource(MARKER_NAME);
    root.value.close();
    if (source.isErr()) return err(source.error);
    const bytes = await readUpTo(source.value, MOST_ROOT_FILE_BYTES);
    source.value.close();
    if (bytes.isErr()) return err(bytes.error);
    const digest = new Bun.CryptoHasher("sha256").update(bytes.value).digest();
    this.#markerLine = plainLine(digest, MARKER_NAME);
    return ok(this.#markerLine);
  }

  /** Makes what was written durable, gives it its names, and makes those durable. */
  async publish(): Promise<ManifestResult> {
    const flushed = this.#prepared.length > 0 && this.volume.flushesWhole ? await this.volume.flush() : ok(undefined);
    if (flushed.isErr()) this.#fail(flushed.error);
    const renamed: Prepared[] = [];
    await Promise.all(
      this.#prepared.map(async (one) => {
        const { destination, temporary, name } = one;
        const named = { temporary, name, how: "renew" } as const;
        const published = await publishOwn(destination.directory, named, flushed, this.isGivenUp);
        if (published.isOk()) {
          this.#destinations.changed(destination);
          renamed.push(one);
        } else this.#fail(published.error);
      }),
    );
    const isDurable: IsDurable = await this.#destinations.flush();
    const written = renamed.filter(({ destination }) => {
      const durable = isDurable(destination);
      if (durable.isErr()) this.#fail(durable.error);
      return durable.isOk();
    });
    const result = { written: written.map((one) => one.written), ...(this.#foundNone ? { foundNone: true as const } : {}) };
    return this.#failure === undefined ? result : { ...result, failure: this.#failure };
  }

  close(): Promise<void> {
    return this.#destinations.close();
  }
}

/** Writes text through a buffer. What fails is kept, and told at the end. */
class BufferedText {
  #filled = 0;
  #position = 0;
  failure: VolumeError | undefined;

  constructor(
    private readonly file: TemporaryFile,
    private readonly buffer: IoBuffer,
  ) {}

  async add(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const part = bytes.subarray(done, done + this.buffer.size - this.#filled);
      this.buffer.bytes.set(part, this.#filled);
      this.#filled += part.length;
      done += part.length;
      if (this.#filled === this.buffer.size) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    if (this.failure === undefined && this.#filled > 0) {
      const written = await this.file.write(this.buffer, this.#filled, this.#position);
      if (written.isErr()) this.failure = written.error;
    }
    this.#position += this.#filled;
    this.#filled = 0;
  }

  /** The size of it all. */
  async end(): Promise<Result<number, VolumeError>> {
    await this.#flush();
    return this.failure === undefined ? ok(this.#position) : err(this.failure);
  }
}
