/**
 * The source's side of a copy, watched from outside: before each call at a source on this machine is noted for which file that source was opened. A thread that hangs cannot say where;
 * whoever gives it up looks at the note. Not the directory: files of one may come from their origin and from several replicas. What lies on another host is never noted: the way there has a timeout of its own.
 */
import { err, type Result } from "neverthrow";
import type { FileOriginId } from "../inventory/mod.ts";
import type { IoBuffer, Writers } from "../sys/mod.ts";
import type { Outcome, SourceFile, VolumeDirectory, VolumeError } from "../volume/mod.ts";

/** What a copy and whoever waits for it tell each other while it is under way. */
export interface CopyWatch {
  /** Leave untried what was not begun. */
  isStopped(): boolean;
  /** Nobody waits for it any more, and another may copy the same by now: nothing more gets its final name. */
  isGivenUp(): boolean;
  /** A call begins at the source that this file comes from; undefined: it has come back. */
  atSource(file: FileOriginId | undefined): void;
}

/** As much of a source's directory as a copy needs. */
export type SourceDirectory = Pick<VolumeDirectory, "openSource" | "attributes" | "close">;

/** Notes one call that blocks. */
export function noted<Value>(watch: CopyWatch, file: FileOriginId, call: () => Value): Value {
  watch.atSource(file);
  try {
    return call();
  } finally {
    watch.atSource(undefined);
  }
}

/** A directory on this machine, of which every call is noted. `id`: of the file for which it was opened; all that come from there have the same source. */
export class WatchedDirectory implements SourceDirectory {
  constructor(
    private readonly inner: VolumeDirectory,
    private readonly id: FileOriginId,
    private readonly watch: CopyWatch,
  ) {}

  attributes(): ReturnType<SourceDirectory["attributes"]> {
    return noted(this.watch, this.id, () => this.inner.attributes());
  }

  async openSource(name: string): Promise<Result<SourceFile, VolumeError>> {
    const opened = await noted(this.watch, this.id, () => this.inner.openSource(name));
    return opened.map((file) => new WatchedFile(file, `${this.inner.path}/${name}`, this.id, this.watch));
  }

  close(): void {
    noted(this.watch, this.id, () => this.inner.close());
  }
}

class WatchedFile implements SourceFile {
  constructor(
    private readonly inner: SourceFile,
    private readonly path: string,
    private readonly id: FileOriginId,
    private readonly watch: CopyWatch,
  ) {}

  get stat(): SourceFile["stat"] {
    return this.inner.stat;
  }

  read(buffer: IoBuffer, length: number, position: number): Outcome<number> {
    return this.#ask("read", () => this.inner.read(buffer, length, position));
  }

  nextData(position: number): ReturnType<SourceFile["nextData"]> {
    return this.#ask("read", () => this.inner.nextData(position));
  }

  forget(from: number, length: number): void {
    this.#note(() => this.inner.forget(from, length));
  }

  writers(): Writers {
    return this.#note(() => this.inner.writers?.() ?? "unknown");
  }

  statNow(): ReturnType<SourceFile["statNow"]> {
    return this.#ask("stat", () => this.inner.statNow());
  }

  sync(): ReturnType<SourceFile["sync"]> {
    return this.#ask("flush", () => this.inner.sync());
  }

  close(): void {
    this.#note(() => this.inner.close());
  }

  #note<Value>(call: () => Value): Value {
    return noted(this.watch, this.id, call);
  }

  /** A copy that was given up ends with its next question. */
  #ask<Value>(operation: string, call: () => Outcome<Value>): Outcome<Value> {
    if (!this.watch.isGivenUp()) return this.#note(call);
    return err({ kind: "volume", reason: "other", operation, path: this.path, code: "", words: "the copy was given up" });
  }
}
