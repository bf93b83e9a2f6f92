/**
 * Looks at copies for `safe`: each between two proofs that the replica is the one, so that a disk that is pulled out on the way, or another one in its place, makes
 * nothing safe. Reads no contents, writes nothing.
 */
import type { FileOriginId } from "../inventory/mod.ts";
import type { FileStat } from "../sys/mod.ts";
import {
  type Fate,
  isTransportReason,
  type Volume,
  type VolumeAddress,
  type VolumeDirectory,
  volumeErrorMessage,
} from "../volume/mod.ts";
import { forEachInFlight } from "./in-flight.ts";
import { openReplica } from "./replica-check.ts";
import type { Claims } from "./writer-claims.ts";

export interface ReplicaToLookAt {
  readonly address: VolumeAddress;
  /** Null: nobody has ever seen its marker. */
  readonly marker: string | null;
  readonly claims: Claims;
  /** Why nothing on it counts, whatever is there. */
  readonly refused?: string;
}

export interface CopyToLookAt {
  readonly file: FileOriginId;
  /** Its folder below the replica's root. */
  readonly folder: string;
  readonly name: string;
}

export type CopyLook =
  | { readonly kind: "there"; readonly now: FileStat }
  | { readonly kind: "gone" }
  | { readonly kind: "unreadable"; readonly message: string };

export type ReplicaLook =
  | {
      readonly kind: "ready";
      readonly fate: Fate;
      /** Of the root's file system, as in `FileStat`; undefined where the far end does not tell. */
      readonly device: number | undefined;
      readonly copies: ReadonlyMap<FileOriginId, CopyLook>;
    }
  | { readonly kind: "not-ready"; readonly message: string };

/** Looks at these copies at one replica. */
export async function lookAtCopies(
  { address, marker, claims, refused }: ReplicaToLookAt,
  copies: readonly CopyToLookAt[],
): Promise<ReplicaLook> {
  if (marker === null) return { kind: "not-ready", message: "it was never seen" };
  if (refused !== undefined) return { kind: "not-ready", message: refused };
  const opened = await openReplica(address, marker, claims);
  if (opened.isErr()) return { kind: "not-ready", message: opened.error.message };
  const volume = opened.value;
  const looker = new Looker(volume);
  await forEachInFlight(
    copies,
    { items: volume.filesInFlight, bytes: Number.POSITIVE_INFINITY },
    () => 0,
    async (copy) => {
      await looker.look(copy);
      return looker.problem === undefined ? "go on" : "stop";
    },
  );
  const fate = await volume.fate();
  const { device } = volume;
  await looker.close();
  volume.close();
  if (looker.problem !== undefined) return { kind: "not-ready", message: looker.problem };
  const again = await openReplica(address, marker, claims);
  if (again.isErr()) return { kind: "not-ready", message: again.error.message };
  const same = again.value.device === device;
  again.value.close();
  if (!same) return { kind: "not-ready", message: "another file system was mounted there meanwhile" };
  return { kind: "ready", fate, device: address.kind === "local" ? Number(device) : undefined, copies: looker.looks };
}

class Looker {
  readonly looks = new Map<FileOriginId, CopyLook>();
  problem: string | undefined;
  readonly #directories = new Map<string, ReturnType<Looker["open"]>>();

  constructor(private readonly volume: Volume) {}

  async open(folder: string) {
    return await this.volume.openDirectory(folder);
  }

  async look({ file, folder, name }: CopyToLookAt): Promise<void> {
    const opening = this.#directories.get(folder) ?? this.open(folder);
    this.#directories.set(folder, opening);
    const directory = await opening;
    const look = directory.isErr() ? directory : await this.#lookIn(directory.value, name);
    if (look.isOk()) {
      this.looks.set(file, look.value === undefined ? { kind: "gone" } : { kind: "there", now: look.value });
      return;
    }
    const { error } = look;
    const message = volumeErrorMessage(error);
    if (isTransportReason(error.reason) || error.reason === "unavailable") this.problem ??= message;
    else this.looks.set(file, error.reason === "not-found" ? { kind: "gone" } : { kind: "unreadable", message });
  }

  async #lookIn(directory: VolumeDirectory, name: string) {
    return await directory.look(name);
  }

  async close(): Promise<void> {
    for (const opening of this.#directories.values()) (await opening).map((directory) => directory.close());
  }
}
