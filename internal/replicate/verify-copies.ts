/**
 * Looks at copies at a replica, or reads them back, and judges them. What is gone or unlike is looked at twice: the second time through a volume that was opened
 * anew and has proven once more that it is the one, so that a disk that was pulled out, or another one in its place, gives no verdict at all (law 5).
 *
 * Promises: only a name that is proven gone is `lost`; bytes are judged only after they were read twice; what cannot be read is never `lost`.
 * Never: writes anything to the replica.
 */
import { err, ok, type Result } from "neverthrow";
import { type CopyToVerify, sameEvidence } from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";
import {
  isTransportReason,
  type SourceFile,
  type Volume,
  type VolumeAddress,
  type VolumeDirectory,
  type VolumeError,
  volumeErrorMessage,
} from "../volume/mod.ts";
import { type CopyBuffers, hashBytes } from "./copy-bytes.ts";
import { replicaPathOf } from "./copy-request.ts";
import { forEachInFlight, limitsOf } from "./in-flight.ts";
import { openReplica } from "./replica-check.ts";
import { type ReplicaProblem, rootProblem } from "./root-problem.ts";
import { Throttle } from "./throttle.ts";
import type { VerifyFinding, VerifyLevel, VerifyOutcome, VerifyUnread } from "./verify-outcome.ts";
import { type Claims, claimedByOthers } from "./writer-claims.ts";

export interface VerifyRequest {
  readonly replica: {
    readonly address: VolumeAddress;
    readonly marker: string;
    /** Of the origin hosts whose copies are looked at: another agent's are not ours to judge. */
    readonly claims: Claims;
    /** A limit that is shared by all who read back at this replica. */
    readonly limit?: { readonly shared: SharedArrayBuffer; readonly bytesPerSecond: number };
  };
  readonly level: VerifyLevel;
  readonly copies: readonly CopyToVerify[];
}

export interface VerifyResult {
  /** Copies that were not looked at have none. */
  readonly outcomes: readonly VerifyOutcome[];
  /** The replica failed as a whole: nothing is said of what seemed wrong. */
  readonly problem?: ReplicaProblem;
}

/** Is told of bytes that were read, and of files that were finished. */
export type OnVerified = (copy: CopyToVerify, files: number, bytes: number) => void;

/** `isStopped` is asked before each file and on the way through it: the rest is then left alone. */
export async function verifyCopies(
  request: VerifyRequest,
  buffers: CopyBuffers,
  onProgress: OnVerified,
  isStopped: () => boolean = () => false,
): Promise<VerifyResult> {
  const first = await look(request, request.copies, buffers, onProgress, isStopped);
  const findings = new Map(first.outcomes.flatMap((one) => (one.kind === "finding" ? [[one.id, one] as const] : [])));
  const settled = first.outcomes.filter(({ kind }) => kind !== "finding");
  // Where a verdict stands already no other is given, and one look is enough.
  const known = new Set(request.copies.flatMap(({ id, verdict }) => (verdict === undefined ? [] : [id])));
  if (first.problem !== undefined || findings.size === 0) return { ...first, outcomes: settled };
  // What was read twice already is not read again: only that the volume is still the one has to be proven.
  const isCertain = ({ id, state }: VerifyFinding): boolean => state === "corrupt" || known.has(id);
  const certain = [...findings.values()].filter(isCertain);
  const doubtful = request.copies.filter(({ id }) => {
    const finding = findings.get(id);
    return finding !== undefined && !isCertain(finding);
  });
  if (doubtful.length === 0 && certain.every(({ id }) => known.has(id))) return { outcomes: [...settled, ...certain] };
  const second = await look(request, doubtful, buffers, (copy) => onProgress(copy, 0, 0), isStopped);
  if (second.problem !== undefined) return { outcomes: settled, problem: second.problem };
  return { outcomes: [...settled, ...certain, ...second.outcomes] };
}

async function look(
  { replica, level }: VerifyRequest,
  copies: readonly CopyToVerify[],
  buffers: CopyBuffers,
  onProgress: OnVerified,
  isStopped: () => boolean,
): Promise<VerifyResult> {
  const { address, marker, claims, limit } = replica;
  const opened = await openReplica(address, marker, claims);
  if (opened.isErr()) return { outcomes: [], problem: opened.error };
  const volume = opened.value;
  const theirs = await claimedByOthers(volume, claims.claimant, claims.others ?? []);
  if (theirs.isErr()) {
    volume.close();
    return { outcomes: [], problem: theirs.error };
  }
  const throttle = limit && new Throttle(limit.shared, limit.bytesPerSecond);
  const rate = limit?.bytesPerSecond ?? Number.POSITIVE_INFINITY;
  const onBytes = async (copy: CopyToVerify, bytes: number): Promise<boolean> => {
    onProgress(copy, 0, bytes);
    // In steps of a second at most: whoever waits for a sign of life gets one.
    for (let left = bytes; throttle !== undefined && left > 0 && !isStopped(); left -= rate) {
      await throttle.take(Math.min(left, rate));
      onProgress(copy, 0, 0);
    }
    return !isStopped();
  };
  const verifier = new Verifier(volume, level, buffers, onBytes);
  const outcomes: VerifyOutcome[] = [];
  await forEachInFlight(copies, limitsOf(volume.filesInFlight), bytesAtOnce, async (copy) => {
    if (isStopped() || verifier.problem !== undefined) return "stop";
    const outcome = theirs.value.has(copy.host)
      ? { ...unread(copy, THEIRS), theirs: true as const }
      : await verifier.verify(copy);
    if (outcome !== undefined) {
      outcomes.push(outcome);
      onProgress(copy, 1, 0);
    }
    return "go on";
  });
  await verifier.close();
  volume.close();
  return { outcomes, ...(verifier.problem === undefined ? {} : { problem: verifier.problem }) };
}

const THEIRS = "another inventory keeps the rows of this host's copies";
const BYTES_OF_ONE_FILE = 4 << 20;
const bytesAtOnce = ({ kept }: CopyToVerify): number => Math.min(kept.size, BYTES_OF_ONE_FILE);

/** Given up on the way: nothing is said of the copy. */
const STOPPED: VolumeError = { kind: "volume", reason: "other", operation: "stop", path: "", code: "" };

type Answer = VerifyOutcome | undefined;

class Verifier {
  problem: ReplicaProblem | undefined;
  readonly #directories = new Map<string, Promise<Result<VolumeDirectory, VolumeError>>>();

  constructor(
    private readonly volume: Volume,
    private readonly level: VerifyLevel,
    private readonly buffers: CopyBuffers,
    private readonly onBytes: (copy: CopyToVerify, bytes: number) => Promise<boolean>,
  ) {}

  async verify(copy: CopyToVerify): Promise<Answer> {
    const directory = await this.#directoryOf(copy);
    if (directory.isErr()) return this.#failed(copy, directory.error, "its directory");
    if (this.level === "content") return this.#read(copy, directory.value);
    const there = await directory.value.look(copy.name);
    if (there.isErr()) return this.#failed(copy, there.error, "it");
    if (there.value === undefined) return gone(copy, "its name is not there any more");
    if (there.value.kind !== "file") return changed(copy, `it is a ${there.value.kind} now`);
    if (this.level === "listed") return { kind: "good", id: copy.id, read: false };
    if (there.value.size !== copy.kept.size) return changed(copy, otherSize(copy, there.value.size));
    // Only its contents can say whether it was changed, or merely touched.
    return sameEvidence(there.value, copy.kept) ? { kind: "good", id: copy.id, read: false } : this.#read(copy, directory.value);
  }

  async close(): Promise<void> {
    for (const opening of this.#directories.values()) (await opening).map((directory) => directory.close());
  }

  #directoryOf({ host, directoryPath, place }: CopyToVerify): Promise<Result<VolumeDirectory, VolumeError>> {
    const path = place ?? replicaPathOf(host, directoryPath);
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const opening = Promise.resolve(this.volume.openDirectory(path));
    this.#directories.set(path, opening);
    return opening;
  }

  async #read(copy: CopyToVerify, directory: VolumeDirectory): Promise<Answer> {
    const first = await this.#hash(copy, directory);
    if (first.isErr()) return first.error;
    const { size, mtimeSeconds, mtimeNanoseconds } = first.value;
    if (size !== copy.kept.size) return changed(copy, otherSize(copy, size));
    const untouched = sameEvidence(first.value, copy.kept);
    const kept = untouched ? {} : { kept: { mtimeSeconds, mtimeNanoseconds } };
    const { digest: expected } = copy;
    if (expected === undefined) {
      if (!untouched) return changed(copy, "its modification time is another, and nobody knows what its contents were");
      return { kind: "good", id: copy.id, read: true, digest: first.value.digest };
    }
    if (equal(first.value.digest, expected)) return { kind: "good", id: copy.id, read: true, ...kept };
    const bytes = { expected, found: first.value.digest };
    if (!untouched)
      return { ...changed(copy, "its contents and its modification time are others: somebody changed it"), ...bytes };
    // It has a verdict, and goes on having it.
    if (copy.verdict !== undefined) return { ...changed(copy, "its contents are not what was recorded"), ...bytes };
    const second = await this.#hash(copy, directory);
    if (second.isErr()) return second.error;
    if (equal(second.value.digest, expected)) return { kind: "good", id: copy.id, read: true, unsteady: true };
    const message = equal(second.value.digest, first.value.digest)
      ? "its contents are others, though its size and modification time are as they were"
      : "its contents are others, and others again when they were read once more";
    return { kind: "finding", id: copy.id, state: "corrupt", message, expected, found: second.value.digest };
  }

  /** The digest of what the disk holds, and what the file is; or what there is to say when it cannot be had. */
  async #hash(copy: CopyToVerify, directory: VolumeDirectory): Promise<Result<Hashed, Answer>> {
    const opened = await directory.openSource(copy.name);
    if (opened.isErr()) return err(this.#failed(copy, opened.error, "it"));
    const source = opened.value;
    const { stat } = source;
    if (stat.size !== copy.kept.size) {
      source.close();
      return ok({ ...stat, digest: new Uint8Array() });
    }
    const hashed = await this.#hashOpened(copy, source);
    source.close();
    return hashed.map((digest) => ({ ...stat, digest }));
  }

  async #hashOpened(copy: CopyToVerify, source: SourceFile): Promise<Result<Uint8Array, Answer>> {
    // The cache would tell what was written, not what the disk has kept of it.
    source.uncache?.(0, 0);
    const { size } = source.stat;
    const shared = this.volume.filesInFlight === 1;
    const buffers = shared ? this.buffers : this.buffers.take(size);
    let done = 0;
    const read = await hashBytes(source, buffers, async (bytes) => {
      done += bytes;
      if (done % UNCACHE_BYTES < bytes) source.uncache?.(0, done);
      return (await this.onBytes(copy, bytes)) ? ok(undefined) : err(STOPPED);
    });
    source.uncache?.(0, 0);
    if (!shared) this.buffers.giveBack(buffers);
    switch (read.kind) {
      case "done":
        return ok(read.value);
      case "source-failed":
        return err(this.#failed(copy, read.error, "it"));
      case "source-moved":
        return err(unread(copy, "it changed while it was read"));
      case "replica-failed":
        return err(undefined);
    }
  }

  /** What an error says of a copy: that it is gone, that it is bad, nothing; or that the whole volume is not to be trusted now. */
  #failed(copy: CopyToVerify, error: VolumeError, what: string): Answer {
    const message = volumeErrorMessage(error);
    if (isTransportReason(error.reason) || error.reason === "unavailable") {
      this.problem ??= rootProblem(this.volume.name, error);
      return undefined;
    }
    switch (error.reason) {
      case "not-found":
        return gone(copy, what === "it" ? "its name is not there any more" : "its directory is not there any more");
      case "is-a-symlink":
      case "not-a-directory":
      case "is-a-directory":
      case "not-a-regular-file":
        return changed(copy, `something else stands in its place: ${message}`);
      case "input-output":
        return { kind: "finding", id: copy.id, state: "suspect", unreadable: true, message: `it cannot be read: ${message}` };
      default:
        return unread(copy, message);
    }
  }
}

interface Hashed {
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly digest: Uint8Array;
}

/** What was read of a large file is dropped in steps, so that it does not push others' pages out. */
const UNCACHE_BYTES = 8 << 20;

const equal = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;
const gone = ({ id }: CopyToVerify, message: string): VerifyFinding => ({ kind: "finding", id, state: "lost", message });
const changed = ({ id }: CopyToVerify, message: string): VerifyFinding => ({ kind: "finding", id, state: "suspect", message });
const otherSize = ({ kept }: CopyToVerify, size: number): string => `it has ${size} bytes, and ${kept.size} were written`;
const unread = ({ id, host, directoryPath, name }: CopyToVerify, message: string): VerifyUnread => ({
  kind: "unread",
  id,
  message: `${printable(`${host}:${directoryPath}/${name}`)}: ${message}`,
});
