/**
 * Copies of an inventory on a replica: one of each inventory that keeps rows there, each replaced as a whole by a later one. What is under its final name is whole and durable.
 * Like manifests they can be read by their owner and group only, no matter who may read the data.
 */
import { rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { err, ok, type Result } from "neverthrow";
import { backUpInventory, inventoryErrorMessage } from "../inventory/mod.ts";
import { IoBuffer } from "../sys/mod.ts";
import {
  createAnew,
  INVENTORY_FOLDER,
  type ListableVolume,
  openLocalVolume,
  publishOwn,
  readUpTo,
  type SourceFile,
  type TemporaryFile,
  temporaryName,
  type Volume,
  type VolumeAddress,
  type VolumeDirectory,
  type VolumeError,
  volumeErrorMessage,
} from "../volume/mod.ts";
import { Destinations } from "./destination.ts";
import { TEMPORARY_DIGITS } from "./manifest-place.ts";
import { openReplica } from "./replica-check.ts";
import { replicaProblem } from "./root-problem.ts";
import type { CopyWatch } from "./watched-source.ts";
import type { Claims } from "./writer-claims.ts";

export interface InventoryCopyRequest {
  readonly replica: {
    readonly address: VolumeAddress;
    readonly marker: string;
    readonly claims: Claims;
    readonly reserveBytes: number;
  };
  /** `inventoryCopyName`. */
  readonly name: string;
  /** Where the copy is gathered first, on the inventory's own file system. */
  readonly gatheredAt: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const FOLDER_MODE = 0o750;
const FILE_MODE = 0o640;
const BUFFER_BYTES = 1 << 20;
const HEAD_BYTES = 512;
const END = ".db";
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What the copy is called: which machine it is of is to be seen by a person, too. */
export const inventoryCopyName = (hostname: string, uuid: string): string => `${hostname}.${uuid}${END}`;

/** Whose a copy is, by its name; undefined for anything else. */
export function ownerOfInventoryCopy(name: string): { readonly hostname: string; readonly uuid: string } | undefined {
  if (!name.endsWith(END)) return undefined;
  const dot = name.lastIndexOf(".", name.length - END.length - 1);
  const hostname = name.slice(0, Math.max(0, dot));
  const uuid = name.slice(dot + 1, -END.length);
  return hostname !== "" && UUID.test(uuid) ? { hostname, uuid } : undefined;
}

type Watch = Pick<CopyWatch, "isStopped" | "isGivenUp">;

/** Takes a copy of the inventory and puts it on a replica; its size in bytes, or why it could not be. */
export async function copyInventory(
  inventory: string,
  request: InventoryCopyRequest,
  alive: () => void,
  watch: Watch,
): Promise<Result<number, string>> {
  const { replica, gatheredAt } = request;
  const opened = await openReplica(replica.address, replica.marker, replica.claims);
  if (opened.isErr()) return err(opened.error.message);
  const volume = opened.value;
  try {
    // What a run that was killed has left.
    rmSync(gatheredAt, { force: true });
    const size = backUpInventory(inventory, gatheredAt);
    if (size.isErr()) return err(firstLine(inventoryErrorMessage(size.error)));
    alive();
    const room = await hasRoom(volume, size.value + replica.reserveBytes);
    if (room.isErr()) return err(room.error);
    const source = await openLocal(gatheredAt);
    if (source.isErr()) return err(volumeErrorMessage(source.error));
    const put = await putOn(volume, source.value, request, alive, watch);
    source.value.close();
    return put.map(() => size.value).mapErr((error) => (error === STOPPED ? STOPPED : volumeErrorMessage(error)));
  } finally {
    rmSync(gatheredAt, { force: true });
    volume.close();
  }
}

const firstLine = (text: string): string => text.split("\n")[0] ?? text;

async function hasRoom(volume: Volume, bytes: number): Promise<Result<undefined, string>> {
  const space = await volume.space();
  if (space.isErr() || space.value.freeBytes > bytes) return ok(undefined);
  return err(replicaProblem("NoSpace", `${volume.name} is full but for what is to stay free`).message);
}

async function openLocal(path: string): Promise<Result<SourceFile, VolumeError>> {
  const volume = openLocalVolume(dirname(path));
  if (volume.isErr()) return err(volume.error);
  const directory = await volume.value.openDirectory("");
  volume.value.close();
  if (directory.isErr()) return err(directory.error);
  const source = await directory.value.openSource(basename(path));
  directory.value.close();
  return source;
}

const STOPPED = "it was stopped";
type Put = Result<undefined, VolumeError | typeof STOPPED>;

async function putOn(
  volume: Volume,
  source: SourceFile,
  { name, at }: InventoryCopyRequest,
  alive: () => void,
  { isStopped, isGivenUp }: Watch,
): Promise<Put> {
  const destinations = new Destinations(volume);
  try {
    const destination = await destinations.at(INVENTORY_FOLDER, async () => ({ mode: FOLDER_MODE }));
    if (destination.isErr()) return err(destination.error);
    const { directory } = destination.value;
    const owner = ownerOfInventoryCopy(name);
    const temporary = temporaryName((owner?.uuid ?? "").replaceAll("-", "").slice(0, TEMPORARY_DIGITS));
    const created = await createAnew(directory, temporary);
    if (created.isErr()) return err(created.error);
    const filled = await fill(directory, created.value, source, at, alive, isStopped);
    created.value.close();
    const published = await publishOwn(directory, { temporary, name, how: "renew" }, filled, isGivenUp);
    if (published.isErr()) return err(published.error);
    destinations.changed(destination.value);
    return (await destinations.flush())(destination.value);
  } finally {
    await destinations.close();
  }
}

async function fill(
  directory: VolumeDirectory,
  file: TemporaryFile,
  source: SourceFile,
  at: number,
  alive: () => void,
  isStopped: () => boolean,
): Promise<Put> {
  const size = await pour(source, (buffer, length, position) => file.write(buffer, length, position), alive, isStopped);
  if (size.isErr()) return err(size.error);
  const attributes = await directory.attributes();
  if (attributes.isErr()) return err(attributes.error);
  const time = { mtimeSeconds: Math.floor(at / 1000), mtimeNanoseconds: 0 };
  const sealed = await file.seal(size.value, { ...attributes.value, mode: FILE_MODE, ...time });
  if (sealed.isErr()) return err(sealed.error);
  return file.sync();
}

type Sink = (buffer: IoBuffer, length: number, position: number) => ReturnType<TemporaryFile["write"]>;

/** Reads a file from its beginning to its end; how long it is. */
async function pour(
  source: SourceFile,
  sink: Sink,
  alive: () => void,
  isStopped: () => boolean,
): Promise<Result<number, VolumeError | typeof STOPPED>> {
  const buffer = new IoBuffer(BUFFER_BYTES);
  for (let position = 0; ; ) {
    if (isStopped()) return err(STOPPED);
    const length = await source.read(buffer, buffer.size, position);
    if (length.isErr()) return err(length.error);
    if (length.value === 0) return ok(position);
    const written = await sink(buffer, length.value, position);
    if (written.isErr()) return err(written.error);
    position += length.value;
    alive();
  }
}

/** The names of the copies of inventories on a volume; none where there is no folder of them. */
export async function inventoryCopiesOn(volume: ListableVolume): Promise<Result<readonly string[], VolumeError>> {
  const names: string[] = [];
  const opened = await volume.openDirectory(INVENTORY_FOLDER);
  if (opened.isErr()) return opened.error.reason === "not-found" ? ok(names) : err(opened.error);
  const nothing = (): void => undefined;
  const file = (name: string): void => {
    if (ownerOfInventoryCopy(name) !== undefined) names.push(name);
  };
  const listed = await opened.value.entries({
    file,
    directory: nothing,
    symlink: nothing,
    special: nothing,
    unreadable: nothing,
  });
  opened.value.close();
  return listed.map(() => names.toSorted());
}

/** Brings a copy of an inventory from a volume; hands it on piece by piece, as many bytes as it had when it was opened. `isWanted`: asked once, with its size and its first bytes. */
export async function readInventoryCopy(
  volume: Volume,
  name: string,
  isWanted: (bytes: number, head: Uint8Array) => boolean,
  write: (bytes: Uint8Array) => void,
): Promise<Result<undefined, VolumeError>> {
  const folder = await volume.openDirectory(INVENTORY_FOLDER);
  if (folder.isErr()) return err(folder.error);
  const source = await folder.value.openSource(name);
  folder.value.close();
  if (source.isErr()) return err(source.error);
  try {
    const { size } = source.value.stat;
    const head = await readUpTo(source.value, HEAD_BYTES);
    if (head.isErr()) return err(head.error);
    if (!isWanted(size, head.value)) return ok(undefined);
    const buffer = new IoBuffer(BUFFER_BYTES);
    for (let position = 0; position < size; ) {
      const length = await source.value.read(buffer, Math.min(buffer.size, size - position), position);
      if (length.isErr()) return err(length.error);
      if (length.value === 0) break;
      write(buffer.bytes.subarray(0, length.value));
      position += length.value;
    }
    return ok(undefined);
  } finally {
    // Whoever takes the bytes may have no room for them.
    source.value.close();
  }
}
