/**
 * The one way in which a file origin's row changes: the row, its revision, the tallies, and the states of its copies move together. A copy that was
 * current and whose source has other evidence now becomes stale; one that was found at its replica, and whose origin is seen for the first time with other
 * evidence, becomes suspect; a copy whose origin is gone stays as it is, and is held back from another file that has the name later.
 */
import type { Kysely } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import { compareFound, looksOf, noteDisagreement } from "./found-copies.ts";
import { holdBack } from "./held-back.ts";
import type { Transaction } from "./inventory.ts";
import {
  agreeingEvidence,
  type DataDirectoryId,
  type DirectoryId,
  type Evidence,
  type FileOriginId,
  fileReplicaStateCode,
  fileReplicaStateOf,
  GONE_BACK,
  importStateOf,
  isFarReplica,
  type OriginState,
  originStateCode,
  originStateOf,
  type ReplicaId,
  sameEvidence,
  WRITTEN_TO,
} from "./model.ts";
import { isWanted } from "./tally.ts";
import { isUnproven } from "./unproven-changes.ts";

type Tables = Kysely<InventoryTables>;

const insertOrigin = (
  kysely: Tables,
  directory_id: DirectoryId,
  name: string,
  size: number,
  mtime_seconds: number,
  mtime_nanoseconds: number,
  state: number,
  revision: number,
  observed_at: number,
  growing_since: number | null,
) =>
  kysely
    .insertInto("file_origin")
    .values({ directory_id, name, size, mtime_seconds, mtime_nanoseconds, state, revision, observed_at, growing_since })
    .onConflict((conflict) => conflict.doNothing());

const selectByName = (kysely: Tables, directory: DirectoryId, name: string) =>
  kysely.selectFrom("file_origin").select("id").where("directory_id", "=", directory).where("name", "=", name);

const selectOrigin = (kysely: Tables, id: FileOriginId) =>
  kysely
    .selectFrom("file_origin as f")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .select(["d.id as directory", "d.data_directory_id as dataDirectory"])
    .select(["f.size", "f.mtime_seconds", "f.mtime_nanoseconds", "f.state"])
    .select(["f.growing_since as growingSince", "f.observed_at as observedAt"])
    .where("f.id", "=", id);

const updateOrigin = (
  kysely: Tables,
  size: number,
  mtime_seconds: number,
  mtime_nanoseconds: number,
  state: number,
  revision: number,
  observed_at: number,
  growing_since: number | null,
  id: FileOriginId,
) =>
  kysely
    .updateTable("file_origin")
    .set({ size, mtime_seconds, mtime_nanoseconds, state, revision, observed_at, growing_since })
    .where("id", "=", id);

const selectCopy = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely
    .selectFrom("file_replica")
    .select(["state", "size", "mtime_seconds as mtimeSeconds", "mtime_nanoseconds as mtimeNanoseconds", "imported"])
    .select(["kept_mtime_seconds as keptSeconds", "kept_mtime_nanoseconds as keptNanoseconds"])
    .where("replica_id", "=", replica)
    .where("file_origin_id", "=", file);

const setCopyState = (kysely: Tables, state: number, replica: ReplicaId, file: FileOriginId) =>
  kysely.updateTable("file_replica").set({ state }).where("replica_id", "=", replica).where("file_origin_id", "=", file);

/** What has failed for this reason need not wait any longer. */
const tryAt = (kysely: Tables, at: number, replica: ReplicaId, file: FileOriginId, reason: string) =>
  kysely
    .updateTable("attempt")
    .set({ next_at: at })
    .where("replica_id", "=", replica)
    .where("file_origin_id", "=", file)
    .where("reason", "=", reason)
    .where("next_at", ">", at);

/**
 * Gone for so long (milliseconds), a file was deleted, and not written anew by a program that removes the old one first: its copies are all that there is of it. Until
 * then it is as if it had been written over.
 */
const DELETED_AFTER = 3_600_000;

const allReplicas = (kysely: Tables) => kysely.selectFrom("replica").select(["id", "url"]);

/** Inserts a file origin unless the directory has one of that name. True if it was new. */
export function insertFileOrigin(
  transaction: Transaction,
  dataDirectory: DataDirectoryId,
  directory: DirectoryId,
  name: string,
  evidence: Evidence,
  state: OriginState,
  observedAt: number,
): boolean {
  const { size, mtimeSeconds, mtimeNanoseconds } = evidence;
  const revision = transaction.revision + 1;
  const growingSince = state === "growing" ? observedAt : null;
  const inserted = transaction.session
    .statement(insertOrigin)
    .run(directory, name, size, mtimeSeconds, mtimeNanoseconds, originStateCode(state), revision, observedAt, growingSince);
  if (inserted === 0) return false;
  transaction.nextRevision();
  transaction.tally.origin(dataDirectory, state, 1, size);
  return true;
}

/** The id of the file origin of that name in that directory. */
export const fileOriginNamed = (transaction: Transaction, directory: DirectoryId, name: string): FileOriginId | undefined =>
  transaction.session.statement(selectByName).get(directory, name)?.id;

/**
 * Gives a file origin new evidence, a new state, or both. Evidence left out stays (a tombstone keeps the last known size and mtime). Does nothing,
 * and takes no revision, when nothing would change.
 */
export function changeFileOrigin(
  transaction: Transaction,
  id: FileOriginId,
  change: { readonly evidence?: Evidence; readonly state: OriginState; readonly observedAt: number },
): boolean {
  const { session, tally } = transaction;
  const row = session.statement(selectOrigin).get(id);
  if (row === undefined) return false;
  const before: Evidence = { size: row.size, mtimeSeconds: row.mtime_seconds, mtimeNanoseconds: row.mtime_nanoseconds };
  const after = change.evidence ?? before;
  const stateBefore = originStateOf(row.state);
  if (stateBefore === change.state && sameEvidence(before, after)) return false;
  // Whoever looks at it in between takes it for what the scan did, which has not ended.
  const isInDoubt = isWanted(change.state) && isUnproven(session, row.dataDirectory, row.observedAt);

  session
    .statement(updateOrigin)
    .run(
      after.size,
      after.mtimeSeconds,
      after.mtimeNanoseconds,
      originStateCode(change.state),
      transaction.nextRevision(),
      isInDoubt ? row.observedAt : change.observedAt,
      change.state === "growing" ? (row.growingSince ?? change.observedAt) : null,
      id,
    );
  tally.origin(row.dataDirectory, stateBefore, -1, -before.size);
  tally.origin(row.dataDirectory, change.state, 1, after.size);
  const wasDeleted = stateBefore === "absent" && change.observedAt - row.observedAt >= DELETED_AFTER;
  moveCopies(transaction, id, { ...row, wasDeleted }, stateBefore, change, after);
  return true;
}

const OTHER_FILE = "the file was deleted at its origin, and another has its name now: the copy is the last of the former";

function moveCopies(
  transaction: Transaction,
  id: FileOriginId,
  {
    directory,
    dataDirectory,
    wasDeleted,
  }: { readonly directory: DirectoryId; readonly dataDirectory: DataDirectoryId; readonly wasDeleted: boolean },
  originBefore: OriginState,
  { state: originAfter, observedAt }: { readonly state: OriginState; readonly observedAt: number },
  evidence: Evidence,
): void {
  const { session, tally, manifests } = transaction;
  for (const replica of session.statement(allReplicas).all()) {
    if (originBefore === "growing" && originAfter === "settled")
      session.statement(tryAt).run(observedAt, replica.id, id, WRITTEN_TO);
    const copy = session.statement(selectCopy).get(replica.id, id);
    if (copy === undefined) continue;
    const before = fileReplicaStateOf(copy.state);
    const isFound = importStateOf(copy.imported) === "unconfirmed";
    // What is suspect stays so until somebody has looked at it.
    const isCompared = isWanted(originAfter) && isFound && before !== "suspect";
    const agrees = isCompared
      ? compareFound(transaction, replica, id, copy, evidence)
      : isFound
        ? agreeingEvidence(looksOf(copy), evidence, isFarReplica(replica.url))
        : sameEvidence(copy, evidence);
    // Of an imported origin, which nobody has seen, another replica has a later version.
    const movedOn = before === "current" && (isWanted(originAfter) || originAfter === "imported") && !agrees;
    // A stale copy stays so whatever its origin comes back to: it may be no more than the beginning of a file that was growing.
    const after = !movedOn ? before : isFound ? "suspect" : "stale";
    if (after === "suspect" && movedOn) noteDisagreement(transaction, replica.id, id, copy, evidence, observedAt);
    if (after !== before || (isCompared && agrees)) manifests.due(replica.id, directory, observedAt);
    // What is suspect may prove to be good.
    if (wasDeleted && isWanted(originAfter) && !agrees && (after === "stale" || before === "stale" || before === "suspect"))
      holdBack(transaction, replica.id, id, observedAt, OTHER_FILE);
    // Somebody has brought back what the copy was made of: it need not wait any longer.
    if (before === "stale" && sameEvidence(copy, evidence)) session.statement(tryAt).run(observedAt, replica.id, id, GONE_BACK);
    if (after !== before) session.statement(setCopyState).run(fileReplicaStateCode(after), replica.id, id);
    tally.copy(dataDirectory, replica.id, originBefore, before, -1, -copy.size);
    tally.copy(dataDirectory, replica.id, originAfter, after, 1, copy.size);
  }
}
