/** What is to be looked at in one data directory, each thing once: names, whole directories. */
import type { LookEntry } from "../scan/mod.ts";

/** From this many names on, a directory is listed as a whole. */
const NAMES_OF_ONE_DIRECTORY = 10_000;

export class HintQueue {
  readonly #names = new Map<string, Set<string>>();
  readonly #directories = new Set<string>();

  get isEmpty(): boolean {
    return this.#names.size === 0 && this.#directories.size === 0;
  }

  /** A name in a directory (absolute origin path). */
  addName(directory: string, name: string): void {
    if (this.#directories.has(directory)) return;
    const names = this.#names.get(directory) ?? new Set<string>();
    names.add(name);
    if (names.size > NAMES_OF_ONE_DIRECTORY) this.addDirectory(directory);
    else this.#names.set(directory, names);
  }

  addDirectory(path: string): void {
    this.#names.delete(path);
    this.#directories.add(path);
  }

  /** Takes some names, `limit` or a few more; oldest directories first. */
  takeNames(limit: number): LookEntry[] {
    const entries: LookEntry[] = [];
    let taken = 0;
    for (const [path, names] of this.#names) {
      if (taken >= limit) break;
      entries.push({ path, names: [...names] });
      taken += names.size;
      this.#names.delete(path);
    }
    return entries;
  }

  takeDirectories(limit: number): string[] {
    const taken = [...this.#directories].slice(0, limit);
    for (const path of taken) this.#directories.delete(path);
    return taken;
  }
}

/** Names as entries, one a directory. */
export function byDirectory(files: readonly { readonly path: string; readonly name: string }[]): LookEntry[] {
  const names = new Map<string, string[]>();
  for (const { path, name } of files) {
    const known = names.get(path);
    if (known === undefined) names.set(path, [name]);
    else known.push(name);
  }
  return [...names].map(([path, all]) => ({ path, names: all }));
}
