/**
 * The inventory: what was observed of every file origin and every file replica, and what the agent knows about itself. The only place that knows SQL.
 *
 * Promises: a write is one transaction, all of it or nothing; the tallies always equal the rows; nothing is forgotten silently: what is not declared
 * any more, or gone at its origin, keeps its rows; a damaged, newer or already opened database is refused with a reason.
 * Never: looks at a file of an instrument; decides what should be copied; writes from more than one thread.
 */
export * from "./backup.ts";
export * from "./check.ts";
export * from "./conditions.ts";
export * from "./current-copies.ts";
export * from "./database-file.ts";
export * from "./declare.ts";
export * from "./equal-copies.ts";
export {
  beginRound,
  endRound,
  type RecordedEvidence,
  type RoundStep,
  recordEvidence,
  type Verdict,
  type VerifiedCopy,
} from "./evidence.ts";
export * from "./evidence-queries.ts";
export {
  abandonTaking,
  beginTaking,
  endTaking,
  type Generation,
  type KnownGeneration,
  knownGeneration,
  setGeneration,
} from "./generations.ts";
export * from "./growing.ts";
export * from "./import-commit.ts";
export * from "./import-queries.ts";
export * from "./import-verdict.ts";
export { beginCopies, type DirectoryInFlight, forgetWhereNothingIsPending, inFlightDirectories } from "./in-flight.ts";
export { type Inventory, Session, type WritableInventory } from "./inventory.ts";
export * from "./inventory-error.ts";
export * from "./kept-copies.ts";
export { type ProvenCopies, type ProvenCopy, useOfManifest } from "./manifest-evidence.ts";
export * from "./manifests.ts";
export * from "./missed-files.ts";
export * from "./model.ts";
export { type Holder, lockInventory, openInventory, openInventoryForReading, readHolder } from "./open.ts";
export * from "./outcomes.ts";
export * from "./pending.ts";
export * from "./queries.ts";
export * from "./recorded-files.ts";
export * from "./replaced-volume.ts";
export * from "./replica-attempts.ts";
export * from "./runs.ts";
export * from "./scan-commit.ts";
export * from "./scan-end.ts";
export * from "./snapshot.ts";
export * from "./tally.ts";
export { waitsForScan } from "./unproven-changes.ts";
