/**
 * A tree of files on another host, over SFTP 3 through the system's ssh. Nothing of ours runs there.
 *
 * What SFTP 3 cannot say is made up for where OpenSSH's extensions can, and told where they are missing (`weaknesses`). Paths are resolved by the far end, name by
 * name: between our look at a directory and the use of a path through it somebody there could put a link in its place.
 */
import { err, ok, type Result } from "neverthrow";
import type { Space } from "../../sys/mod.ts";
import type { Fate, Volume } from "../volume.ts";
import type { VolumeError } from "../volume-error.ts";
import { farMachine } from "./far-machine.ts";
import { lstat, stat, statvfs } from "./sftp-calls.ts";
import type { SftpConnection } from "./sftp-connection.ts";
import { SftpDirectory } from "./sftp-directory.ts";
import { ownError, sftpError } from "./sftp-errors.ts";
import { linkTo, type SftpLink } from "./sftp-link.ts";
import { EntryBudget } from "./sftp-listing.ts";
import type { SshAddress } from "./ssh-address.ts";

/** Files in flight on one connection, at most. */
const FILES_PER_CONNECTION = 256;
/** Files in flight: so many where the far end is near, and more the longer an answer takes. */
const FILES_NEARBY = 64;
const FILES_PER_MILLISECOND = 16;

/** PATH_MAX: a far end of ours would take no longer path. */
const MOST_PATH_LENGTH = 4_095;

/** Opens the root, following symbolic links: the operator named it. Never makes it. */
export async function openSftpVolume(address: SshAddress): Promise<Result<Volume, VolumeError>> {
  const link = linkTo(address);
  link.use();
  const failed = (error: VolumeError): Result<Volume, VolumeError> => {
    link.release();
    return err(error);
  };
  const connection = await link.connection();
  if (connection.isErr()) return failed(sftpError("connect to", address.name, connection.error));
  const root = await stat(connection.value, address.path);
  if (root.isErr()) return failed(sftpError("open", address.name, root.error));
  if (root.value.kind !== "directory") {
    return failed(ownError("not-a-directory", "open", address.name));
  }
  return ok(new SftpVolume(address, link, connection.value));
}

const EVERYTHING: Space = {
  freeBytes: Number.MAX_SAFE_INTEGER,
  totalBytes: Number.MAX_SAFE_INTEGER,
  freeInodes: 0,
  totalInodes: 0,
  readOnly: false,
};

class SftpVolume implements Volume {
  readonly rotating = false;
  readonly flushesWhole = false;
  /** What has been written, each file has flushed by itself. */
  readonly showsSpaceAtOnce = true;
  readonly filesInFlight: number;
  readonly device: string;
  readonly name: string;
  readonly weaknesses: readonly string[];
  #closed = false;
  /** Directories that were seen to be directories, and no links. */
  readonly #directories = new Set<string>();
  readonly #budget: EntryBudget;

  constructor(
    private readonly address: SshAddress,
    private readonly link: SftpLink,
    { abilities, roundTripMilliseconds }: SftpConnection,
  ) {
    this.#budget = new EntryBudget(address.mostEntries);
    // The last "/" of a URL would stand twice in a path below it.
    this.name = address.name.replace(/\/+$/, "");
    this.device = `ssh:${address.host}:${address.port ?? ""}:${address.path}`;
    const perConnection = Math.min(FILES_PER_CONNECTION, Math.max(1, abilities.openHandles - 8));
    const wanted = FILES_NEARBY + Math.round(FILES_PER_MILLISECOND * roundTripMilliseconds);
    // All of them may be open on the first connection while the others are being opened.
    this.filesInFlight = Math.max(1, Math.min(perConnection * address.connections, abilities.openHandles - 16, wanted));
    this.weaknesses = [
      ...(abilities.fsync ? [] : ["it cannot flush (fsync@openssh.com): a power cut there can lose copies that are recorded"]),
      ...(abilities.posixRename
        ? []
        : [
            "it cannot replace a file at once (posix-rename@openssh.com): changed files are not copied again, a clone or an older state of it is not noticed, and a manifest or a copy of the inventory that is renewed is gone for a moment",
          ]),
      ...(abilities.hardlink
        ? []
        : ["it may replace what appears under a name in the moment of the renaming (no hardlink@openssh.com)"]),
      ...(abilities.statvfs
        ? []
        : [
            "it does not tell its free space (statvfs@openssh.com): the reserve cannot be kept, and a full disk shows only when writing fails",
          ]),
    ];
  }

  async openDirectory(path: string): Promise<Result<SftpDirectory, VolumeError>> {
    const whole = path === "" ? this.name : `${this.name}/${path}`;
    // A tree that leads into itself gets longer and longer paths.
    if (this.#farPath(path).length > MOST_PATH_LENGTH) return err(ownError("name-too-long", "open", whole));
    const connection = await this.link.connection();
    if (connection.isErr()) return err(sftpError("open", whole, connection.error));
    const proved = await this.#prove(connection.value, path, whole);
    return proved.map(
      () =>
        new SftpDirectory(
          path,
          whole,
          this.#farPath(path),
          this.address,
          this.link,
          (made) => this.#directories.add(made),
          this.#budget,
        ),
    );
  }

  /** Looks at every directory on the way that was not seen before, all at once; none may be a link. */
  async #prove(connection: SftpConnection, path: string, whole: string): Promise<Result<undefined, VolumeError>> {
    if (path === "" || this.#directories.has(path)) return ok(undefined);
    const names = path.split("/");
    if (names.some((name) => name === "" || name === "." || name === "..")) {
      return err(ownError("is-a-symlink", "open", whole, "it leaves the root"));
    }
    const prefixes = names.map((_name, index) => names.slice(0, index + 1).join("/"));
    const unknown = prefixes.filter((prefix) => !this.#directories.has(prefix));
    const looks = await Promise.all(unknown.map((prefix) => lstat(connection, this.#farPath(prefix))));
    for (const [index, prefix] of unknown.entries()) {
      const look = looks[index];
      if (look === undefined) continue;
      if (look.isErr()) return err(sftpError("open", whole, look.error));
      if (look.value.kind === "symlink" && prefix !== path) {
        return err(ownError("is-a-symlink", "open", whole, `${prefix} is a link`));
      }
      if (look.value.kind !== "directory") {
        return err(ownError("not-a-directory", "open", whole));
      }
      this.#directories.add(prefix);
    }
    return ok(undefined);
  }

  #farPath(path: string): string {
    if (path === "") return this.address.path;
    return this.address.path === "/" ? `/${path}` : `${this.address.path}/${path}`;
  }

  async space(): Promise<Result<Space, VolumeError>> {
    const connection = await this.link.connection();
    if (connection.isErr()) return err(sftpError("ask the free space of", this.name, connection.error));
    if (!connection.value.abilities.statvfs) return ok(EVERYTHING);
    return (await statvfs(connection.value, this.address.path)).mapErr((failure) =>
      sftpError("ask the free space of", this.name, failure),
    );
  }

  async fate(): Promise<Fate> {
    const { host } = this.address;
    const connection = await this.link.connection();
    const number =
      connection.isOk() && connection.value.abilities.statvfs ? await statvfs(connection.value, this.address.path) : undefined;
    const fileSystem = number?.isOk() ? number.value.fileSystem : undefined;
    const etc = new SftpDirectory("", `ssh://${host}//etc`, "/etc", this.address, this.link, () => undefined, this.#budget);
    const machine = await farMachine(etc, host);
    etc.close();
    return { machine, ...(fileSystem === undefined ? {} : { fileSystem }), parts: [] };
  }

  flush(): Result<undefined, VolumeError> {
    return err(ownError("unsupported", "flush", this.name, "flush each file"));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.link.release();
  }
}
