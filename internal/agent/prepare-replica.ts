/** What `add_replica` does at once: looks at the new replica's root, and writes its marker if it has none, and none is known of it. Never makes the root. */
import { ResultAsync } from "neverthrow";
import type { DesiredState, Replica } from "../config/mod.ts";
import { knownMarker, knownMarkers, markerOwners, openInventoryForReading, orderedAt, type Session } from "../inventory/mod.ts";
import { checkReplica, type ReplicaProblem } from "../replicate/mod.ts";
import { printable, randomHex, randomUuid } from "../sys/mod.ts";
import { closeIdleConnections, openLocalVolume } from "../volume/mod.ts";
import { isoTime } from "./agent.ts";
import { REASONS } from "./condition.ts";
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

/** `newVolume`: what stands at its root takes the place of the volume that was known, which is gone for good. `now`: milliseconds since 1970. */
export function prepareReplica(
  state: DesiredState,
  replica: Replica,
  { newVolume, now }: { readonly newVolume: boolean; readonly now: number },
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
    const place = newVolume && marker !== null ? ` in the place of ${marker}: every file is copied to this volume` : "";
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

function deviceOf(path: string): string | undefined {
  const volume = openLocalVolume(path);
  if (volume.isErr()) return undefined;
  volume.value.close();
  return volume.value.device;
}

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
