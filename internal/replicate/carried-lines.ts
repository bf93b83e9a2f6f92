/**
 * Lines of a manifest that is there, of copies that this inventory does not know: it was begun anew, or put back from before. They are all that is known of those copies, and what
 * `import_origins` and `inventory rebuild` believe where the disk agrees: so they are carried over into the manifest that takes its place, as long as the copies are there.
 */
import { err, ok, type Result } from "neverthrow";
import { type DueManifest, isRecordedCopy, type ManifestCopy, type ReplicaId, type Session } from "../inventory/mod.ts";
import { asideName, temporaryName, type Volume, type VolumeDirectory, type VolumeError } from "../volume/mod.ts";
import { manifestName, TEMPORARY_DIGITS } from "./manifest-place.ts";
import { type ManifestPiece, manifestLines } from "./manifest-text.ts";
import { readManifestIn } from "./read-manifest.ts";

export interface Carried {
  readonly copies: number;
  readonly digests: number;
}

const NONE: Carried = { copies: 0, digests: 0 };

/** A folder of the volume: whoever wrote the manifest may have meant harm. */
const isInside = (place: string): boolean => place.split("/").every((name) => name !== "" && name !== "." && name !== "..");

/** The old manifest of a directory, if it has to be read; `folder` is the one of manifests. */
export async function carryOver(
  at: { readonly volume: Volume; readonly session: Session; readonly replica: ReplicaId; readonly alive: () => void },
  manifest: DueManifest,
  folder: VolumeDirectory,
  add: (lines: string) => Promise<void>,
): Promise<Result<Carried, VolumeError>> {
  if (manifest.carried === 0) {
    // Nothing was to be carried; was it written again since, by an inventory that knew more?
    const found = await folder.look(manifestName(manifest.path));
    if (found.isErr()) return err(found.error);
    if (found.value === undefined || found.value.mtimeSeconds * 1000 <= (manifest.writtenAt ?? 0)) return ok(NONE);
  }
  return await new Carrier(at, manifest, add).run(folder);
}

class Carrier {
  #copies = 0;
  #digests = 0;
  #waiting: ManifestCopy[] = [];
  #failure: VolumeError | undefined;
  #place: { readonly path: string; readonly directory: VolumeDirectory | undefined } | undefined;

  constructor(
    private readonly at: Parameters<typeof carryOver>[0],
    private readonly manifest: DueManifest,
    private readonly add: (lines: string) => Promise<void>,
  ) {}

  async run(folder: VolumeDirectory): Promise<Result<Carried, VolumeError>> {
    const { volume, session, replica } = this.at;
    const { directory: id, host, path } = this.manifest;
    const take = (piece: ManifestPiece): Promise<void> | undefined => {
      if (piece.kind !== "copy" || this.#failure !== undefined) return undefined;
      const { copy } = piece;
      if (!isInside(copy.place ?? "") || isRecordedCopy(session, replica, id, copy.name)) return undefined;
      this.#waiting.push(copy);
      return this.#waiting.length < volume.filesInFlight ? undefined : this.#take();
    };
    const subject = { host, directory: path };
    let read = await readManifestIn(folder, subject, take);
    // A far end that cannot replace a file at once was cut off while the old one was aside.
    if (read.isErr() && read.error.reason === "not-found" && this.manifest.writtenAt !== null)
      read = await readManifestIn(folder, subject, take, asideName(temporaryName(manifestName(path).slice(0, TEMPORARY_DIGITS))));
    if (read.isOk()) await this.#take();
    this.#place?.directory?.close();
    if (read.isErr() && read.error.reason !== "not-found") return err(read.error);
    return this.#failure === undefined ? ok({ copies: this.#copies, digests: this.#digests }) : err(this.#failure);
  }

  /** Looks at as many copies at a time as the volume likes. */
  async #take(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.at.alive();
    const there: boolean[] = [];
    for (let from = 0; from < waiting.length; ) {
      const place = waiting[from]?.place ?? "";
      let to = from + 1;
      while (to < waiting.length && waiting[to]?.place === place) to += 1;
      const directory = await this.#open(place);
      const look = async ({ name }: ManifestCopy): Promise<boolean> =>
        directory !== undefined && (await this.#isThere(directory, name));
      there.push(...(await Promise.all(waiting.slice(from, to).map(look))));
      from = to;
    }
    const carried = waiting.filter((_, index) => there[index] === true);
    this.#copies += carried.length;
    this.#digests += carried.filter(({ digest }) => digest !== undefined).length;
    await this.add(carried.map((copy) => manifestLines(copy, `${copy.place}/${copy.name}`)).join(""));
  }

  async #open(path: string): Promise<VolumeDirectory | undefined> {
    if (this.#place?.path === path) return this.#place.directory;
    this.#place?.directory?.close();
    const opened = await this.at.volume.openDirectory(path);
    if (opened.isErr() && opened.error.reason !== "not-found") this.#failure ??= opened.error;
    this.#place = { path, directory: opened.unwrapOr(undefined) };
    return this.#place.directory;
  }

  async #isThere(directory: VolumeDirectory, name: string): Promise<boolean> {
    const found = await directory.look(name);
    if (found.isErr()) this.#failure ??= found.error;
    return found.isOk() && found.value?.kind === "file";
  }
}
