/** Where a task works: what it may have to wait for, and what must not wait for it. The pool gives out its threads by that. */
import { LARGE_BYTES } from "../replicate/mod.ts";
import type { VolumeAddress } from "../volume/mod.ts";
import { largestOf } from "./copy-messages.ts";
import type { Task } from "./worker-protocol.ts";

export interface TaskPlace {
  /** The machine that answers it: this one, or a far end. */
  readonly machine: string;
  /** The data directory or the replica; of a replica large files apart, because small ones never wait for them. */
  readonly subject: string;
}

const HERE = "";

export function placeOf(task: Task): TaskPlace {
  const address = addressOf(task);
  const isLarge = task.kind === "copy" && largestOf(task.group) >= LARGE_BYTES;
  return { machine: machineOf([address, ...sourcesOf(task)]), subject: isLarge ? `${address.name} (large files)` : address.name };
}

/** What is written to, or else read. */
function addressOf(task: Task): VolumeAddress {
  switch (task.kind) {
    case "scan":
    case "look":
      return task.address;
    case "check-replica":
    case "clean":
    case "raise-generation":
    case "find-dark":
      return task.request.address;
    case "copy":
    case "restore":
      return task.group.replica.address;
    case "verify":
    case "import-folders":
    case "import":
    case "write-manifests":
    case "copy-inventory":
      return task.request.replica.address;
    case "restore-look":
      return task.request.destination;
  }
}

const sourcesOf = (task: Task): readonly VolumeAddress[] =>
  task.kind === "copy" ? task.group.directories.flatMap(({ source }) => (source === undefined ? [] : [source])) : [];

/** The first that is far away: there everything else waits for it. */
function machineOf(addresses: readonly VolumeAddress[]): string {
  const far = addresses.find(({ kind }) => kind === "ssh");
  return far?.kind === "ssh" ? `${far.user ?? ""}@${far.host}:${far.port ?? ""}` : HERE;
}
