/** What a process that was killed, or lost its power, has left of writing a file: the temporary file that bears its number. */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const END = ".tmp";

/** The temporary file of this process, beside the file that it becomes. `mark`: in front of its name, such as "." where a folder is listed by people. */
export const processTemporary = (path: string, mark: "" | "."): string =>
  join(dirname(path), `${mark}${basename(path)}.${process.pid}${END}`);

/** Removes those of processes that are gone. Never fails: what cannot be removed does no harm. */
export async function removeLeftBehind(path: string, mark: "" | "."): Promise<void> {
  const begin = `${mark}${basename(path)}.`;
  const names = await readdir(dirname(path)).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(begin) || !name.endsWith(END)) continue;
    const pid = name.slice(begin.length, -END.length);
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`))
      await rm(join(dirname(path), name), { force: true }).catch(() => undefined);
  }
}
