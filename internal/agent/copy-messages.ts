/**
 * How a group of files crosses from the controller to a worker and back: in columns. To clone thousands of small objects for another thread costs more
 * than to copy the small files that they are about.
 */
import type { DirectoryId, Evidence, FileOriginId, PendingFile, ReplicaId } from "../inventory/mod.ts";
import type { CopyGroup, CopyGroupResult, CopyOutcome, CopyRequest } from "../replicate/mod.ts";
import type { VolumeAddress } from "../volume/mod.ts";

/** Numbers of one file: id, position of its directory, size, mtime seconds, mtime nanoseconds. */
const COLUMNS = 5;

export interface PackedGroup {
  readonly replica: CopyGroup["replica"];
  readonly directories: readonly Pick<
    CopyRequest,
    "directory" | "host" | "dataDirectory" | "directoryPath" | "source" | "fromCopy" | "brokenOff"
  >[];
  /** Joined by "/", which no name holds. */
  readonly names: string;
  readonly numbers: Float64Array;
  /** The copies that may be replaced, by position: few, most of the time. */
  readonly replaces: ReadonlyMap<number, Evidence>;
  /** Those whose source seems to have gone back, by position. */
  readonly goneBack: ReadonlySet<number>;
  /** What the contents must be, and what the source looks like where not as the origin: by position, of copies that are repaired, or that are made of another copy. */
  readonly mustBe: ReadonlyMap<number, Uint8Array>;
  readonly looksLike: ReadonlyMap<number, Evidence>;
  /** All of them are still growing. */
  readonly prefix: boolean;
}

/** Where a file is read from, when not from its data directory on this machine. */
export interface FileSource {
  readonly address: VolumeAddress;
  /** It is a copy at another replica, not the origin. */
  readonly fromCopy: boolean;
  /** At which one. */
  readonly replica?: ReplicaId;
  /** The SHA-256 that its contents must have. */
  readonly mustBe?: Uint8Array;
  /** How that copy looks, where its replica could not keep the origin's time. */
  readonly looksLike?: Evidence;
}

export function packGroup(
  replica: CopyGroup["replica"],
  files: readonly PendingFile[],
  sourceOf: (file: PendingFile) => FileSource | undefined,
  isBrokenOff: (directory: DirectoryId) => boolean,
): PackedGroup {
  const positions = new Map<string, number>();
  const directories: PackedGroup["directories"][number][] = [];
  const numbers = new Float64Array(files.length * COLUMNS);
  const replaces = new Map<number, Evidence>();
  const goneBack = new Set<number>();
  const mustBe = new Map<number, Uint8Array>();
  const looksLike = new Map<number, Evidence>();
  const names = files.map((file, index) => {
    const { id, directory, name, evidence, copy } = file;
    const source = sourceOf(file);
    const key = `${directory.id} ${source?.address.name ?? ""}`;
    let position = positions.get(key);
    if (position === undefined) {
      const { id: directoryId, host, dataDirectory, path: directoryPath } = directory;
      const elsewhere = source === undefined ? {} : { source: source.address, fromCopy: source.fromCopy };
      const brokenOff = isBrokenOff(directoryId) ? { brokenOff: true as const } : {};
      position = directories.push({ directory: directoryId, host, dataDirectory, directoryPath, ...elsewhere, ...brokenOff }) - 1;
      positions.set(key, position);
    }
    const at = index * COLUMNS;
    numbers[at] = id;
    numbers[at + 1] = position;
    numbers[at + 2] = evidence.size;
    numbers[at + 3] = evidence.mtimeSeconds;
    numbers[at + 4] = evidence.mtimeNanoseconds;
    if (copy !== undefined && copy.untouchable !== true) replaces.set(index, copy.kept);
    if (file.goneBack === true) goneBack.add(index);
    const digest = file.mustBe ?? source?.mustBe;
    if (digest !== undefined) mustBe.set(index, digest);
    if (source?.looksLike !== undefined) looksLike.set(index, source.looksLike);
    return name;
  });
  const prefix = files[0]?.prefix === true;
  return { replica, directories, names: names.join("/"), numbers, replaces, goneBack, mustBe, looksLike, prefix };
}

/** The size of its largest file. */
export function largestOf({ numbers }: PackedGroup): number {
  let largest = 0;
  for (let at = 2; at < numbers.length; at += COLUMNS) largest = Math.max(largest, numbers[at] ?? 0);
  return largest;
}

export function unpackGroup({ replica, directories, names, numbers, replaces, prefix, ...packed }: PackedGroup): CopyGroup {
  const requests = names.split("/").map((name, index): CopyRequest => {
    const at = index * COLUMNS;
    const directory = directories[numbers[at + 1] ?? 0];
    if (directory === undefined) throw new Error(`the group names no directory for its file ${index}`);
    const former = replaces.get(index);
    const mustBe = packed.mustBe.get(index);
    const looksLike = packed.looksLike.get(index);
    return {
      // Packed from a file origin's id.
      id: numbers[at] as FileOriginId,
      ...directory,
      name,
      evidence: { size: numbers[at + 2] ?? 0, mtimeSeconds: numbers[at + 3] ?? 0, mtimeNanoseconds: numbers[at + 4] ?? 0 },
      ...(former === undefined ? {} : { replaces: former }),
      ...(packed.goneBack.has(index) ? { goneBack: true as const } : {}),
      ...(mustBe === undefined ? {} : { mustBe }),
      ...(looksLike === undefined ? {} : { looksLike }),
      ...(prefix ? { prefix } : {}),
    };
  });
  return { replica, requests };
}

export interface PackedResult extends Omit<CopyGroupResult, "outcomes"> {
  /** Positions in the group of the files that were copied and kept their modification time: nearly all, nearly always. */
  readonly copied: Uint32Array;
  /** The SHA-256 of each, one after the other. */
  readonly digests: Uint8Array;
  /** All other outcomes, with the position of each. */
  readonly others: readonly (readonly [position: number, outcome: CopyOutcome])[];
}

export function packResult({ requests }: CopyGroup, { outcomes, ...rest }: CopyGroupResult): PackedResult {
  const positions = new Map(requests.map(({ id }, index) => [id, index]));
  const copied: number[] = [];
  const digests: Uint8Array[] = [];
  const others: (readonly [number, CopyOutcome])[] = [];
  for (const outcome of outcomes) {
    const position = positions.get(outcome.id);
    if (position === undefined) throw new Error(`an outcome for the file ${outcome.id}, which is not in the group`);
    if (outcome.kind === "stored" && outcome.how === "copied" && !outcome.kept && !outcome.prefix) {
      copied.push(position);
      digests.push(outcome.digest.bytes);
    } else others.push([position, outcome]);
  }
  return { ...rest, copied: Uint32Array.from(copied), digests: Buffer.concat(digests), others };
}

/** Some of its files are durable at the replica, copied by the group or found there. */
export const hasCopies = ({ copied, others }: PackedResult): boolean =>
  copied.length > 0 || others.some(([, { kind }]) => kind !== "failed");
