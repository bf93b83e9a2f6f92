/**
 * Walks one top-level folder of a backup, depth first and by name, and says which of its files the inventory does not have. The order is what makes a place in it
 * mean something: whoever goes on behind it leaves out what comes before.
 *
 * Promises: opens no file; holds one directory's names of subdirectories a level, and a bounded number of files; a directory that cannot be listed is named, and stops nothing.
 */
import { err, ok, type Result } from "neverthrow";
import {
  type FoundBatch,
  type ImportConflict,
  importVerdict,
  type KnownFile,
  knownInDirectory,
  type ProvenCopy,
  type ReplicaId,
  type Session,
} from "../inventory/mod.ts";
import { ListingsAhead } from "../scan/mod.ts";
import type { EntryVisitor, SysError } from "../sys/mod.ts";
import { isTransportReason, type ListableVolume, type Volume, type VolumeError, volumeErrorMessage } from "../volume/mod.ts";
import { replicaPathOf } from "./copy-request.ts";
import { ImportBatches } from "./import-batches.ts";
import { type ImportSink, type Skipped, SkippedFiles } from "./import-found.ts";
import { type ImportLayout, leadsToOrigins, originPathOf } from "./import-layout.ts";
import { ManifestComparison, type ManifestSink } from "./import-manifest.ts";
import { comparePlaces, isAtOrAbove } from "./import-places.ts";
import { leftoverDirectory, leftoverFile } from "./leftovers.ts";
import { manifestsOf } from "./read-manifest.ts";
import { openUnproven, type ReplicaToRead } from "./replica-check.ts";
import { type ReplicaProblem, rootProblem } from "./root-problem.ts";

export interface ImportRequest {
  readonly replica: ReplicaToRead & { readonly id: ReplicaId };
  readonly layout: ImportLayout;
  readonly folder: string;
  readonly host: string;
  /** Everything up to this directory was recorded before; null: nothing was. */
  readonly after: string | null;
}

export interface ImportCounts {
  files: number;
  bytes: number;
  directories: number;
  /** Of which there are rows already. */
  known: number;
  /** That nobody has heard of, and whose origin is known and agrees: as the inventory was when they were looked up. */
  imported: { files: number; bytes: number };
  linked: { files: number; bytes: number };
  conflicts: number;
  /** Copies of which their manifest knows more than can be seen. */
  proven: number;
}

export interface ImportResult {
  readonly counts: ImportCounts;
  readonly conflicts: readonly ImportConflict[];
  readonly skipped: readonly Skipped[];
  /** The whole folder was walked. */
  readonly complete: boolean;
  readonly problem?: ReplicaProblem;
}

export const emptyImportCounts = (): ImportCounts => ({
  files: 0,
  bytes: 0,
  directories: 0,
  known: 0,
  imported: { files: 0, bytes: 0 },
  linked: { files: 0, bytes: 0 },
  conflicts: 0,
  proven: 0,
});

/** Conflicts that are named; all are counted. */
export const NAMED_CONFLICTS = 1_000;
/** From this many known files on, a directory is compared name by name. */
const LARGE_DIRECTORY = 50_000;
const FILES_PER_SIGN = 1_000;

/** Walks the folder. `isStopped` is asked between directories: the rest is then left for the next time. */
export async function walkImport(
  session: Session,
  request: ImportRequest,
  sink: ImportSink,
  isStopped: () => boolean,
): Promise<ImportResult> {
  const opened = await openUnproven(request.replica, [request.host]);
  if (opened.isErr()) {
    return { counts: emptyImportCounts(), conflicts: [], skipped: [], complete: false, problem: opened.error };
  }
  const volume = opened.value;
  const manifests = await manifestsOf(volume, request.host);
  const walk = new Walk(session, request, sink, isStopped, volume, manifests.unwrapOr(new Set()));
  await walk.walk(volume, "");
  walk.flush();
  volume.close();
  return walk.result();
}

class Walk implements EntryVisitor, ManifestSink {
  readonly wantsCreated = true;
  readonly #counts = emptyImportCounts();
  readonly #conflicts: ImportConflict[] = [];
  readonly #skipped = new SkippedFiles();
  readonly #batches: ImportBatches;
  #stopped = false;
  #problem: ReplicaProblem | undefined;
  // Of the directory that is being listed.
  #path = "";
  #origin: string | undefined;
  #place = "";
  #known: (name: string) => KnownFile | undefined = () => undefined;
  #directories: string[] = [];
  #isSeen = false;
  readonly #nearly: boolean;
  readonly #manifests: ManifestComparison;

  constructor(
    private readonly session: Session,
    private readonly request: ImportRequest,
    private readonly sink: ImportSink,
    private readonly isStopped: () => boolean,
    private readonly volume: Volume,
    manifests: ReadonlySet<string>,
  ) {
    this.#nearly = request.replica.address.kind === "ssh";
    const { folder, host, replica } = request;
    const at = { session, volume, replica: replica.id, host, nearly: this.#nearly };
    this.#manifests = new ManifestComparison(at, manifests);
    this.#batches = new ImportBatches({ folder, host }, (batch) => this.#found(batch));
  }

  /** What is recorded as a copy must not be lost with the next power cut: whoever wrote it may have done so a moment ago. */
  #found(batch: FoundBatch): void {
    const durable = this.volume.flushesWhole ? this.volume.flush() : ok(undefined);
    if (durable.isOk()) this.sink.found(batch);
    else this.#problem ??= rootProblem(this.request.replica.address.name, durable.error);
  }

  result(): ImportResult {
    const common = { counts: this.#counts, conflicts: this.#conflicts, skipped: this.#skipped.all() };
    if (this.#problem !== undefined) return { ...common, complete: false, problem: this.#problem };
    return { ...common, complete: !this.#stopped };
  }

  /** Lists a directory (a path below the folder, "" is the folder itself) and all below it. */
  async walk(volume: ListableVolume, path: string): Promise<void> {
    const { after } = this.request;
    if (after !== null && comparePlaces(path, after) <= 0 && !isAtOrAbove(path, after)) return;
    this.#stopped ||= this.isStopped();
    if (this.#stopped || this.#problem !== undefined) return;
    const listed = await this.session.inSnapshot(() => this.#list(volume, path));
    if (listed.isErr()) this.#failed(path, listed.error);
    const directories = this.#directories.toSorted();
    this.#directories = [];
    if (this.#stopped || this.#problem !== undefined) return;
    const below = directories.map((name) => (path === "" ? name : `${path}/${name}`));
    const ahead = this.volume.filesInFlight > 1 ? this.#ahead(volume, below) : volume;
    for (const one of below) await this.walk(ahead, one);
  }

  #ahead(volume: ListableVolume, below: readonly string[]): ListableVolume {
    const left = below.filter((path) => this.request.after === null || comparePlaces(path, this.request.after) > 0);
    return new ListingsAhead(
      volume,
      left.map((path) => `/${this.#below(path)}`),
      "/",
    );
  }

  /** Below the replica's root. */
  #below(path: string): string {
    return path === "" ? this.request.folder : `${this.request.folder}/${path}`;
  }

  async #list(volume: ListableVolume, path: string): Promise<Result<undefined, VolumeError>> {
    const { layout, host, after, replica } = this.request;
    this.#path = path;
    this.#origin = originPathOf(layout, `/${path}`);
    this.#isSeen = after !== null && comparePlaces(path, after) <= 0;
    const whole = this.#below(path);
    this.#place = this.#origin !== undefined && replicaPathOf(host, this.#origin) === whole ? "" : whole;
    const opened = await volume.openDirectory(whole);
    if (opened.isErr()) return err(opened.error);
    if (!this.#isSeen) this.#counts.directories += 1;
    this.#known =
      this.#origin === undefined || this.#isSeen
        ? () => undefined
        : knownInDirectory(this.session, replica.id, { host, path: this.#origin }, LARGE_DIRECTORY);
    this.#manifests.begin(this.#origin);
    const listed = await opened.value.entries(this);
    opened.value.close();
    const sought = this.#isSeen ? undefined : this.#origin;
    await this.#manifests.end(sought === undefined ? undefined : { path: sought, place: whole, complete: listed.isOk() }, this);
    this.#endDirectory(listed.isOk());
    return listed.isOk() ? ok(undefined) : err(listed.error);
  }

  proven(copies: readonly ProvenCopy[]): void {
    this.#counts.proven += copies.length;
    if (this.#origin !== undefined) this.#batches.prove({ path: this.#origin, place: this.#place }, copies);
  }

  conflict(conflict: ImportConflict): void {
    this.#counts.conflicts += 1;
    if (this.#conflicts.length < NAMED_CONFLICTS) this.#conflicts.push(conflict);
  }

  #endDirectory(complete: boolean): void {
    this.#batches.endDirectory(this.#origin, this.#place, complete && !this.#isSeen ? this.#path : undefined);
    const { files, bytes } = this.#counts;
    this.sink.progress(files, bytes, this.#below(this.#path));
  }

  /** A directory that cannot be listed is left out; the way to the volume is needed for all. */
  #failed(path: string, error: VolumeError): void {
    const { replica } = this.request;
    if (isTransportReason(error.reason) || error.reason === "unavailable")
      this.#problem = rootProblem(replica.address.name, error);
    else this.#skipped.add("unreadable", this.#below(path), volumeErrorMessage(error));
  }

  /** Sends what there is. */
  flush(): void {
    this.#batches.flush();
  }

  file(
    name: string,
    size: number,
    mtimeSeconds: number,
    mtimeNanoseconds: number,
    _changed: number,
    created: number | undefined,
  ): void {
    if (this.#isSeen || this.#isStrange(name)) return;
    const leftover = leftoverFile(name);
    if (leftover !== undefined) {
      this.#skip("leftover", name, `a leftover ${leftover}`);
      return;
    }
    if (this.#origin === undefined) {
      this.#skip("outside", name);
      return;
    }
    const counts = this.#counts;
    counts.files += 1;
    counts.bytes += size;
    if (counts.files % FILES_PER_SIGN === 0) this.sink.progress(counts.files, counts.bytes, this.#below(this.#path));
    const known = this.#known(name);
    const evidence = { size, mtimeSeconds, mtimeNanoseconds };
    this.#manifests.saw(name, evidence);
    const verdict = known === undefined ? undefined : importVerdict(known, { evidence, place: this.#place }, this.#nearly);
    if (verdict?.kind === "known") counts.known += 1;
    else if (verdict === undefined || !("message" in verdict)) {
      const amount = verdict === undefined || verdict.kind === "imported" ? counts.imported : counts.linked;
      amount.files += 1;
      amount.bytes += size;
      this.#batches.add({ path: this.#origin, place: this.#place }, name, size, mtimeSeconds, mtimeNanoseconds, created);
    } else if (verdict.kind === "second-copy" || !this.#manifests.differs(name, verdict.message))
      this.conflict({ path: `${this.#below(this.#path)}/${name}`, message: verdict.message });
  }

  directory(name: string): void {
    if (this.#isStrange(name)) return;
    const leftover = leftoverDirectory(name);
    if (leftover !== undefined) {
      this.#skip("leftover", name, `a leftover ${leftover}`);
      return;
    }
    const path = this.#path === "" ? name : `${this.#path}/${name}`;
    if (leadsToOrigins(this.request.layout, `/${path}`)) this.#directories.push(name);
    else this.#skip("outside", name);
  }

  symlink(name: string): void {
    this.#skip("symlink", name);
  }

  special(name: string): void {
    this.#skip("special", name);
  }

  unreadable(name: string, error: SysError): void {
    this.#skip("unreadable", name, error.code);
  }

  /** A far end may say anything: a name that leads elsewhere is none. */
  #isStrange(name: string): boolean {
    const strange = name === "" || name === "." || name === ".." || name.includes("/") || name.includes("\0");
    if (strange) this.#skip("outside", name, "no name of a file");
    return strange;
  }

  #skip(kind: Skipped["kind"], name: string, message?: string): void {
    if (!this.#isSeen) this.#skipped.add(kind, `${this.#below(this.#path)}/${name}`, message);
  }
}
