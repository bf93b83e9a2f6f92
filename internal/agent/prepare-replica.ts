/** What `add_replica` does at once: looks at the new replica's root, and writes its marker if it has none. Never makes the root. */
import { ResultAsync } from "neverthrow";
import type { DesiredState, Replica } from "../config/mod.ts";
import { checkReplica } from "../replicate/mod.ts";
import { randomHex, randomUuid } from "../sys/mod.ts";
import { closeIdleConnections } from "../volume/mod.ts";
import { isoTime } from "./agent.ts";
import { REASONS } from "./condition.ts";
import { addressOf } from "./volume-address.ts";

export interface PreparedReplica {
  readonly kind: "marker-written" | "marker-found" | "not-ready";
  readonly message: string;
  readonly help: string;
}

export function prepareReplica(state: DesiredState, replica: Replica, now: number): ResultAsync<PreparedReplica, never> {
  // Of this host, to say when the replica shares a disk with one.
  const dataDirectories = state.hosts.find(({ name }) => name === state.hostname)?.dataDirectories ?? [];
  const newMarker = { uuid: randomUuid(), created: isoTime(now), hex: randomHex(8) };
  const address = addressOf(state, replica);
  const request = { address, marker: null, newMarker, dataDirectories, reserveBytes: replica.reserveBytes };
  return ResultAsync.fromSafePromise(checkReplica(request)).map((checked): PreparedReplica => {
    closeIdleConnections();
    if (checked.isErr()) {
      return { kind: "not-ready", message: checked.error.message, help: REASONS[checked.error.reason] };
    }
    const { marker, markerWritten, sharesDeviceWith } = checked.value;
    const shared =
      sharesDeviceWith === null ? "" : `; it is on the same file system as ${sharesDeviceWith}: one broken disk loses both`;
    return markerWritten
      ? { kind: "marker-written", message: `wrote the marker ${marker}${shared}`, help: "" }
      : { kind: "marker-found", message: `found the marker ${marker}${shared}`, help: "" };
  });
}
