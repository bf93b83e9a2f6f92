/**
 * The agent: makes actual equal desired, pass after pass, and says what it found. The controller here is the only writer of the inventory; all file I/O is
 * done by its workers.
 *
 * Promises: what is wrong with one file, disk or host is a condition with a reason and never an error of the whole; a pass can be killed at any moment and
 * the next one goes on; everything pending has a reason.
 * Never: remembers from one pass to the next what is not in the inventory; touches a data directory or a replica in the controller's own thread.
 */
export type { AgentOptions, Log, LogFields } from "./agent.ts";
export * from "./agent-error.ts";
export { plan, scan, sync } from "./commands.ts";
export { type ContinuousOptions, syncContinuously } from "./continuous.ts";
export { explain } from "./explain.ts";
export { type ImportOptions, importOrigins } from "./import-origins.ts";
export * from "./import-report.ts";
export { type PreparedReplica, prepareReplica, refusalOfNewVolume } from "./prepare-replica.ts";
export * from "./read-events.ts";
export { readStatus } from "./read-status.ts";
export { type RebuildOptions, rebuildInventory } from "./rebuild-inventory.ts";
export * from "./rebuild-report.ts";
export * from "./reports.ts";
export { type RestoreOptions, type RestoreRefusal, restore } from "./restore.ts";
export * from "./restore-report.ts";
export { findSafe, type SafeOptions } from "./safe.ts";
export * from "./safe-report.ts";
export { ServiceManager } from "./service-manager.ts";
export * from "./status-document.ts";
export { parseStatus } from "./status-shape.ts";
export { type VerifyOptions, verify } from "./verify.ts";
export * from "./verify-report.ts";
