/** What the tallies say of one replica: sums over what is declared. */
import { type Amount, type DataDirectoryId, NOTHING, type ReplicaId, sum, type Tallies } from "../inventory/mod.ts";

export interface ReplicaAmounts {
  readonly current: Amount;
  readonly pending: Amount;
  readonly growing: Amount;
  readonly kept: Amount;
  /** The part of `kept` in data directories that are declared. */
  readonly tombstones: Amount;
}

const total = (amounts: readonly Amount[]): Amount => amounts.reduce(sum, NOTHING);

/** `declared`: the data directories whose files are wanted. Copies of files of any other count as kept. */
export function replicaAmounts(tallies: Tallies, replica: ReplicaId, declared: ReadonlySet<DataDirectoryId>): ReplicaAmounts {
  const origins = tallies.origins.filter(({ dataDirectory }) => declared.has(dataDirectory));
  const copies = tallies.copies.filter((copy) => copy.replica === replica);
  const current = total(copies.filter((copy) => copy.state === "current" && declared.has(copy.dataDirectory)));
  const growing = total(origins.filter(({ state }) => state === "growing"));
  const wanted = sum(growing, total(origins.filter(({ state }) => state === "settled")));
  const kept = total(copies.filter((copy) => copy.state === "kept" || !declared.has(copy.dataDirectory)));
  const tombstones = total(copies.filter((copy) => copy.state === "kept" && declared.has(copy.dataDirectory)));
  // A growing file whose copy is current is not counted twice: it has no copy of what it is now, so it is not current.
  const pending = { files: wanted.files - current.files, bytes: Math.max(0, wanted.bytes - current.bytes) };
  const growingPending = { files: Math.min(growing.files, pending.files), bytes: Math.min(growing.bytes, pending.bytes) };
  return { current, pending, growing: growingPending, kept, tombstones };
}
