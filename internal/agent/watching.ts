/** The controller's watch on the data directories: the thread that hears the kernel, and what its reports are about. A hint says where to look, never what is so. */
import type { DataDirectoryId } from "../inventory/mod.ts";
import { type Findings, type Hint, WatchedDirectories } from "../scan/mod.ts";
import { errnoText, type InotifyDescriptor } from "../sys/mod.ts";
import { Watcher } from "./watcher.ts";

export class Watching {
  readonly #directories = new WatchedDirectories();
  #watcher: Watcher | undefined;
  #failure: string | undefined;

  constructor(
    private readonly onHint: (hint: Hint) => void,
    /** Events were lost: only a scan tells what they were. */
    private readonly onLost: () => void,
    /** Nothing is reported any more. */
    private readonly onFailed: (why: string) => void,
  ) {}

  /** Where scans set their watches; undefined while nothing is watched. */
  get descriptor(): InotifyDescriptor | undefined {
    return this.#watcher?.descriptor;
  }

  /** Why nothing is reported, although it should be. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Begins, unless it has begun. */
  start(): void {
    if (this.#watcher !== undefined || this.#failure !== undefined) return;
    const started = Watcher.start(
      (events) => this.#found(this.#directories.take(events)),
      () => this.onLost(),
      (detail) => {
        this.#failure = `the kernel's reports have ended: ${detail}`;
        this.#watcher = undefined;
        this.onFailed(this.#failure);
      },
    );
    if (started.isOk()) this.#watcher = started.value;
    else this.#failure = `the kernel cannot be asked for reports: ${errnoText(started.error.code)}`;
  }

  /** A directory is watched since `when`, under this number. */
  known(dataDirectory: DataDirectoryId, path: string, watch: number, when: number): void {
    this.#found(this.#directories.known(dataDirectory, path, watch, when));
  }

  #found({ hints, remove }: Findings): void {
    for (const watch of remove) this.#watcher?.remove(watch);
    for (const hint of hints) this.onHint(hint);
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
  }
}
