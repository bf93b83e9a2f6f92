/**
 * Is a name at the replica its own file's, or does the replica's file system take two names of the origin for one (vfat, exFAT, NTFS, SMB and macOS do so with `A` and `a`, some
 * with two spellings of `é`)? A copy under the one name must never count as the copy of the other. Where a name is free nothing is asked; where it is taken, other
 * spellings are looked up, and only when one of them is found as well, the directory is listed: the listing has the name as it was made.
 */
import { err, ok, type Result } from "neverthrow";
import { printable } from "../sys/mod.ts";
import type { Volume, VolumeDirectory, VolumeError } from "../volume/mod.ts";
import { type CopyFailure, failureAtReplica } from "./copy-failure.ts";
import { type CopyRequest, destinationPathOf } from "./copy-request.ts";

/** What a file system that does not tell spellings apart would take for the same name. */
export function otherSpellings(name: string): readonly string[] {
  const upper = name.toUpperCase();
  const spellings = [upper === name ? name.toLowerCase() : upper, name.normalize("NFC"), name.normalize("NFD")];
  return [...new Set(spellings)].filter((one) => one !== name);
}

type Answer = Result<boolean, VolumeError>;

export class OwnNames {
  readonly #folders = new Map<string, Promise<Answer>>();

  constructor(private readonly volume: Volume) {}

  /** Is what stands under this name in this directory a file of exactly this name, and the directory, with all above it, one of exactly its? */
  async has(directory: VolumeDirectory, name: string): Promise<Answer> {
    const folder = await this.#isOwnFolder(directory.path);
    return folder.isErr() || !folder.value ? folder : this.#isOwn(directory, name);
  }

  #isOwnFolder(path: string): Promise<Answer> {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const asked = this.#askFolder(path);
    this.#folders.set(path, asked);
    return asked;
  }

  async #askFolder(path: string): Promise<Answer> {
    if (path === "") return ok(true);
    const slash = path.lastIndexOf("/");
    const parent = await this.volume.openDirectory(path.slice(0, Math.max(0, slash)));
    if (parent.isErr()) return err(parent.error);
    const own = await this.has(parent.value, path.slice(slash + 1));
    parent.value.close();
    return own;
  }

  async #isOwn(directory: VolumeDirectory, name: string): Promise<Answer> {
    for (const spelling of otherSpellings(name)) {
      const found = await directory.look(spelling);
      // A spelling that the file system does not allow is nobody's.
      if (found.isOk() && found.value !== undefined) return this.#isListed(directory.path, name);
    }
    return ok(true);
  }

  /** An open directory is listed once: this opens it anew. */
  async #isListed(path: string, name: string): Promise<Answer> {
    const directory = await this.volume.openDirectory(path);
    if (directory.isErr()) return err(directory.error);
    let isListed = false;
    const see = (one: string): void => {
      isListed ||= one === name;
    };
    const listed = await directory.value.entries({ file: see, directory: see, symlink: see, special: see, unreadable: see });
    directory.value.close();
    return listed.map(() => isListed);
  }
}

/** What is there under a name that is taken must be of exactly that name. `replica`: its name, for messages. */
export async function mustBeOwn(
  request: CopyRequest,
  directory: VolumeDirectory,
  names: OwnNames,
  replica: string,
): Promise<Result<undefined, CopyFailure>> {
  const own = await names.has(directory, request.name);
  if (own.isErr()) return err(failureAtReplica(own.error));
  if (own.value) return ok(undefined);
  const path = printable(`${replica}/${destinationPathOf(request)}/${request.name}`);
  const message = `the replica's file system takes ${path} and another name, which differs in case or spelling only, for one and the same`;
  return err({ domain: "replica", reason: "NameTaken", message });
}
