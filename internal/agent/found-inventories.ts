/** Fetches the copies of an inventory from where they may be, one beside the database, and keeps the one that knows most recent things. */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import type { DesiredState, Replica } from "../config/mod.ts";
import { checkInventory, inventoryErrorMessage, whyNoDatabase } from "../inventory/mod.ts";
import { inventoryCopiesOn, ownerOfInventoryCopy, readInventoryCopy, rootProblem } from "../replicate/mod.ts";
import { openVolume, type Volume, volumeErrorMessage } from "../volume/mod.ts";
import { isoTime } from "./agent.ts";
import { REASONS } from "./condition.ts";
import type { FoundCopy, RebuildSummary } from "./rebuild-report.ts";
import { addressOf } from "./volume-address.ts";

const BUFFER_BYTES = 1 << 20;

type Fetch = (write: (bytes: Uint8Array) => void) => Promise<string | undefined>;

export class FoundInventories {
  readonly #copies: FoundCopy[] = [];
  readonly #unseen: RebuildSummary["unseen"][number][] = [];
  /** The place of the best, and how new it is. */
  #best: { readonly index: number; readonly newestAt: number } | undefined;

  constructor(private readonly state: DesiredState) {}

  /** Where the best of them lies, beside the database. */
  get path(): string {
    return `${this.state.database}.rebuild`;
  }

  get #candidate(): string {
    return `${this.path}-candidate`;
  }

  get hasAny(): boolean {
    return this.#best !== undefined;
  }

  get copies(): readonly FoundCopy[] {
    return this.#copies.map((copy, index) => ({ ...copy, chosen: index === this.#best?.index }));
  }

  get unseen(): RebuildSummary["unseen"] {
    return this.#unseen;
  }

  /** Looks at the copies on a replica. */
  async lookAt(replica: Replica): Promise<void> {
    const address = addressOf(this.state, replica);
    const volume = await openVolume(address);
    if (volume.isErr()) {
      const { reason, message } = rootProblem(address.name, volume.error);
      this.#unseen.push({ url: replica.id, reason, message, help: REASONS[reason] });
      return;
    }
    await this.#lookInto(replica.id, volume.value);
    volume.value.close();
  }

  async #lookInto(url: string, volume: Volume): Promise<void> {
    const names = await inventoryCopiesOn(volume);
    if (names.isErr()) {
      const { reason, message } = rootProblem(volume.name, names.error);
      this.#unseen.push({ url, reason, message, help: REASONS[reason] });
      return;
    }
    for (const name of names.value) {
      if (ownerOfInventoryCopy(name)?.hostname === this.state.hostname) {
        await this.#fetch(url, name, async (write) => {
          let why: string | undefined;
          const isWanted = (bytes: number, head: Uint8Array): boolean => {
            why = whyNoDatabase(head, bytes) ?? this.#whyNoRoom(bytes);
            return why === undefined;
          };
          const read = await readInventoryCopy(volume, name, isWanted, write);
          return read.isErr() ? volumeErrorMessage(read.error) : why;
        });
      } else
        this.#add(url, name, `it is of another host than ${this.state.hostname}: to use it, copy it here and name it with from=`);
    }
  }

  /** The inventory that is made of it needs room, too. */
  #whyNoRoom(bytes: number): string | undefined {
    const folder = dirname(this.state.database);
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    return 2 * bytes <= free ? undefined : `it has ${bytes} bytes, and ${folder} has only ${free} free: twice as many are needed`;
  }

  /** Takes a file that the operator names. */
  async take(path: string): Promise<void> {
    await this.#fetch(null, path, async (write) => readLocal(path, write));
  }

  async #fetch(url: string | null, name: string, fetch: Fetch): Promise<void> {
    const failed = await fetchTo(this.#candidate, fetch);
    if (failed !== undefined) return this.#add(url, name, failed);
    const checked = checkInventory(this.#candidate);
    if (checked.isErr()) {
      const text = inventoryErrorMessage(checked.error).split("\n")[0] ?? "";
      return this.#add(url, name, text.replaceAll(this.#candidate, basename(name)));
    }
    const { problems, bytes, fileOrigins, fileReplicas, newestAt } = checked.value;
    this.#copies.push({
      url,
      name,
      bytes,
      fileOrigins,
      fileReplicas,
      newestAt: newestAt === 0 ? null : isoTime(newestAt),
      problem: problems[0] ?? null,
      chosen: false,
    });
    if (problems.length > 0 || newestAt <= (this.#best?.newestAt ?? -1)) return;
    renameSync(this.#candidate, this.path);
    this.#best = { index: this.#copies.length - 1, newestAt };
  }

  #add(url: string | null, name: string, problem: string): void {
    this.#copies.push({ url, name, bytes: 0, fileOrigins: 0, fileReplicas: 0, newestAt: null, problem, chosen: false });
  }

  /** Nothing is left but what was taken away. */
  clear(): void {
    for (const path of [this.path, this.#candidate])
      for (const end of ["", "-wal", "-shm", ".lock"]) rmSync(path + end, { force: true });
  }
}

/** Writes what comes into a new file, durably; why it could not, where it could not. */
async function fetchTo(path: string, fetch: Fetch): Promise<string | undefined> {
  let descriptor: number | undefined;
  try {
    rmSync(path, { force: true });
    const opened = openSync(path, "wx", 0o640);
    descriptor = opened;
    const failed = await fetch((bytes) => {
      for (let done = 0; done < bytes.length; ) done += writeSync(opened, bytes, done);
    });
    fchmodSync(opened, 0o640);
    fsyncSync(opened);
    return failed;
  } catch (exception) {
    return exception instanceof Error ? exception.message : String(exception);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

async function readLocal(path: string, write: (bytes: Uint8Array) => void): Promise<string | undefined> {
  if (!existsSync(path)) return "there is no such file";
  if (!statSync(path).isFile()) return "it is no file";
  const descriptor = openSync(path, "r");
  try {
    const buffer = new Uint8Array(BUFFER_BYTES);
    for (;;) {
      const length = readSync(descriptor, buffer);
      if (length === 0) return undefined;
      write(buffer.subarray(0, length));
    }
  } finally {
    closeSync(descriptor);
  }
}
