/** Collects what a walk finds, and sends it on before it gets long. A place is sent only with or after all files that come before it. */
import {
  type FoundBatch,
  type FoundDirectory,
  NUMBERS_PER_FOUND_FILE,
  type ProvenCopies,
  type ProvenCopy,
} from "../inventory/mod.ts";

const FILES_PER_BATCH = 10_000;
const DIRECTORIES_PER_BATCH = 1_000;

export class ImportBatches {
  #directories: FoundDirectory[] = [];
  #proven: ProvenCopies[] = [];
  #files = 0;
  #names: string[] = [];
  #numbers: number[] = [];
  #position: string | undefined;
  #sent: string | undefined;

  constructor(
    private readonly whose: Pick<FoundBatch, "folder" | "host">,
    private readonly send: (batch: FoundBatch) => void,
  ) {}

  /** A file of the directory that is being listed. `created`: seconds since 1970. */
  add(
    { path, place }: Pick<FoundDirectory, "path" | "place">,
    name: string,
    size: number,
    mtimeSeconds: number,
    mtimeNanoseconds: number,
    created: number | undefined,
  ): void {
    this.#names.push(name);
    this.#numbers.push(size, mtimeSeconds, mtimeNanoseconds, created === undefined ? Number.NaN : created * 1000);
    if (this.#numbers.length < FILES_PER_BATCH * NUMBERS_PER_FOUND_FILE) return;
    this.#take(path, place);
    this.flush();
  }

  /** What the manifest of the directory that is being listed knows of its files. */
  prove({ path, place }: Pick<FoundDirectory, "path" | "place">, copies: readonly ProvenCopy[]): void {
    this.#take(path, place);
    this.#proven.push({ path, place, copies });
    this.#files += copies.length;
    if (this.#files >= FILES_PER_BATCH) this.flush();
  }

  /** The directory was listed. `position`: left out where not to its end. */
  endDirectory(path: string | undefined, place: string, position: string | undefined): void {
    if (path !== undefined) this.#take(path, place);
    this.#position = position ?? this.#position;
    if (this.#files >= FILES_PER_BATCH || this.#directories.length >= DIRECTORIES_PER_BATCH) this.flush();
  }

  #take(path: string, place: string): void {
    if (this.#names.length === 0) return;
    this.#directories.push({ path, place, names: this.#names, numbers: Float64Array.from(this.#numbers) });
    this.#files += this.#names.length;
    this.#names = [];
    this.#numbers = [];
  }

  /** Sends what there is. */
  flush(): void {
    if (this.#directories.length + this.#proven.length === 0 && this.#position === this.#sent) return;
    const position = this.#position === undefined ? {} : { position: this.#position };
    this.send({ ...this.whose, directories: this.#directories, proven: this.#proven, ...position });
    this.#sent = this.#position;
    this.#directories = [];
    this.#proven = [];
    this.#files = 0;
  }
}
