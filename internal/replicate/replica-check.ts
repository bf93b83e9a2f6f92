/**
 * The guards of a replica, before anything is written to it: its root is there, it carries the marker that belongs to it, and it takes writes. A newly
 * declared root that exists gets its marker here, once.
 */
import { err, ok, Result } from "neverthrow";
import { printable, type Space } from "../sys/mod.ts";
import {
  type IsGivenUp,
  type Marker,
  openVolume,
  type RootFileError,
  readMarker,
  type Volume,
  type VolumeAddress,
  writeMarker,
} from "../volume/mod.ts";
import { checkGeneration } from "./generation.ts";
import { type ReplicaProblem, replicaProblem, rootFileProblem, rootProblem, rootWriteProblem } from "./root-problem.ts";
import { removeTemporaryFiles } from "./temporary-files.ts";
import { type Claims, checkClaims, makeClaims } from "./writer-claims.ts";

/** Opens a replica's volume and proves that it is the one: its marker has this UUID, nobody else has claimed what is to be written, and it is no older state of itself. */
export async function openReplica(
  address: VolumeAddress,
  marker: string,
  claims: Claims,
): Promise<Result<Volume, ReplicaProblem>> {
  const opened = await openVolume(address);
  if (opened.isErr()) return err(rootProblem(address.name, opened.error));
  const volume = opened.value;
  const asked = [checkMarker(volume, marker), checkClaims(volume, claims), checkGeneration(volume, claims)];
  const proven = Result.combine(await Promise.all(asked));
  if (proven.isOk()) return ok(volume);
  volume.close();
  return err(proven.error);
}

/** A replica that is only read. */
export interface ReplicaToRead {
  readonly address: VolumeAddress;
  /** Null where there is none yet, and none may be written: then nothing proves that it is the one. */
  readonly marker: string | null;
  readonly claimant: Claims["claimant"];
}

/** The same as `openReplica`, but for a replica without a marker, where only the claims are looked at. */
export async function openUnproven(
  { address, marker, claimant }: ReplicaToRead,
  hosts: readonly string[],
): Promise<Result<Volume, ReplicaProblem>> {
  if (marker !== null) return openReplica(address, marker, { claimant, hosts });
  const opened = await openVolume(address);
  if (opened.isErr()) return err(rootProblem(address.name, opened.error));
  const claimed = await checkClaims(opened.value, { claimant, hosts });
  if (claimed.isOk()) return ok(opened.value);
  opened.value.close();
  return err(claimed.error);
}

async function checkMarker(volume: Volume, marker: string): Promise<Result<undefined, ReplicaProblem>> {
  const found = await readMarker(volume);
  if (found.isErr()) return err(rootFileProblem(volume.name, found.error));
  return found.value?.uuid === marker ? ok(undefined) : err(wrongMarker(volume.name, marker, found.value));
}

function wrongMarker(root: string, expected: string, found: Marker | undefined): ReplicaProblem {
  const where = printable(root);
  if (found === undefined)
    return replicaProblem(
      "MarkerMissing",
      `${where} has no marker file .xtelemdb-replica.json, though this replica has one (${expected}): its volume is not mounted there`,
    );
  const problem = replicaProblem(
    "MarkerOfAnotherReplica",
    `${where} carries the marker ${found.uuid}, but this replica's is ${expected}: another volume is mounted there`,
  );
  const { uuid, replaces } = found;
  return replaces?.uuid === expected ? { ...problem, successor: { marker: uuid, orderedAt: Date.parse(replaces.at) } } : problem;
}

export interface NewMarker {
  readonly uuid: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  /** Names the temporary file. */
  readonly hex: string;
  /** An operator gives the replica another volume. */
  readonly replacing?: {
    /** The UUID that the replica has until now, and when it became that (milliseconds since 1970): the order has to be later. */
    readonly former: string;
    readonly formerOrderedAt: number;
    /** UUIDs of volumes that were replicas, and may be this one from now on: their markers stay, and say so. */
    readonly returning: readonly string[];
  };
}

export interface ReplicaCheckRequest {
  readonly address: VolumeAddress;
  /** The UUID that the inventory knows; null before the first sight. */
  readonly marker: string | null;
  /** What a new marker would say, were one to be written; left out where nothing may be written. */
  readonly newMarker?: NewMarker;
  /** The agent's own, for the origin hosts that it serves; left out where no inventory is open. */
  readonly claims?: Claims;
  /** Claims that are missing are made. */
  readonly claim?: { readonly since: string };
  /** Bytes that are to stay free. */
  readonly reserveBytes: number;
}

export interface ReplicaState {
  /** Null only where there is none and none may be written. */
  readonly marker: string | null;
  readonly markerWritten: boolean;
  /** Another inventory in the place of this one kept its copies until now, since then. */
  readonly formerInventorySince?: string;
  readonly space: Space;
  /** One disk with a moving head: it gets one writer. */
  readonly rotating: boolean;
  /** The file system of its root: a data directory with the same shares its fate. */
  readonly device: string;
  readonly onThisHost: boolean;
  /** Promises that the volume cannot keep, in words. */
  readonly weaknesses: readonly string[];
}

/** Looks at a replica once, and writes its marker where that is due. `isGivenUp`: left out where nobody gives up who looks. */
export async function checkReplica(
  request: ReplicaCheckRequest,
  isGivenUp: IsGivenUp = () => false,
): Promise<Result<ReplicaState, ReplicaProblem>> {
  const opened = await openVolume(request.address);
  if (opened.isErr()) return err(rootProblem(request.address.name, opened.error));
  const volume = opened.value;
  const result = await checkVolume(volume, request, isGivenUp);
  volume.close();
  return result;
}

async function checkVolume(
  volume: Volume,
  request: ReplicaCheckRequest,
  isGivenUp: IsGivenUp,
): Promise<Result<ReplicaState, ReplicaProblem>> {
  const root = request.address.name;
  const found = await readMarker(volume);
  if (found.isErr()) return err(rootFileProblem(root, found.error));
  const uuid = found.value?.uuid;
  const due = dueMarker(request, found.value);
  if (request.marker !== null && uuid !== request.marker && due === undefined)
    return err(wrongMarker(root, request.marker, found.value));
  const claimed = request.claims && (await checkClaims(volume, request.claims));
  if (claimed?.isErr()) return err(claimed.error);
  const newest = request.claims && (await checkGeneration(volume, request.claims));
  if (newest?.isErr()) return err(newest.error);
  const space = await volume.space();
  if (space.isErr()) return err(rootProblem(root, space.error));
  const where = printable(root);
  if (space.value.readOnly) return err(replicaProblem("ReadOnly", `${where} is mounted read-only`));
  if (due !== undefined) {
    // A run that was killed right here has left one, and no row tells of it.
    await removeTemporaryFiles(volume, "", Date.parse(due.created) / 1000);
    const written = await writeMarker(volume, due.marker, { ...due, isGivenUp });
    if (written.isErr()) {
      const { newMarker: _ours, ...asFound } = request;
      // Somebody else, such as the agent that runs, was faster: theirs is the marker.
      return isThere(written.error) ? checkVolume(volume, asFound, isGivenUp) : err(rootWriteProblem(root, written.error));
    }
  }
  const marker = due?.marker.uuid ?? uuid ?? null;
  const { claims, claim } = request;
  const former = claims && claim ? await makeClaims(volume, claims, claim.since, isGivenUp) : ok(undefined);
  if (former.isErr()) return err(former.error);
  const onThisHost = request.address.kind === "local";
  const { rotating, device, weaknesses } = volume;
  const since = former.value === undefined ? {} : { formerInventorySince: former.value };
  return ok({
    marker,
    markerWritten: due !== undefined,
    ...since,
    space: space.value,
    rotating,
    device,
    onThisHost,
    weaknesses,
  });
}

const isThere = (error: RootFileError): boolean => error.kind !== "root-file-unreadable" && error.reason === "exists";

/** Clocks are set back, and orders are told by their order. */
const laterThan = ({ formerOrderedAt }: { readonly formerOrderedAt: number }, at: string): string =>
  new Date(Math.max(Date.parse(at), formerOrderedAt + 1)).toISOString();

/** The marker to write, where that is due. */
function dueMarker(
  { marker: known, newMarker }: ReplicaCheckRequest,
  found: Marker | undefined,
): { readonly marker: Marker; readonly how: "new" | "renew"; readonly hex: string; readonly created: string } | undefined {
  if (newMarker === undefined) return undefined;
  const { uuid, created, hex, replacing } = newMarker;
  const replaces = replacing === undefined ? {} : { replaces: { uuid: replacing.former, at: laterThan(replacing, created) } };
  if (found === undefined)
    return known === null || known === replacing?.former
      ? { marker: { format: 1, uuid, created, ...replaces }, how: "new", hex, created }
      : undefined;
  const isOrdered = found.replaces?.uuid === known && Date.parse(found.replaces.at) > (replacing?.formerOrderedAt ?? 0);
  const returns = found.uuid !== known && !isOrdered && replacing?.returning.includes(found.uuid) === true;
  return returns && known === replacing.former ? { marker: { ...found, ...replaces }, how: "renew", hex, created } : undefined;
}
