/** Where a group of copies goes, as a worker has to know it: the replica, who writes there, and how much of it may be taken. */
import type { Result } from "neverthrow";
import type { InventoryError, PendingFile } from "../inventory/mod.ts";
import { TAKEN_SPACE_BYTES } from "../replicate/mod.ts";
import { type Agent, claimsToWrite } from "./agent.ts";
import type { PackedGroup } from "./copy-messages.ts";
import type { ReadyReplica } from "./pass-options.ts";
import { addressOf } from "./volume-address.ts";

/** What all groups of a pass share. */
export interface SharedByGroups {
  /** Of the replica's limit of bytes a second. */
  readonly granted: SharedArrayBuffer;
  /** Of its room. */
  readonly taken: SharedArrayBuffer;
}

export const newShared = (): SharedByGroups => ({
  granted: new SharedArrayBuffer(8),
  taken: new SharedArrayBuffer(TAKEN_SPACE_BYTES),
});

export function copyTargetOf(
  agent: Agent,
  { replica, row, found }: ReadyReplica,
  files: readonly PendingFile[],
  { granted, taken }: SharedByGroups,
): Result<PackedGroup["replica"], InventoryError> {
  const { reserveBytes, bandwidthBytes } = replica;
  const limit = bandwidthBytes > 0 ? { limit: { shared: granted, bytesPerSecond: bandwidthBytes } } : {};
  const where = { address: addressOf(agent.state, replica), marker: found.marker, reserveBytes, taken, ...limit };
  return claimsToWrite(agent, row.id, hostsOf(files)).map((claims) => ({ ...where, claims }));
}

/** The origin hosts of files, each once. */
const hostsOf = (files: readonly PendingFile[]): string[] => [...new Set(files.map(({ directory }) => directory.host))];
