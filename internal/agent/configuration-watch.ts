/**
 * Notices that the configuration file is another one. Its folder is watched, because an editor replaces a file instead of writing it; and now and then it is
 * looked at, because a watch can miss what a mount or a link does. One unreadable moment ends nothing.
 */
import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../sys/mod.ts";

/** Editors write in several steps. */
const QUIET_MILLISECONDS = 100;
const LOOK_EVERY_MILLISECONDS = 30_000;

export class ConfigurationWatch {
  #watcher: FSWatcher | undefined;
  #seen: string;
  #cancelQuiet: (() => void) | undefined;
  #cancelLook: () => void = () => undefined;
  #closed = false;

  constructor(
    private readonly file: string,
    private readonly clock: Clock,
    private readonly onChange: () => void,
  ) {
    this.#seen = fingerprint(file);
    this.#watch();
    this.#lookLater();
  }

  #watch(): void {
    try {
      this.#watcher = watch(dirname(this.file), { persistent: false }, () => this.#stirred());
      this.#watcher.on("error", () => this.#watcher?.close());
    } catch {
      // The looking now and then goes on.
      this.#watcher = undefined;
    }
  }

  #stirred(): void {
    this.#cancelQuiet?.();
    this.#cancelQuiet = this.clock.after(QUIET_MILLISECONDS, () => this.#look());
  }

  #look(): void {
    if (this.#closed) return;
    const now = fingerprint(this.file);
    if (now === this.#seen) return;
    this.#seen = now;
    this.onChange();
  }

  #lookLater(): void {
    this.#cancelLook = this.clock.after(LOOK_EVERY_MILLISECONDS, () => {
      this.#look();
      this.#lookLater();
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancelQuiet?.();
    this.#cancelLook();
    this.#watcher?.close();
  }
}

/** Follows links: a mounted configuration is often one. */
function fingerprint(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return "";
  }
}
