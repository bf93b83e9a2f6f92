/**
 * The names of a directory on another host. A far end may say anything: nothing that is no name is handed on, and a listing that does not end is broken off, with what
 * was told of it before.
 */
import { err, ok, type Result } from "neverthrow";
import { bytesOfText, type EntryVisitor, isCountable, nameTooLong, tooLarge } from "../../sys/mod.ts";
import { STATUS } from "./packets.ts";
import { type Handle, type ListedName, readDirectory } from "./sftp-calls.ts";
import type { SftpConnection, SftpFailure } from "./sftp-connection.ts";

/** Questions for the next names that are on the way at a time: a server answers with a hundred names. */
const LISTING_AHEAD = 8;
/** No file system has names that are longer; 255 characters may be three times as many bytes. */
const MOST_NAME_BYTES = 1_024;
/** A directory may change while it is listed, and a name be told twice. */
const MOST_TIMES = 8;
/** Answers without any name. */
const MOST_EMPTY_ANSWERS = 64;

/** Why a listing was broken off that had no end in sight. */
export interface Endless {
  readonly kind: "endless";
  readonly words: string;
}

/** How much is listed through one opened volume, of all its directories together. */
export class EntryBudget {
  #listed = 0;

  constructor(private readonly most: number) {}

  take(): boolean {
    this.#listed += 1;
    return this.#listed <= this.most;
  }

  get words(): string {
    return `more than ${this.most} names were listed ([scan] max_entries): is there a loop?`;
  }
}

/**
 * Finds out that names come again and again, and remembers only one of them (Brent's way to find a cycle): the first, then the second, fourth, eighth and so on. Sooner
 * or later it is one that comes again, and more names are compared with it than there are in the circle.
 */
class Repetition {
  #name: string | undefined;
  #times = 0;
  #count = 0;
  #next = 1;

  /** True when the name has come too often. */
  note(name: string): boolean {
    this.#count += 1;
    if (name === this.#name) this.#times += 1;
    if (this.#times >= MOST_TIMES) return true;
    if (this.#count === this.#next) {
      this.#next *= 2;
      this.#name = name;
      this.#times = 0;
    }
    return false;
  }
}

/** Visits every name but "." and "..", in the order in which they come. Tells whether the directory named itself (`.`). */
export async function listNames(
  connection: SftpConnection,
  handle: Handle,
  budget: EntryBudget,
  visitor: EntryVisitor,
): Promise<Result<{ readonly namedItself: boolean }, SftpFailure | Endless>> {
  const ahead = Array.from({ length: LISTING_AHEAD }, () => readDirectory(connection, handle));
  const repetition = new Repetition();
  let namedItself = false;
  let empty = 0;
  for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
    const names = await next;
    if (names.isErr()) {
      if (names.error.kind === "status" && names.error.code === STATUS.endOfFile) continue;
      return err(names.error);
    }
    empty = names.value.length === 0 ? empty + 1 : 0;
    if (empty > MOST_EMPTY_ANSWERS) return err({ kind: "endless", words: "its listing neither goes on nor ends" });
    for (const entry of names.value) {
      const { name } = entry;
      if (repetition.note(name))
        return err({
          kind: "endless",
          words: `its listing does not end: "${name.slice(0, MOST_NAME_BYTES)}" comes again and again`,
        });
      if (name === ".") namedItself = true;
      if (name === "." || name === "..") continue;
      if (name === "" || name.includes("/") || name.includes("\0")) {
        const words = `it lists "${name.slice(0, MOST_NAME_BYTES)}", which is no name`;
        return err({ kind: "transport", reason: "protocol-broken", words });
      }
      if (!budget.take()) return err({ kind: "endless", words: budget.words });
      visit(visitor, entry);
    }
    ahead.push(readDirectory(connection, handle));
  }
  return ok({ namedItself });
}

function visit(visitor: EntryVisitor, { name, stat }: ListedName): void {
  if (name.length > MOST_NAME_BYTES / 4 && bytesOfText(name).length > MOST_NAME_BYTES) {
    visitor.unreadable(`${name.slice(0, 100).toWellFormed()}...`, nameTooLong());
    return;
  }
  switch (stat.kind) {
    case "file":
      // The change time is not told: the modification time stands in for it.
      if (isCountable(stat.size, stat.mtimeSeconds)) visitor.file(name, stat.size, stat.mtimeSeconds, 0, stat.mtimeSeconds);
      else visitor.unreadable(name, tooLarge());
      return;
    case "directory":
      visitor.directory(name);
      return;
    case "symlink":
      visitor.symlink(name);
      return;
    default:
      visitor.special(name);
  }
}
