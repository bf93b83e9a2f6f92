/** The configuration file on disk: read whole, replaced whole. */
import { chmod, chown, mkdir, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { err, ok, ResultAsync } from "neverthrow";
import { processTemporary, removeLeftBehind } from "../sys/mod.ts";
import type { ConfigError } from "./config-error.ts";
import type { DesiredState } from "./desired-state.ts";
import type { Environment } from "./environment.ts";
import { parseConfiguration } from "./parse.ts";

const codeOf = (exception: unknown): string =>
  exception instanceof Error && "code" in exception && typeof exception.code === "string" ? exception.code : "";
const textOf = (exception: unknown): string => (exception instanceof Error ? exception.message : String(exception));

/** What stays so until a person changes it; a disk that gives errors, or too many open files, may be over the next time. */
const LASTING = new Set(["EACCES", "EPERM", "EISDIR", "ENOTDIR", "ELOOP", "ENAMETOOLONG"]);

/** Far more than a configuration may have; what is longer, or has no end, is read no further. */
const MOST_BYTES = 1 << 20;

async function readWhole(file: string): Promise<Uint8Array> {
  const handle = await open(file, "r");
  try {
    const bytes = new Uint8Array(MOST_BYTES);
    for (let length = 0; ; ) {
      const { bytesRead } = await handle.read(bytes, length, MOST_BYTES - length);
      length += bytesRead;
      if (length === MOST_BYTES) throw new Error("it is too large for a configuration");
      if (bytesRead === 0) return bytes.subarray(0, length);
    }
  } finally {
    await handle.close();
  }
}

/** The text of a configuration file. Text that is not UTF-8 is refused, not mangled. */
export function readConfiguration(file: string): ResultAsync<string, ConfigError> {
  return ResultAsync.fromPromise(readWhole(file), (exception): ConfigError => {
    const code = codeOf(exception);
    if (code === "ENOENT") return { kind: "config-missing", file };
    const detail = code === "EISDIR" ? "it is a directory" : textOf(exception);
    return { kind: "config-unreadable", file, detail, passing: code !== "" && !LASTING.has(code) };
  }).andThen((bytes) => {
    try {
      // A byte order mark stays in the text, so that an edit leaves it there.
      return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    } catch {
      return err<string, ConfigError>({ kind: "config-unreadable", file, detail: "it is not UTF-8 text", passing: false });
    }
  });
}

export const loadConfiguration = (file: string, environment: Environment): ResultAsync<DesiredState, ConfigError> =>
  readConfiguration(file).andThen((text) => parseConfiguration(text, file, environment));

/** Replaces the file atomically and durably: a reader sees the old text or the new one. Keeps mode and owner; follows a link to the real file. */
export const writeConfiguration = (file: string, text: string): ResultAsync<void, ConfigError> =>
  ResultAsync.fromPromise(
    replace(file, text),
    (exception): ConfigError => ({ kind: "config-unwritable", file, detail: textOf(exception) }),
  );

async function replace(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const target = await realpath(file).catch(() => file);
  const temporary = processTemporary(target, ".");
  await removeLeftBehind(target, ".");
  try {
    const handle = await open(temporary, "wx", 0o644);
    try {
      await handle.writeFile(text);
      const old = await stat(target).catch(() => undefined);
      if (old !== undefined) {
        await chmod(temporary, old.mode & 0o7777);
        // Only root may give files away; a file that stays its editor's is still the right text.
        await chown(temporary, old.uid, old.gid).catch(() => undefined);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
    const folder = await open(dirname(target), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (exception) {
    await rm(temporary, { force: true });
    throw exception;
  }
}
