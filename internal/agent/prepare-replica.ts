/** What `add_replica` does at once: looks at the new replica's root, and writes its marker if it has none, and none is known of it. Never makes the root. */
import { okAsync, ResultAsync } from "neverthrow";
import type { DesiredState, Replica } from "../config/mod.ts";
import { knownMarker, knownMarkers, markerOwners, openInventoryForReading, orderedAt, type Session } from "../inventory/mod.ts";
import { checkReplica, type ReplicaProblem } from "../replicate/mod.ts";
import { printable, randomHex, randomUuid } from "../sys/mod.ts";
import { closeIdleConnections, openLocalVolume, readMarker } from "../volume/mod.ts";
import { isoTime } from "./agent.ts";
import { REASONS } from "./condition.ts";
import { deviceOf, mountAbove } from "./unmounted-root.ts";
import { addressOf } from "./volume-address.ts";
import { sameVolume } from "./whose-volume.ts";

export interface PreparedReplica {
  readonly kind: "marker-written" | "marker-found" | "not-ready";
  readonly message: string;
  readonly help: string;
}

const notReady = ({ reason, message }: ReplicaProblem): PreparedReplica => ({
  kind: "not-ready",
  message,
  help: REASONS[reason],
});

/** `newVolume`: what stands at its root takes the place of the volume that was known, which is gone for good. `notMounted`: also where nothing is mounted. `now`: milliseconds since 1970. */
export function prepareReplica(
  state: DesiredState,
  replica: Replica,
  { newVolume, notMounted, now }: { readonly newVolume: boolean; readonly notMounted: boolean; readonly now: number },
): ResultAsync<PreparedReplica, never> {
  if (!newVolume) return look(state, replica, { newVolume, now, below: undefined });
  return ResultAsync.fromSafePromise(unmountedBelow(state, replica)).andThen((below) =>
    below === undefined || notMounted
      ? look(state, replica, { newVolume, now, below })
      : okAsync<PreparedReplica, never>(nothingMounted(replica, below)),
  );
}

/** Why nothing at the root of a known replica is taken for a new volume of it; undefined where it is. For who only asks. */
export async function refusalOfNewVolume(state: DesiredState, replica: Replica): Promise<PreparedReplica | undefined> {
  const below = await unmountedBelow(state, replica);
  return below === undefined ? undefined : nothingMounted(replica, below);
}

/** Where the file system is mounted that would hold the new volume of a known replica, if nothing is mounted at its root, and no marker there says that it is a volume all the same. */
async function unmountedBelow(state: DesiredState, replica: Replica): Promise<string | undefined> {
  const known = asInventory(state, null, (session) => knownMarker(session, replica.id));
  if (known === null || replica.target.kind !== "local") return undefined;
  const root = addressOf(state, replica).name;
  const volume = openLocalVolume(root);
  if (volume.isErr()) return undefined;
  const found = await readMarker(volume.value);
  volume.value.close();
  return found.isOk() && found.value === undefined ? mountAbove(root) : undefined;
}

function nothingMounted({ id }: Replica, below: string): PreparedReplica {
  const where = printable(id);
  const disk = printable(below);
  return {
    kind: "not-ready",
    message: `nothing is mounted at ${where}: every file would be copied to the file system that is mounted at ${disk}`,
    help: `no marker was written; mount the new volume at ${where}, and try again; where the replica is to be a folder of what is mounted at ${disk}, say so: xtelemdb add_replica ${where} new_volume=true not_mounted=true`,
  };
}

/** `below`: where the file system is mounted that holds the new volume, if nothing is mounted at its root. */
function look(
  state: DesiredState,
  replica: Replica,
  { newVolume, now, below }: { readonly newVolume: boolean; readonly now: number; readonly below: string | undefined },
): ResultAsync<PreparedReplica, never> {
  // Of this host, to say when the replica shares a disk with one.
  const dataDirectories = state.hosts.find(({ name }) => name === state.hostname)?.dataDirectories ?? [];
  const address = addressOf(state, replica);
  // Declared here before: nothing but that volume is taken for it, unless the operator says so.
  const marker = asInventory(state, null, (session) => knownMarker(session, replica.id));
  const isDeclared = (url: string): boolean => state.replicas.some(({ id }) => id === url);
  const twinOf = (uuid: string): string | undefined =>
    asInventory(state, [], (session) => markerOwners(session, uuid)).find((url) => url !== replica.id && isDeclared(url));
  const replacing = newVolume && marker !== null ? { replacing: orderFor(state, marker, isDeclared) } : {};
  const newMarker = { uuid: randomUuid(), created: isoTime(now), hex: randomHex(8), ...replacing };
  const request = { address, marker, newMarker, reserveBytes: replica.reserveBytes };
  return ResultAsync.fromSafePromise(checkReplica(request)).map((checked): PreparedReplica => {
    closeIdleConnections();
    if (checked.isErr()) return newVolume ? notReplaced(replica, checked.error, twinOf) : notReady(checked.error);
    const { marker: found, markerWritten, device, onThisHost } = checked.value;
    if (newVolume && marker !== null && found === marker) return formerVolume(replica, marker);
    const twin = found === null || markerWritten ? undefined : twinOf(found);
    if (twin !== undefined) return notReady(sameVolume(replica, twin));
    const volume = below === undefined ? "this volume" : `the file system that is mounted at ${printable(below)}`;
    const place = newVolume && marker !== null ? ` in the place of ${marker}: every file is copied to ${volume}` : "";
    const sharing = onThisHost ? dataDirectories.find((path) => deviceOf(path) === device) : undefined;
    const shared = sharing === undefined ? "" : `; it is on the same file system as ${sharing}: one broken disk loses both`;
    return markerWritten
      ? { kind: "marker-written", message: `wrote the marker ${found}${place}${shared}`, help: "" }
      : { kind: "marker-found", message: `found the marker ${found}${shared}`, help: "" };
  });
}

/** What the new volume's marker is to say, and which volumes may come back in its place. */
const orderFor = (state: DesiredState, former: string, isDeclared: (url: string) => boolean) => ({
  former,
  formerOrderedAt: asInventory(state, 0, (session) => orderedAt(session, former)),
  returning: asInventory(state, [], knownMarkers).flatMap(({ marker, url }) => (isDeclared(url) ? [] : [marker])),
});

/** The operator said that there is another volume, and there is not. */
const formerVolume = ({ id }: Replica, marker: string): PreparedReplica => ({
  kind: "not-ready",
  message: `${printable(id)} carries the marker ${marker}, as before: the volume that is known is mounted there, not a new one`,
  help: "nothing was changed; if it is to stay, there is nothing to do; else mount the new volume in its place, and try again",
});

function notReplaced(replica: Replica, problem: ReplicaProblem, twinOf: (uuid: string) => string | undefined): PreparedReplica {
  const { reason, successor } = problem;
  const twin = successor && twinOf(successor.marker);
  if (twin !== undefined) return notReady(sameVolume(replica, twin));
  if (successor !== undefined) {
    const message = `found the marker ${successor.marker}, which takes the place of the former one`;
    return { kind: "marker-found", message, help: "" };
  }
  if (reason !== "MarkerOfAnotherReplica") return notReady(problem);
  const help = `a volume that is a replica already goes on at a path of its own (add_replica prefix=PATH); if what it says is of no use any more, move ${printable(replica.id)}'s .xtelemdb-replica.json aside, and try again`;
  return { ...notReady(problem), help };
}

/** What the inventory says, where there is one that can be read; a sync will tell what is wrong with it. */
function asInventory<Value>({ database }: DesiredState, otherwise: Value, ask: (session: Session) => Value): Value {
  const opened = openInventoryForReading(database);
  if (opened.isErr()) return otherwise;
  const answer = opened.value.readNow(() => ask(opened.value));
  opened.value.close();
  return answer.unwrapOr(otherwise);
}
