/**
 * A verdict falls when the copy is again what was recorded. Of one that was lost: it is there, and was read. Of one that was suspect or corrupt only its contents can
 * say that: all of it was read, and has the digest that is recorded of it. Size and time lift no verdict; neither does a first digest, which is compared with nothing.
 */
import type { Kysely } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import { clearFinding } from "./findings.ts";
import { compareFound, looksOf } from "./found-copies.ts";
import { dueGeneration } from "./generations.ts";
import type { Transaction } from "./inventory.ts";
import {
  agreeingEvidence,
  type FileOriginId,
  type FileReplicaState,
  fileReplicaStateCode,
  fileReplicaStateOf,
  GONE_BACK,
  importStateOf,
  isFarReplica,
  originStateOf,
  type ReplicaId,
  sameEvidence,
} from "./model.ts";
import { isWanted } from "./tally.ts";

type Tables = Kysely<InventoryTables>;

const selectWrong = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely
    .selectFrom("file_replica as r")
    .innerJoin("replica as p", "p.id", "r.replica_id")
    .innerJoin("file_origin as f", "f.id", "r.file_origin_id")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .leftJoin("finding as x", (join) =>
      join.onRef("x.replica_id", "=", "r.replica_id").onRef("x.file_origin_id", "=", "r.file_origin_id"),
    )
    .select(["r.state", "r.size", "r.copied_at as copiedAt", "r.digest", "r.imported", "p.url", "f.state as originState"])
    .select(["r.mtime_seconds as mtimeSeconds", "r.mtime_nanoseconds as mtimeNanoseconds"])
    .select(["r.kept_mtime_seconds as keptSeconds", "r.kept_mtime_nanoseconds as keptNanoseconds"])
    .select(["f.size as originSize", "f.mtime_seconds as originSeconds", "f.mtime_nanoseconds as originNanoseconds"])
    .select(["d.data_directory_id as dataDirectory", "x.expected_digest as expected"])
    .where("r.replica_id", "=", replica)
    .where("r.file_origin_id", "=", file);

type WrongRow = ReturnType<typeof selectWrong> extends { execute(): Promise<(infer Row)[]> } ? Row : never;

const updateState = (kysely: Tables, state: number, replica: ReplicaId, file: FileOriginId) =>
  kysely.updateTable("file_replica").set({ state }).where("replica_id", "=", replica).where("file_origin_id", "=", file);

const deleteAttempt = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely.deleteFrom("attempt").where("replica_id", "=", replica).where("file_origin_id", "=", file);

/** What a held copy is held for has nothing to do with its verdict. */
const deleteAttemptUnlessHeld = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  deleteAttempt(kysely, replica, file).where("reason", "!=", GONE_BACK);

/** Of a copy that was read whole just now, and had the recorded digest (of a lost one: if there is one). True if its verdict has fallen. */
export function takeBack(transaction: Transaction, replica: ReplicaId, file: FileOriginId, copiedAt: number): boolean {
  const { session, tally } = transaction;
  const row = session.statement(selectWrong).get(replica, file);
  if (row === undefined || row.copiedAt !== copiedAt) return false;
  const before = fileReplicaStateOf(row.state);
  if (before === "current" || before === "stale" || (before !== "lost" && !isAnswered(row))) return false;
  const after = stateOf(transaction, replica, file, row, before);
  if (after === undefined) return false;
  const originState = originStateOf(row.originState);
  tally.copy(row.dataDirectory, replica, originState, before, -1, -row.size);
  tally.copy(row.dataDirectory, replica, originState, after, 1, row.size);
  session.statement(updateState).run(fileReplicaStateCode(after), replica, file);
  clearFinding(transaction, replica, file);
  // What is stale is still to be copied: what was told of that holds where the copy was gone, and not where it was told of what stood in its place.
  if (after === "current") session.statement(deleteAttempt).run(replica, file);
  else if (before !== "lost") session.statement(deleteAttemptUnlessHeld).run(replica, file);
  dueGeneration(transaction, replica);
  return true;
}

/** Does the recorded digest answer the verdict? Where that was given because other copies have another one, it does not. */
const isAnswered = ({ digest, expected }: WrongRow): boolean =>
  digest !== null && (expected === null || Buffer.compare(digest, expected) === 0);

/** What it is from now on; undefined: it was found at the replica, and is not what its origin is, which stands against it whatever its contents are. */
function stateOf(
  transaction: Transaction,
  replica: ReplicaId,
  file: FileOriginId,
  row: WrongRow,
  before: FileReplicaState,
): "current" | "stale" | undefined {
  const originState = originStateOf(row.originState);
  const origin = { size: row.originSize, mtimeSeconds: row.originSeconds, mtimeNanoseconds: row.originNanoseconds };
  const isFound = importStateOf(row.imported) === "unconfirmed";
  const agrees = !isFound
    ? sameEvidence(row, origin)
    : isWanted(originState)
      ? compareFound(transaction, { id: replica, url: row.url }, file, row, origin)
      : agreeingEvidence(looksOf(row), origin, isFarReplica(row.url));
  if (isFound && !agrees && before !== "lost") return undefined;
  return originState !== "growing" && agrees ? "current" : "stale";
}
