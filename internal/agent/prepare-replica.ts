/** What `add_replica` does at once: looks at the new replica's root, and writes its marker if it has none, and none is known of it. Never makes the root. */
import { ResultAsync } from "neverthrow";
import type { DesiredState, Replica } from "../config/mod.ts";
import { knownMarker, markerOwners, openInventoryForReading, type Session } from "../inventory/mod.ts";
import { checkReplica, type ReplicaProblem } from "../replicate/mod.ts";
import { randomHex, randomUuid } from "../sys/mod.ts";
import { closeIdleConnections } from "../volume/mod.ts";
import { isoTime } from "./agent.ts";
import { REASONS } from "./condition.ts";
import { sameVolume } from "./replica-pass.ts";
import { addressOf } from "./volume-address.ts";

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

export function prepareReplica(state: DesiredState, replica: Replica, now: number): ResultAsync<PreparedReplica, never> {
  // Of this host, to say when the replica shares a disk with one.
  const dataDirectories = state.hosts.find(({ name }) => name === state.hostname)?.dataDirectories ?? [];
  const newMarker = { uuid: randomUuid(), created: isoTime(now), hex: randomHex(8) };
  const address = addressOf(state, replica);
  // Declared here before: nothing but that volume is taken for it.
  const marker = asInventory(state, null, (session) => knownMarker(session, replica.id));
  const request = { address, marker, newMarker, dataDirectories, reserveBytes: replica.reserveBytes };
  return ResultAsync.fromSafePromise(checkReplica(request)).map((checked): PreparedReplica => {
    closeIdleConnections();
    if (checked.isErr()) return notReady(checked.error);
    const { marker: found, markerWritten, sharesDeviceWith } = checked.value;
    const owners = found === null || markerWritten ? [] : asInventory(state, [], (session) => markerOwners(session, found));
    const twin = owners.find((url) => url !== replica.id && state.replicas.some(({ id }) => id === url));
    if (twin !== undefined) return notReady(sameVolume(replica, twin));
    const shared =
      sharesDeviceWith === null ? "" : `; it is on the same file system as ${sharesDeviceWith}: one broken disk loses both`;
    return markerWritten
      ? { kind: "marker-written", message: `wrote the marker ${found}${shared}`, help: "" }
      : { kind: "marker-found", message: `found the marker ${found}${shared}`, help: "" };
  });
}

/** What the inventory says, where there is one that can be read; a sync will tell what is wrong with it. */
function asInventory<Value>({ database }: DesiredState, otherwise: Value, ask: (session: Session) => Value): Value {
  const opened = openInventoryForReading(database);
  if (opened.isErr()) return otherwise;
  const answer = opened.value.readNow(() => ask(opened.value));
  opened.value.close();
  return answer.unwrapOr(otherwise);
}
