/** The instrument in the simulation: makes files on a real data directory, at the simulated time, and remembers every content that each of them ever had. */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  futimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../../sys/mod.ts";

export interface FileHistory {
  /** Below the data directory. */
  readonly name: string;
  /** Every content that it had when the agent could look. */
  readonly contents: Buffer[];
  exists: boolean;
  /** It was gone at some time. */
  wasGone: boolean;
  /** While somebody writes it. */
  descriptor: number | undefined;
}

export class Instrument {
  readonly files = new Map<string, FileHistory>();
  #count = 0;
  #isHidden = false;

  constructor(
    readonly folder: string,
    private readonly clock: Clock,
  ) {
    mkdirSync(folder);
  }

  get isHidden(): boolean {
    return this.#isHidden;
  }

  get existing(): FileHistory[] {
    return [...this.files.values()].filter(({ exists }) => exists);
  }

  /** The `index`th of those that exist and are closed, round and round. */
  closed(index: number): FileHistory | undefined {
    const closed = this.existing.filter(({ descriptor }) => descriptor === undefined);
    return closed[index % Math.max(1, closed.length)];
  }

  open(index: number): FileHistory | undefined {
    const open = this.existing.filter(({ descriptor }) => descriptor !== undefined);
    return open[index % Math.max(1, open.length)];
  }

  #content(bytes: number): Buffer {
    this.#count += 1;
    return Buffer.alloc(bytes, `${this.#count} `);
  }

  #seconds(): number {
    return this.clock.now() / 1000;
  }

  /** A file that is written at once and closed. */
  create(directory: number, bytes: number): void {
    const name = `night${directory % 3}/${directory % 2 === 0 ? "" : "deep/"}image${this.#count}`;
    const content = this.#content(bytes);
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    utimesSync(path, this.#seconds(), this.#seconds());
    this.files.set(name, { name, contents: [content], exists: true, wasGone: false, descriptor: undefined });
  }

  /** A file that stays open. */
  begin(bytes: number): void {
    const name = `telem/file${this.#count}`;
    const content = this.#content(bytes);
    mkdirSync(join(this.folder, "telem"), { recursive: true });
    const descriptor = openSync(join(this.folder, name), "w");
    writeSync(descriptor, content);
    futimesSync(descriptor, this.#seconds(), this.#seconds());
    this.files.set(name, { name, contents: [content], exists: true, wasGone: false, descriptor });
  }

  append(file: FileHistory, bytes: number): void {
    if (file.descriptor === undefined) return;
    const more = this.#content(bytes);
    writeSync(file.descriptor, more, 0, more.length, fstatSync(file.descriptor).size);
    futimesSync(file.descriptor, this.#seconds(), this.#seconds());
    file.contents.push(Buffer.concat([file.contents.at(-1) ?? Buffer.alloc(0), more]));
  }

  finish(file: FileHistory): void {
    if (file.descriptor === undefined) return;
    closeSync(file.descriptor);
    file.descriptor = undefined;
  }

  /** In place, as an editor would that knows no better. */
  rewrite(file: FileHistory, bytes: number): void {
    const path = join(this.folder, file.name);
    const content = this.#content(bytes);
    const descriptor = openSync(path, "r+");
    ftruncateSync(descriptor, 0);
    writeSync(descriptor, content, 0, content.length, 0);
    closeSync(descriptor);
    utimesSync(path, this.#seconds(), this.#seconds());
    file.contents.push(content);
  }

  remove(file: FileHistory): void {
    rmSync(join(this.folder, file.name));
    file.exists = false;
    file.wasGone = true;
  }

  rename(file: FileHistory): void {
    this.#count += 1;
    const name = `moved${this.#count}`;
    renameSync(join(this.folder, file.name), join(this.folder, name));
    file.exists = false;
    file.wasGone = true;
    this.files.set(name, { name, contents: file.contents.slice(-1), exists: true, wasGone: false, descriptor: undefined });
  }

  /** The data directory's volume is not mounted: an empty mount point is there in its place. */
  hide(): void {
    if (this.#isHidden) return;
    renameSync(this.folder, `${this.folder}.hidden`);
    mkdirSync(this.folder);
    this.#isHidden = true;
  }

  show(): void {
    if (!this.#isHidden) return;
    rmSync(this.folder, { recursive: true });
    renameSync(`${this.folder}.hidden`, this.folder);
    this.#isHidden = false;
  }

  /** What is not as the instrument left it: nobody else may touch its files. */
  problems(): string[] {
    if (this.#isHidden) return [];
    return [...this.files.values()].flatMap(({ name, exists, contents }) => {
      const path = join(this.folder, name);
      if (existsSync(path) !== exists) return [`the origin of ${name} ${exists ? "is gone" : "has come back"}`];
      if (!exists) return [];
      const same = contents.at(-1)?.equals(readFileSync(path)) === true && statSync(path).isFile();
      return same ? [] : [`the origin of ${name} was changed`];
    });
  }

  close(): void {
    for (const file of this.files.values()) this.finish(file);
  }
}
