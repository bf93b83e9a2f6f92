/**
 * Files at a replica that the inventory does not know: counted and named, never touched, never stored. They lie below the folder of a host, and are not our own
 * temporary files; what lies beside those folders is nobody's business.
 */
import type { Result } from "neverthrow";
import { isKnownCopy, type ReplicaId, type Session } from "../inventory/mod.ts";
import type { EntryVisitor } from "../sys/mod.ts";
import { isTemporaryName, type Volume, type VolumeAddress, type VolumeError, volumeErrorMessage } from "../volume/mod.ts";
import { openReplica } from "./replica-check.ts";
import type { ReplicaProblem } from "./root-problem.ts";
import { type Claims, claimedByOthers } from "./writer-claims.ts";

export interface DarkRequest {
  readonly id: ReplicaId;
  readonly address: VolumeAddress;
  readonly marker: string;
  readonly claims: Claims;
  /** Origin hosts whose folders are looked into. */
  readonly hosts: readonly string[];
  /** Only below this origin path. */
  readonly path?: string;
}

export interface DarkFiles {
  readonly files: number;
  readonly bytes: number;
  /** Below the replica's root. */
  readonly examples: readonly string[];
  /** Directories that could not be listed, with one reason. */
  readonly unlisted: number;
  readonly unlistedExample: string;
}

export type DarkResult = DarkFiles & { readonly problem?: ReplicaProblem };

const EXAMPLES = 20;
const ENTRIES_PER_SIGN = 10_000;

/** Lists the folders of the hosts. `alive` is called now and then; undefined when it was stopped on the way. */
export async function findDarkFiles(
  session: Session,
  request: DarkRequest,
  alive: () => void,
  isStopped: () => boolean = () => false,
): Promise<DarkResult | undefined> {
  const opened = await openReplica(request.address, request.marker, request.claims);
  if (opened.isErr()) return { ...new Walk(session, request, alive).result(), problem: opened.error };
  const walk = new Walk(session, request, alive);
  const { claimant, others = [] } = request.claims;
  const theirs = await claimedByOthers(opened.value, claimant, others);
  const complete = theirs.isErr() || (await walk.run(opened.value, isStopped, theirs.value));
  opened.value.close();
  if (theirs.isErr()) return { ...walk.result(), problem: theirs.error };
  return complete ? walk.result() : undefined;
}

class Walk {
  #files = 0;
  #bytes = 0;
  #seen = 0;
  #unlisted = 0;
  #unlistedExample = "";
  readonly #examples: string[] = [];

  constructor(
    private readonly session: Session,
    private readonly request: DarkRequest,
    private readonly alive: () => void,
  ) {}

  result(): DarkFiles {
    return {
      files: this.#files,
      bytes: this.#bytes,
      examples: this.#examples,
      unlisted: this.#unlisted,
      unlistedExample: this.#unlistedExample,
    };
  }

  async run(volume: Volume, isStopped: () => boolean, theirs: ReadonlySet<string>): Promise<boolean> {
    const { hosts, path = "" } = this.request;
    for (const host of hosts) {
      if (theirs.has(host)) continue;
      const left = [path];
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        if (isStopped()) return false;
        this.alive();
        const listed = await this.#list(volume, host, next);
        if (listed.isOk()) left.push(...listed.value);
        // Where there is no folder there is nothing unknown; a path may be that of a file.
        else if (!["not-found", "not-a-directory"].includes(listed.error.reason)) {
          this.#unlisted += 1;
          this.#unlistedExample ||= volumeErrorMessage(listed.error);
        }
      }
    }
    return true;
  }

  /** The directories in it, as origin paths. */
  async #list(volume: Volume, host: string, path: string): Promise<Result<string[], VolumeError>> {
    const directory = await volume.openDirectory(`${host}${path}`);
    if (directory.isErr()) return directory.map(() => []);
    const directories: string[] = [];
    const nothing = (): void => undefined;
    const visitor: EntryVisitor = {
      file: (name, size) => this.#file(host, path, name, size),
      directory: (name) => directories.push(`${path}/${name}`),
      symlink: nothing,
      special: nothing,
      unreadable: nothing,
    };
    const listed = await directory.value.entries(visitor);
    directory.value.close();
    return listed.map(() => directories);
  }

  #file(host: string, path: string, name: string, size: number): void {
    this.#seen += 1;
    if (this.#seen % ENTRIES_PER_SIGN === 0) this.alive();
    if (isTemporaryName(name) || isKnownCopy(this.session, this.request.id, host, path || "/", name)) return;
    this.#files += 1;
    this.#bytes += size;
    if (this.#examples.length < EXAMPLES) this.#examples.push(`${host}${path}/${name}`);
  }
}
