/** Writes the status file: a temporary file beside it, then one rename, so that a reader sees a whole document, the old one or the new. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { ResultAsync } from "neverthrow";
import { jsonText, processTemporary, removeLeftBehind } from "../sys/mod.ts";
import type { AgentError } from "./agent-error.ts";
import type { StatusDocument } from "./status-document.ts";

/** Writes one after the other, whoever asks: the newest document is the one that stays. */
export class StatusFile {
  #last: Promise<unknown>;

  constructor(private readonly path: string) {
    this.#last = removeLeftBehind(path, "");
  }

  /** What was asked for last; resolves when it is written, whatever came of it. */
  get last(): Promise<unknown> {
    return this.#last;
  }

  write(document: StatusDocument): ResultAsync<void, AgentError> {
    const written = this.#last.then(() => replace(this.path, document));
    // What came of it is told to whoever asked for it.
    this.#last = written.catch(() => undefined);
    return ResultAsync.fromPromise(
      written,
      (exception): AgentError => ({
        kind: "status-file",
        path: this.path,
        detail: exception instanceof Error ? exception.message : String(exception),
      }),
    );
  }
}

async function replace(path: string, document: StatusDocument): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = processTemporary(path, "");
  try {
    // Everybody may read it: monitoring runs as another user.
    await writeFile(temporary, `${jsonText(document, 2)}\n`, { mode: 0o644 });
    await rename(temporary, path);
  } catch (exception) {
    await rm(temporary, { force: true });
    throw exception;
  }
}
