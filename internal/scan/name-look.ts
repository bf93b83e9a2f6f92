/**
 * Looks at single names of a data directory, because something has happened to them or because they were growing. Says what differs from the inventory, as a
 * scan does; but a name that is not there proves nothing here: only a scan of the whole does (law 5).
 */
import {
  type DirectoryDifference,
  type DirectoryId,
  type FileOriginId,
  KNOWN,
  knownDirectory,
  knownFile,
  observedSince,
  originStateCode,
  type Session,
  wasTried,
} from "../inventory/mod.ts";
import type { FileStat, Writers } from "../sys/mod.ts";
import type { ListableDirectory, VolumeDirectory, VolumeError } from "../volume/mod.ts";
import { isTemporaryName, type Outcome, volumeErrorMessage } from "../volume/mod.ts";
import type { ExcludePatterns } from "./exclude-patterns.ts";
import type { ScanSink } from "./scan-sink.ts";
import type { ScanTarget } from "./scan-target.ts";
import { type SettleRule, stateOf } from "./settle.ts";
import { WaysAbove } from "./ways-above.ts";

/** Names of one directory. */
export interface LookEntry {
  /** Absolute origin path of the directory. */
  readonly path: string;
  readonly names: readonly string[];
}

/** As much of a volume as this needs. */
interface LookableVolume {
  openDirectory(path: string): Outcome<Pick<VolumeDirectory, "openSource"> & ListableDirectory>;
}

type LookableDirectory = Pick<VolumeDirectory, "openSource"> & ListableDirectory;

const SETTLED = originStateCode("settled");
const ABSENT = originStateCode("absent");
const EXCLUDED = originStateCode("excluded");

/** Names on the way at a time, where an answer has a long way. */
const LOOKS_AT_A_TIME = 64;

export class NameLook {
  readonly #above: WaysAbove;

  constructor(
    private readonly volume: LookableVolume,
    private readonly session: Session,
    private readonly target: ScanTarget,
    private readonly patterns: ExcludePatterns,
    private readonly rule: SettleRule,
    private readonly sink: ScanSink,
  ) {
    this.#above = new WaysAbove(volume, session, target);
  }

  async look(entries: readonly LookEntry[]): Promise<void> {
    for (const { path, names } of entries) {
      const { root } = this.target;
      const relative = path === root ? "" : path.slice(root === "/" ? 1 : root.length + 1);
      const opened = await this.volume.openDirectory(relative);
      if (opened.isOk()) {
        await this.#lookIn(opened.value, path, relative, names);
        opened.value.close();
      } else if (opened.error.reason !== "not-found") this.#problem(path, opened.error);
      this.sink.alive?.();
    }
  }

  async #lookIn(directory: LookableDirectory, path: string, relative: string, names: readonly string[]): Promise<void> {
    const { host, dataDirectory } = this.target;
    // Whoever lists it says why.
    if (directory.isMountPoint !== undefined && (await this.#above.isLeftOut(path))) return;
    const id = knownDirectory(this.session, host, dataDirectory, path)?.id;
    const found = new Difference(path);
    for (let at = 0; at < names.length; at += LOOKS_AT_A_TIME) {
      await Promise.all(
        names.slice(at, at + LOOKS_AT_A_TIME).map((name) => this.#lookAt(directory, id, path, relative, name, found)),
      );
    }
    if (!found.isEmpty()) this.sink.difference(found.take());
  }

  async #lookAt(
    directory: LookableDirectory,
    id: DirectoryId | undefined,
    path: string,
    relative: string,
    name: string,
    found: Difference,
  ): Promise<void> {
    // A restore that is under way: no file of the instrument.
    if (isTemporaryName(name)) return;
    const excluded = this.patterns.excludes(name, () => (relative === "" ? name : `${relative}/${name}`));
    const row = id === undefined ? undefined : knownFile(this.session, id, name);
    if (excluded) {
      const state = row?.[KNOWN.state];
      if (row !== undefined && state !== ABSENT && state !== EXCLUDED) found.exclude(row[KNOWN.id] as FileOriginId);
      return;
    }
    const there = await directory.look(name);
    if (there.isErr()) this.#problem(`${path}/${name}`, there.error);
    else if (there.value?.kind === "directory") this.sink.subdirectory(path === "/" ? `/${name}` : `${path}/${name}`);
    else if (there.value?.kind === "file") await this.#compare(directory, row, name, there.value, found);
  }

  async #compare(
    directory: LookableDirectory,
    row: unknown[] | undefined,
    name: string,
    there: FileStat,
    found: Difference,
  ): Promise<void> {
    if (row?.[KNOWN.state] === SETTLED && isAsKnown(row, there)) return;
    const { stat, writers } = await seen(directory, name, there);
    const tried = row !== undefined && wasTried(this.session, row[KNOWN.id] as FileOriginId);
    const modified = stat.mtimeSeconds + stat.mtimeNanoseconds / 1e9;
    const changed = stat.ctimeSeconds + stat.ctimeNanoseconds / 1e9;
    const seenSince = () =>
      row !== undefined && isAsKnown(row, stat) ? observedSince(this.session, row[KNOWN.id] as FileOriginId) : undefined;
    const coarse = stat.mtimeNanoseconds === 0 && stat.ctimeNanoseconds === 0;
    const state = stateOf(this.rule, { modified, changed, writers, wasTried: tried, coarse, seenSince });
    if (row !== undefined && row[KNOWN.state] === originStateCode(state) && isAsKnown(row, stat)) return;
    found.add(name, stat, state === "settled");
  }

  #problem(path: string, error: VolumeError): void {
    this.sink.counts.unreadable += 1;
    this.sink.problem({ path, code: error.reason, message: volumeErrorMessage(error) });
  }
}

/** The file and its writers at one moment: a file that cannot be opened is judged by its times alone. */
async function seen(directory: LookableDirectory, name: string, there: FileStat): Promise<{ stat: FileStat; writers: Writers }> {
  const opened = await directory.openSource(name);
  if (opened.isErr()) return { stat: there, writers: "unknown" };
  const writers = opened.value.writers?.() ?? "unknown";
  // Once nobody has it open any more, what it is now is what they left.
  const now = await opened.value.statNow();
  opened.value.close();
  return { stat: now.unwrapOr(opened.value.stat), writers };
}

const isAsKnown = (row: unknown[], stat: FileStat): boolean =>
  row[KNOWN.size] === stat.size &&
  row[KNOWN.mtimeSeconds] === stat.mtimeSeconds &&
  row[KNOWN.mtimeNanoseconds] === stat.mtimeNanoseconds;

/** What was found in one directory. */
class Difference {
  readonly #names: string[] = [];
  readonly #numbers: number[] = [];
  readonly #excluded: FileOriginId[] = [];

  constructor(private readonly path: string) {}

  add(name: string, stat: FileStat, settled: boolean): void {
    this.#names.push(name);
    this.#numbers.push(stat.size, stat.mtimeSeconds, stat.mtimeNanoseconds, settled ? 1 : 0);
  }

  exclude(file: FileOriginId): void {
    this.#excluded.push(file);
  }

  isEmpty(): boolean {
    return this.#names.length + this.#excluded.length === 0;
  }

  take(): DirectoryDifference {
    const found = { names: this.#names, numbers: Float64Array.from(this.#numbers), excluded: this.#excluded };
    return { path: this.path, ...found, vanished: [], vanishedDirectories: [], excludedDirectories: [] };
  }
}
