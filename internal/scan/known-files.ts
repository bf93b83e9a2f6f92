/** What the inventory knows of the files of one directory, and which of them were seen: wholly in memory, or one bit a file where there are too many. */
import {
  type DirectoryId,
  type FileOriginId,
  KNOWN,
  knownDirectoryExtent,
  knownFile,
  knownFileIds,
  originStateCode,
  type Session,
} from "../inventory/mod.ts";

const ABSENT = originStateCode("absent");

/** The files that the inventory has for one directory. */
export interface KnownFiles {
  /** The row of that name (columns as in `KNOWN`), which is now seen. */
  take(name: string): unknown[] | undefined;
  /** Calls back for every file that was not taken and is neither absent nor new. */
  forEachUnseen(report: (id: FileOriginId) => void): void;
}

export class SmallDirectory implements KnownFiles {
  readonly #rows = new Map<string, unknown[]>();

  constructor(rows: readonly unknown[][]) {
    // Columns are those that `KNOWN` names.
    for (const row of rows) this.#rows.set(row[KNOWN.name] as string, row);
  }

  take(name: string): unknown[] | undefined {
    const row = this.#rows.get(name);
    if (row !== undefined) this.#rows.delete(name);
    return row;
  }

  forEachUnseen(report: (id: FileOriginId) => void): void {
    for (const row of this.#rows.values()) if (row[KNOWN.state] !== ABSENT) report(row[KNOWN.id] as FileOriginId);
  }
}

export class LargeDirectory implements KnownFiles {
  readonly #seen: Uint8Array;
  readonly #extent: { readonly present: number; readonly first: number; readonly last: number };
  #present = 0;

  constructor(
    private readonly session: Session,
    private readonly directory: DirectoryId,
  ) {
    this.#extent = knownDirectoryExtent(session, directory);
    this.#seen = new Uint8Array(((this.#extent.last - this.#extent.first) >> 3) + 1);
  }

  take(name: string): unknown[] | undefined {
    const row = knownFile(this.session, this.directory, name);
    if (row === undefined) return undefined;
    const bit = (row[KNOWN.id] as number) - this.#extent.first;
    if (bit >= 0 && bit >> 3 < this.#seen.length) this.#seen[bit >> 3] = (this.#seen[bit >> 3] ?? 0) | (1 << (bit & 7));
    if (row[KNOWN.state] !== ABSENT) this.#present += 1;
    return row;
  }

  forEachUnseen(report: (id: FileOriginId) => void): void {
    if (this.#present === this.#extent.present) return;
    for (const { id, state } of knownFileIds(this.session, this.directory)) {
      const bit = id - this.#extent.first;
      if (state !== ABSENT && ((this.#seen[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0) report(id);
    }
  }
}
