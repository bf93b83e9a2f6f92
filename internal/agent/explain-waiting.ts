/** Why what is at an origin now replaces no copy yet: what found it was a full scan that has not ended well, and whatever lies there may be another disk. */
import { type DataDirectoryScan, type FileOrigin, type Session, type StoredCondition, waitsForScan } from "../inventory/mod.ts";
import { type Unseen, unseenAt } from "./explain-unseen.ts";

/** Undefined where nothing is in doubt. Where the data directory is frozen, its condition says more. */
export function waitingForScan(
  session: Session,
  scan: DataDirectoryScan | undefined,
  { observedAt, path }: FileOrigin,
  conditions: readonly StoredCondition[],
): Unseen | undefined {
  if (scan === undefined || !waitsForScan(session, scan.id, observedAt)) return undefined;
  const failed = unseenAt(scan, conditions, path);
  const why = failed === undefined ? "" : `; of the last one: ${failed.message}`;
  return {
    message: `it waits for the end of a full scan of ${scan.path}: what a scan finds changed replaces no copy before one has ended well${why}`,
    help: failed?.help || 'an agent that runs scans by itself; else run "xtelemdb sync"',
  };
}
