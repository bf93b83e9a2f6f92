/** The configuration file on disk: read whole, replaced whole, and only while it still is what was read. */
import { chmod, chown, lstat, mkdir, open, readFile, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { err, errAsync, ok, okAsync, type Result, ResultAsync } from "neverthrow";
import { errnoText, processTemporary, removeLeftBehind, tryLockFolder } from "../sys/mod.ts";
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

/** The text before an edit, undefined where there is no file yet, and after it. */
export interface Edited {
  readonly before: string | undefined;
  readonly after: string;
}

export type Edit = (before: string | undefined) => Result<string, ConfigError>;

/** What an edit would make of the file. */
export const tryEdit = (file: string, edit: Edit): ResultAsync<Edited, ConfigError> =>
  readConfiguration(file)
    .map((text): string | undefined => text)
    .orElse((error) => (error.kind === "config-missing" ? ok(undefined) : err(error)))
    .andThen((before) => edit(before).map((after) => ({ before, after })));

/** So often an edit is done anew because somebody else was faster. Whoever saves more often than that is no person. */
const TRIES = 20;

/**
 * Edits the file, atomically and durably: a reader sees the old text or the new one. Keeps mode and owner; follows a link to the real file. What somebody else writes
 * meanwhile is not lost: then it is read and edited again.
 */
export function editConfiguration(file: string, edit: Edit, tries = TRIES): ResultAsync<Edited, ConfigError> {
  const unwritable = (detail: string): ConfigError => ({ kind: "config-unwritable", file, detail });
  return tryEdit(file, edit).andThen((edited) => {
    if (edited.after === edited.before) return okAsync(edited);
    return ResultAsync.fromPromise(replace(file, edited), (exception) => unwritable(textOf(exception))).andThen((outcome) => {
      if (outcome === "written") return okAsync(edited);
      return tries > 1
        ? editConfiguration(file, edit, tries - 1)
        : errAsync(unwritable("it changed meanwhile, again and again: try again"));
    });
  });
}

/** Where the text is to stand: at the end of all links. */
async function targetOf(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch (exception) {
    const link = await lstat(file).catch(() => undefined);
    if (link?.isSymbolicLink()) throw new Error(`it is a link to ${await readlink(file)}, which is not there`);
    if (codeOf(exception) !== "ENOENT") throw exception;
    return file;
  }
}

async function replace(file: string, { before, after }: Edited): Promise<"written" | "changed"> {
  await mkdir(dirname(file), { recursive: true });
  const target = await targetOf(file);
  const temporary = processTemporary(target, ".");
  await removeLeftBehind(target, ".");
  try {
    const handle = await open(temporary, "wx", 0o644);
    try {
      await handle.writeFile(after);
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
    return await exchange(temporary, target, before);
  } catch (exception) {
    await rm(temporary, { force: true });
    throw exception;
  }
}

/** Gives the temporary file its name while nobody else who locks does the same; an editor does not lock, and has the moment between the look and the rename. */
async function exchange(temporary: string, target: string, before: string | undefined): Promise<"written" | "changed"> {
  const lock = await lockFolder(dirname(target));
  try {
    const now = await readFile(target).catch((exception) => {
      if (codeOf(exception) === "ENOENT") return undefined;
      throw exception;
    });
    const expected = before === undefined ? undefined : Buffer.from(before);
    if (now === undefined || expected === undefined ? now !== expected : !now.equals(expected)) {
      await rm(temporary, { force: true });
      return "changed";
    }
    await rename(temporary, target);
    const folder = await open(dirname(target), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    return "written";
  } finally {
    lock.release();
  }
}

const LOCK_MILLISECONDS = 10_000;
const LOCK_AGAIN_MILLISECONDS = 5;

async function lockFolder(folder: string): Promise<{ release(): void }> {
  for (let waited = 0; ; waited += LOCK_AGAIN_MILLISECONDS) {
    const lock = tryLockFolder(folder);
    if (lock.isOk()) return lock.value;
    if (lock.error.code !== "EAGAIN") throw new Error(`${folder} cannot be locked: ${errnoText(lock.error.code)}`);
    if (waited >= LOCK_MILLISECONDS) throw new Error(`another program keeps ${folder} locked`);
    await Bun.sleep(LOCK_AGAIN_MILLISECONDS);
  }
}
