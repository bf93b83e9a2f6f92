/**
 * Compares the manifest of a directory with what an import has found there. What agrees with its file, and tells the inventory something new, is handed on; what
 * does not agree is named, and not used. A manifest is never believed over the disk.
 */
import {
  agreeingEvidence,
  type Evidence,
  type ImportConflict,
  type ManifestCopy,
  type ProvenCopy,
  type ReplicaId,
  type Session,
  sameEvidence,
  useOfManifest,
} from "../inventory/mod.ts";
import type { Volume } from "../volume/mod.ts";
import { manifestFolder, manifestName } from "./manifest-place.ts";
import type { ManifestPiece } from "./manifest-text.ts";
import { readManifest } from "./read-manifest.ts";

export interface ManifestsAt {
  readonly session: Session;
  readonly volume: Volume;
  readonly replica: ReplicaId;
  readonly host: string;
  /** Times come over ssh. */
  readonly nearly: boolean;
}

/** A directory that was listed. */
export interface ListedDirectory {
  /** The origin path. */
  readonly path: string;
  /** Below the replica's root. */
  readonly place: string;
  /** What is not in the listing is not there. */
  readonly complete: boolean;
}

export interface ManifestSink {
  /** A few at a time. */
  proven(copies: readonly ProvenCopy[]): void;
  conflict(conflict: ImportConflict): void;
}

const COPIES_PER_BATCH = 5_000;
/** What is held of a directory's listing; the rest is looked at once more. */
const HELD_FILES = 50_000;
/** Copies that are not as recorded wait for their manifest's word; more of them are conflicts at once. */
const HELD_DIFFERENCES = 1_000;

const looksOf = ({ evidence, kept }: ManifestCopy): Evidence => ({ ...evidence, ...kept });

/** The manifests of a host at a replica, one directory after the other: `begin`, `saw` and `differs` while it is listed, `end`. */
export class ManifestComparison {
  #isActive = false;
  readonly #seen = new Map<string, Evidence>();
  #isOverfull = false;
  readonly #differing = new Map<string, string>();

  constructor(
    private readonly at: ManifestsAt,
    private readonly names: ReadonlySet<string>,
  ) {}

  /** A directory is listed from now on. */
  begin(path: string | undefined): void {
    this.#isActive = path !== undefined && this.names.size > 0 && this.names.has(manifestName(path));
  }

  saw(name: string, evidence: Evidence): void {
    if (!this.#isActive) return;
    if (this.#seen.size < HELD_FILES) this.#seen.set(name, evidence);
    else this.#isOverfull = true;
  }

  /** The copy is not as recorded. False: there is no manifest that could know why. */
  differs(name: string, message: string): boolean {
    if (!this.#isActive || this.#differing.size >= HELD_DIFFERENCES) return false;
    this.#differing.set(name, message);
    return true;
  }

  async end(directory: ListedDirectory | undefined, sink: ManifestSink): Promise<void> {
    if (this.#isActive && directory !== undefined) {
      await this.#compare(directory, sink);
      for (const [name, message] of this.#differing) sink.conflict({ path: `${directory.place}/${name}`, message });
    }
    this.#isActive = false;
    this.#isOverfull = false;
    this.#seen.clear();
    this.#differing.clear();
  }

  async #compare({ path, place, complete }: ListedDirectory, sink: ManifestSink): Promise<void> {
    const { session, volume, replica, host, nearly } = this.at;
    const file = `${manifestFolder(host)}/${manifestName(path)}`;
    let batch: ProvenCopy[] = [];
    const flush = (): void => {
      if (batch.length > 0) sink.proven(batch);
      batch = [];
    };
    const compare = async (copy: ManifestCopy): Promise<void> => {
      // Of a directory that lies at several places, each place is compared when its turn comes.
      if (copy.place !== place) return;
      const use = useOfManifest(session, replica, host, path, copy);
      if (use === "none") return;
      const disk = this.#seen.get(copy.name) ?? (this.#isOverfull ? await this.#look(place, copy.name) : undefined);
      const where = `${place}/${copy.name}`;
      if (disk === undefined) {
        const isNews = complete && use === "unheard" && copy.state !== "lost";
        if (isNews) sink.conflict({ path: where, message: `it stands in the manifest ${file} and is not there` });
      } else if (!agreeingEvidence(disk, looksOf(copy), nearly)) {
        sink.conflict({ path: where, message: `the manifest ${file} tells of another size or time: it is not used` });
      } else if (copy.state !== "lost" && !this.#isUnproven(use, copy)) {
        this.#differing.delete(copy.name);
        batch.push({ copy, kept: sameEvidence(disk, copy.evidence) ? undefined : disk });
        if (batch.length >= COPIES_PER_BATCH) flush();
      }
    };
    const take = (piece: ManifestPiece): Promise<void> | undefined => {
      if (piece.kind === "copy") return compare(piece.copy);
      sink.conflict({ path: file, message: `line ${piece.line} is damaged: it is not used` });
      return undefined;
    };
    const read = await readManifest(volume, host, path, take);
    if (read.isErr()) sink.conflict({ path: file, message: "it could not be read: it is not used" });
    flush();
  }

  /** A copy that differs from its origin, and of which the manifest knows no more than that somebody has found it. */
  #isUnproven(use: "more" | "unheard", { name, imported }: ManifestCopy): boolean {
    return use === "unheard" && imported !== undefined && this.#differing.has(name);
  }

  async #look(place: string, name: string): Promise<Evidence | undefined> {
    const directory = await this.at.volume.openDirectory(place);
    if (directory.isErr()) return undefined;
    const found = (await directory.value.look(name)).unwrapOr(undefined);
    directory.value.close();
    if (found?.kind !== "file") return undefined;
    const { size, mtimeSeconds, mtimeNanoseconds } = found;
    return { size, mtimeSeconds, mtimeNanoseconds };
  }
}
