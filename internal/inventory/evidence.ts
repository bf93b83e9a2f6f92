/**
 * Records what reading copies back has come to. A verdict is about one copy: whatever took its place meanwhile is not judged. It is written once, changes the
 * state of the copy, and only a new copy clears it (`commitOutcomes`), or that the copy proves to be what was recorded (`takeBack`).
 */

import type { Kysely } from "kysely";
import type { ResultAsync } from "neverthrow";
import { boundedMessage } from "./_limits.ts";
import type { InventoryTables } from "./database-schema.ts";
import type { VerdictState } from "./evidence-queries.ts";
import { insertFinding } from "./findings.ts";
import type { Inventory, Session, Transaction } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import {
  DIGEST_ALGORITHMS,
  type FileOriginId,
  fileReplicaStateCode,
  fileReplicaStateOf,
  importStateCode,
  originStateOf,
  type ReplicaId,
} from "./model.ts";
import { takeBack } from "./take-back.ts";

/** A copy that was read back and is what it should be. */
export interface VerifiedCopy {
  readonly file: FileOriginId;
  /** As the inventory had it when the copy was looked at. */
  readonly copiedAt: number;
  /** The first digest of a copy that had none. */
  readonly digest?: Uint8Array;
  /** Its modification time is another than was kept, though its contents are the same. */
  readonly kept?: { readonly mtimeSeconds: number; readonly mtimeNanoseconds: number };
  /** What it was found to be before. One that was suspect or corrupt has the recorded digest now. */
  readonly verdict?: VerdictState;
}

/** A copy that is not what it should be. */
export interface Verdict {
  readonly file: FileOriginId;
  readonly copiedAt: number;
  readonly state: VerdictState;
  readonly expected?: Uint8Array;
  readonly found?: Uint8Array;
  readonly message: string;
}

/** What has come of it in the rows. */
export interface RecordedEvidence {
  /** Those that were written. */
  readonly verdicts: readonly Verdict[];
  /** Copies whose verdicts have fallen. */
  readonly takenBack: readonly FileOriginId[];
}

/** How far a round has come by this. */
export interface RoundStep {
  readonly position: number;
  readonly files: number;
  readonly bytes: number;
}

type Tables = Kysely<InventoryTables>;

const updateVerified = (kysely: Tables, at: number, replica: ReplicaId, file: FileOriginId, copiedAt: number) =>
  kysely
    .updateTable("file_replica")
    .set({ verified_at: at })
    .where("replica_id", "=", replica)
    .where("file_origin_id", "=", file)
    .where("copied_at", "=", copiedAt);

const updateDigest = (kysely: Tables, digest: Uint8Array, replica: ReplicaId, file: FileOriginId, copiedAt: number) =>
  kysely
    .updateTable("file_replica")
    .set({ digest, digest_algorithm: DIGEST_ALGORITHMS.indexOf("sha256") + 1 })
    .where("replica_id", "=", replica)
    .where("file_origin_id", "=", file)
    .where("copied_at", "=", copiedAt)
    .where("digest", "is", null);

const updateKept = (
  kysely: Tables,
  kept_mtime_seconds: number,
  kept_mtime_nanoseconds: number,
  replica: ReplicaId,
  file: FileOriginId,
  copiedAt: number,
) =>
  kysely
    .updateTable("file_replica")
    .set({ kept_mtime_seconds, kept_mtime_nanoseconds })
    .where("replica_id", "=", replica)
    .where("file_origin_id", "=", file)
    .where("copied_at", "=", copiedAt);

const selectJudged = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely
    .selectFrom("file_replica as r")
    .innerJoin("file_origin as f", "f.id", "r.file_origin_id")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .select(["r.state", "r.size", "r.copied_at as copiedAt", "f.state as originState"])
    .select(["d.id as directory", "d.data_directory_id as dataDirectory"])
    .where("r.replica_id", "=", replica)
    .where("r.file_origin_id", "=", file);

/** What this inventory's own copies of the same version are, elsewhere: they were hashed while they were made from the origin. */
const selectOwnDigests = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely
    .selectFrom("file_replica as r")
    .innerJoin("file_replica as own", (join) =>
      join
        .onRef("own.file_origin_id", "=", "r.file_origin_id")
        .onRef("own.size", "=", "r.size")
        .onRef("own.mtime_seconds", "=", "r.mtime_seconds")
        .onRef("own.mtime_nanoseconds", "=", "r.mtime_nanoseconds"),
    )
    .innerJoin("replica as p", "p.id", "own.replica_id")
    .select(["own.digest", "p.url", "r.digest as known"])
    .where("r.replica_id", "=", replica)
    .where("r.file_origin_id", "=", file)
    .where("r.imported", "is not", null)
    .where("own.replica_id", "!=", replica)
    .where("own.imported", "is", null)
    .where("own.digest", "is not", null);

/** An imported copy is left alone as long as nothing says that it is its origin's. */
const updateUnconfirmed = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely
    .updateTable("file_replica")
    .set({ imported: importStateCode("unconfirmed") })
    .where("replica_id", "=", replica)
    .where("file_origin_id", "=", file);

const selectDirectory = (kysely: Tables, file: FileOriginId) =>
  kysely.selectFrom("file_origin").select("directory_id as id").where("id", "=", file);

const updateState = (kysely: Tables, state: number, replica: ReplicaId, file: FileOriginId) =>
  kysely.updateTable("file_replica").set({ state }).where("replica_id", "=", replica).where("file_origin_id", "=", file);

const addToRound = (kysely: Tables, position: number, files: number, bytes: number, replica: ReplicaId) =>
  kysely
    .updateTable("replica")
    .set((row) => ({
      scrub_position: position,
      scrub_files: row("scrub_files", "+", files),
      scrub_bytes: row("scrub_bytes", "+", bytes),
    }))
    .where("id", "=", replica);

/** Commits what a group has come to, in one transaction. `step`: left out where no round goes on by it. */
export function recordEvidence(
  inventory: Inventory,
  replica: ReplicaId,
  evidence: { readonly verified: readonly VerifiedCopy[]; readonly verdicts: readonly Verdict[]; readonly step?: RoundStep },
  at: number,
): ResultAsync<RecordedEvidence, InventoryError> {
  return inventory.write((transaction) => {
    const { session, manifests } = transaction;
    const doubts: Verdict[] = [];
    const takenBack: FileOriginId[] = [];
    for (const { file, copiedAt, digest, kept, verdict } of evidence.verified) {
      const doubt = doubtOf(session, replica, { file, copiedAt, digest });
      if (doubt !== undefined) {
        doubts.push(doubt);
        continue;
      }
      if (verdict !== undefined) {
        if (!takeBack(transaction, replica, file, copiedAt)) continue;
        takenBack.push(file);
      }
      const directory = session.statement(selectDirectory).get(file)?.id;
      if (directory !== undefined) manifests.due(replica, directory, at);
      if (digest !== undefined) session.statement(updateDigest).run(digest, replica, file, copiedAt);
      if (kept !== undefined) {
        session.statement(updateKept).run(kept.mtimeSeconds, kept.mtimeNanoseconds, replica, file, copiedAt);
      }
      session.statement(updateVerified).run(at, replica, file, copiedAt);
    }
    const written = [...evidence.verdicts, ...doubts].filter((verdict) => writeVerdict(transaction, replica, verdict, at));
    // Only of the copy that was read: another may stand in its row by now.
    for (const doubt of doubts) if (written.includes(doubt)) session.statement(updateUnconfirmed).run(replica, doubt.file);
    const { step } = evidence;
    if (step !== undefined) session.statement(addToRound).run(step.position, step.files, step.bytes, replica);
    return { verdicts: written, takenBack };
  });
}

/** The digest of an imported copy, its first or the one that is known, where all of our own copies of that version have another: which of the two is right only a person can say. */
function doubtOf(
  session: Session,
  replica: ReplicaId,
  { file, copiedAt, digest }: { readonly file: FileOriginId; readonly copiedAt: number; readonly digest: Uint8Array | undefined },
): Verdict | undefined {
  const own = session.statement(selectOwnDigests).all(replica, file);
  const [first] = own;
  const found = digest ?? first?.known ?? undefined;
  if (first === undefined || first.digest === null || found === undefined) return undefined;
  if (own.some((other) => other.digest !== null && Buffer.compare(other.digest, found) === 0)) return undefined;
  const message = `it was imported, and its contents are others than those of the copy at ${first.url}, which was made from the origin`;
  return { file, copiedAt, state: "suspect", expected: first.digest, found, message };
}

function writeVerdict({ session, tally, manifests }: Transaction, replica: ReplicaId, verdict: Verdict, at: number): boolean {
  const { file, state, expected, found, message } = verdict;
  const row = session.statement(selectJudged).get(replica, file);
  if (row === undefined || row.copiedAt !== verdict.copiedAt) return false;
  const before = fileReplicaStateOf(row.state);
  if (before !== "current" && before !== "stale") return false;
  const code = fileReplicaStateCode(state);
  const originState = originStateOf(row.originState);
  tally.copy(row.dataDirectory, replica, originState, before, -1, -row.size);
  tally.copy(row.dataDirectory, replica, originState, state, 1, row.size);
  manifests.due(replica, row.directory, at);
  session.statement(updateState).run(code, replica, file);
  session.statement(insertFinding).run(replica, file, code, at, expected ?? null, found ?? null, boundedMessage(message));
  return true;
}

/** A round begins with the first copy. `at`: milliseconds since 1970. */
export function beginRound(inventory: Inventory, replica: ReplicaId, at: number): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    const begun = { scrub_position: 0, scrub_begun_at: at, scrub_files: 0, scrub_bytes: 0 };
    session.run(session.kysely.updateTable("replica").set(begun).where("id", "=", replica));
  });
}

/** Every copy was read since the round began. */
export function endRound(inventory: Inventory, replica: ReplicaId): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    session.run(
      session.kysely
        .updateTable("replica")
        .set((row) => ({ scrub_position: 0, scrub_whole_since: row.ref("scrub_begun_at"), scrub_begun_at: null }))
        .where("id", "=", replica),
    );
  });
}
