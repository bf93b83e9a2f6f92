/**
 * Notices that the configuration file is another one. Its folder is watched, because an editor replaces a file instead of writing it; and now and then it is
 * looked at, because a watch can miss what a mount or a link does. One unreadable moment ends nothing.
 */
import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import { configurationFingerprint } from "../config/mod.ts";
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
    /** Of what is in force, taken before that was read. */
    seen: string,
    private readonly clock: Clock,
    private readonly onChange: () => void,
  ) {
    this.#seen = seen;
    this.#watch();
    // It may be another one already: an inventory that opens slowly takes its time.
    this.#stirred();
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
    const now = configurationFingerprint(this.file);
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
