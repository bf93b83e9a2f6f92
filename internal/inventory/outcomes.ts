/**
 * Commits what copying a group of files came to. A copy is recorded only by this, after the worker has said that its bytes, its name and its directory
 * are durable (law 2). If the origin has moved on meanwhile, the row says `stale`, not `current`.
 */

import { type Kysely, sql } from "kysely";
import type { ResultAsync } from "neverthrow";
import { boundedMessage } from "./_limits.ts";
import type { InventoryTables } from "./database-schema.ts";
import { clearFinding } from "./findings.ts";
import { dueGeneration } from "./generations.ts";
import { dueIfNotHeld } from "./held-back.ts";
import { forgetInFlight } from "./in-flight.ts";
import type { Inventory, Transaction } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import {
  DIGEST_ALGORITHMS,
  type Digest,
  type DirectoryId,
  type Evidence,
  type FileOriginId,
  fileReplicaStateCode,
  fileReplicaStateOf,
  GONE_BACK,
  originStateOf,
  type ReplicaId,
  sameEvidence,
} from "./model.ts";
import { DIGEST_BYTES, insertNewCopies, type NewCopies } from "./new-copies.ts";
import { changeFileOrigin } from "./origin-changes.ts";

/** A copy that is durable under its final name. */
export interface StoredCopy {
  readonly file: FileOriginId;
  /** Of the source, as it was copied. */
  readonly evidence: Evidence;
  /** The modification time that the replica's file system kept, where it differs. */
  readonly kept?: { readonly mtimeSeconds: number; readonly mtimeNanoseconds: number };
  readonly digest: Digest;
  /** It is the beginning of a file that was still growing: stale from the start. */
  readonly prefix?: true;
}

/** A file that was tried and is still pending. */
export interface FailedAttempt {
  readonly file: FileOriginId;
  readonly domain: string;
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly nextAt: number;
  /** The source was seen to be other than the inventory says: what it is now. It counts as growing until a scan settles it. */
  readonly observed?: Evidence;
}

type Tables = Kysely<InventoryTables>;

const selectOriginForCopy = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely
    .selectFrom("file_origin as f")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .leftJoin("file_replica as r", (join) => join.onRef("r.file_origin_id", "=", "f.id").on("r.replica_id", "=", replica))
    .select(["d.id as directory", "d.data_directory_id as dataDirectory", "f.state", "f.size"])
    .select(["f.mtime_seconds as mtimeSeconds", "f.mtime_nanoseconds as mtimeNanoseconds"])
    .select(["r.state as copyState", "r.size as copySize"])
    .where("f.id", "=", file);

const upsertCopy = (
  kysely: Tables,
  replica_id: ReplicaId,
  file_origin_id: FileOriginId,
  state: number,
  size: number,
  mtime_seconds: number,
  mtime_nanoseconds: number,
  kept_mtime_seconds: number | null,
  kept_mtime_nanoseconds: number | null,
  digest_algorithm: number,
  digest: Uint8Array,
  copied_at: number,
) =>
  kysely.replaceInto("file_replica").values({
    replica_id,
    file_origin_id,
    state,
    size,
    mtime_seconds,
    mtime_nanoseconds,
    kept_mtime_seconds,
    kept_mtime_nanoseconds,
    digest_algorithm,
    digest,
    copied_at,
  });

const deleteAttempt = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely.deleteFrom("attempt").where("replica_id", "=", replica).where("file_origin_id", "=", file);

/** What was left alone because its source had gone back stays that, whatever else goes wrong with it until it is copied, or touched. */
const unlessGoneBack = (column: "domain" | "reason" | "message") =>
  sql<string>`case when attempt.reason = ${sql.lit(GONE_BACK)} and excluded.reason <> ${sql.lit(GONE_BACK)} then ${sql.ref(`attempt.${column}`)} else ${sql.ref(`excluded.${column}`)} end`;

const upsertAttempt = (
  kysely: Tables,
  replica_id: ReplicaId,
  file_origin_id: FileOriginId,
  at: number,
  next_at: number,
  domain: string,
  reason: string,
  message: string,
) =>
  kysely
    .insertInto("attempt")
    .values({ replica_id, file_origin_id, attempts: 1, first_at: at, last_at: at, next_at, domain, reason, message })
    .onConflict((conflict) =>
      conflict.columns(["replica_id", "file_origin_id"]).doUpdateSet((update) => ({
        attempts: update("attempt.attempts", "+", 1),
        last_at: at,
        next_at,
        domain: unlessGoneBack("domain"),
        reason: unlessGoneBack("reason"),
        message: unlessGoneBack("message"),
      })),
    );

/**
 * Commits a group's outcomes in one transaction, and that no temporary file of it is left in `finished`. `at`: milliseconds since 1970.
 */
export function commitOutcomes(
  inventory: Inventory,
  replica: ReplicaId,
  outcomes: {
    readonly copied?: NewCopies;
    readonly stored: readonly StoredCopy[];
    readonly failed: readonly FailedAttempt[];
    readonly finished: readonly DirectoryId[];
  },
  at: number,
): ResultAsync<void, InventoryError> {
  return inventory.write((transaction) => {
    const { session } = transaction;
    const { copied } = outcomes;
    if (copied !== undefined && !insertNewCopies(transaction, replica, copied, at)) {
      for (const copy of storedCopies(copied)) commitCopy(transaction, replica, copy, at);
    }
    for (const copy of outcomes.stored) commitCopy(transaction, replica, copy, at);
    if (outcomes.stored.length > 0 || (copied?.files.length ?? 0) > 0) dueGeneration(transaction, replica);
    for (const failed of outcomes.failed) {
      if (failed.reason === GONE_BACK) dueIfNotHeld(transaction, replica, failed.file, at);
      session
        .statement(upsertAttempt)
        .run(replica, failed.file, at, failed.nextAt, failed.domain, failed.reason, boundedMessage(failed.message));
      if (failed.observed !== undefined) {
        changeFileOrigin(transaction, failed.file, { evidence: failed.observed, state: "growing", observedAt: at });
      }
    }
    for (const directory of outcomes.finished) session.statement(forgetInFlight).run(replica, directory);
  });
}

function* storedCopies({ files, digests }: NewCopies): Generator<StoredCopy> {
  for (const [index, { id, evidence }] of files.entries()) {
    const bytes = digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
    yield { file: id, evidence, digest: { algorithm: "sha256", bytes } };
  }
}

function commitCopy(transaction: Transaction, replica: ReplicaId, copy: StoredCopy, at: number): void {
  const { session, tally, manifests } = transaction;
  const origin = session.statement(selectOriginForCopy).get(replica, copy.file);
  if (origin === undefined) return;
  const originState = originStateOf(origin.state);
  if (origin.copyState !== null) {
    tally.copy(origin.dataDirectory, replica, originState, fileReplicaStateOf(origin.copyState), -1, -(origin.copySize ?? 0));
  }
  const state = copy.prefix !== true && sameEvidence(origin, copy.evidence) ? "current" : "stale";
  const { size, mtimeSeconds, mtimeNanoseconds } = copy.evidence;
  session
    .statement(upsertCopy)
    .run(
      replica,
      copy.file,
      fileReplicaStateCode(state),
      size,
      mtimeSeconds,
      mtimeNanoseconds,
      copy.kept?.mtimeSeconds ?? null,
      copy.kept?.mtimeNanoseconds ?? null,
      DIGEST_ALGORITHMS.indexOf(copy.digest.algorithm) + 1,
      copy.digest.bytes,
      at,
    );
  tally.copy(origin.dataDirectory, replica, originState, state, 1, size);
  manifests.due(replica, origin.directory, at);
  session.statement(deleteAttempt).run(replica, copy.file);
  if (origin.copyState !== null) clearFinding(transaction, replica, copy.file);
}

/** Moves a replica's reconciled revision forward; never back. */
export function setReconciledRevision(
  inventory: Inventory,
  replica: ReplicaId,
  revision: number,
): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    session.run(
      session.kysely
        .updateTable("replica")
        .set({ reconciled_revision: revision })
        .where("id", "=", replica)
        .where("reconciled_revision", "<", revision),
    );
  });
}
