/**
 * Copies that were found at a replica, when their origin is seen at last: it agrees, and the copy is as good as one of ours; or it does not, and nobody can say
 * which of the two is right.
 */
import type { Kysely } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import { insertFinding } from "./findings.ts";
import type { Transaction } from "./inventory.ts";
import {
  agreeingEvidence,
  type Evidence,
  type FileOriginId,
  fileReplicaStateCode,
  importStateCode,
  isFarReplica,
  type ReplicaId,
  sameEvidence,
} from "./model.ts";

type Tables = Kysely<InventoryTables>;

/** A copy's row: what its source was, and what its replica could keep of that. */
export interface FoundCopy extends Evidence {
  readonly keptSeconds: number | null;
  readonly keptNanoseconds: number | null;
}

/** As it looks at its replica. */
export const looksOf = ({ size, mtimeSeconds, mtimeNanoseconds, keptSeconds, keptNanoseconds }: FoundCopy): Evidence =>
  keptSeconds === null
    ? { size, mtimeSeconds, mtimeNanoseconds }
    : { size, mtimeSeconds: keptSeconds, mtimeNanoseconds: keptNanoseconds ?? 0 };

const confirm = (
  kysely: Tables,
  mtime_seconds: number,
  mtime_nanoseconds: number,
  kept_mtime_seconds: number | null,
  kept_mtime_nanoseconds: number | null,
  replica: ReplicaId,
  file: FileOriginId,
) =>
  kysely
    .updateTable("file_replica")
    .set({ mtime_seconds, mtime_nanoseconds, kept_mtime_seconds, kept_mtime_nanoseconds, imported: importStateCode("confirmed") })
    .where("replica_id", "=", replica)
    .where("file_origin_id", "=", file);

/** Does the origin, seen with this evidence, agree with the copy? If so that is recorded. */
export function compareFound(
  { session }: Transaction,
  { id: replica, url }: { readonly id: ReplicaId; readonly url: string },
  file: FileOriginId,
  copy: FoundCopy,
  evidence: Evidence,
): boolean {
  const looks = looksOf(copy);
  if (!agreeingEvidence(looks, evidence, isFarReplica(url))) return false;
  const { mtimeSeconds, mtimeNanoseconds } = evidence;
  const kept = sameEvidence(looks, evidence) ? undefined : looks;
  session
    .statement(confirm)
    .run(mtimeSeconds, mtimeNanoseconds, kept?.mtimeSeconds ?? null, kept?.mtimeNanoseconds ?? null, replica, file);
  return true;
}

const timeOf = ({ mtimeSeconds }: Evidence): string => {
  const time = new Date(mtimeSeconds * 1000);
  return Number.isNaN(time.getTime()) ? `${mtimeSeconds} s after 1970` : time.toISOString().replace(".000Z", "Z");
};

/** What a copy that was found and its origin differ in. */
export const differenceBetween = (copy: Evidence, origin: Evidence): string =>
  copy.size === origin.size
    ? `the copy is of ${timeOf(copy)}, its origin of ${timeOf(origin)}`
    : `the copy has ${copy.size} bytes, its origin ${origin.size}`;

/** Says why a copy is suspect. */
export function noteDisagreement(
  { session }: Transaction,
  replica: ReplicaId,
  file: FileOriginId,
  copy: FoundCopy,
  evidence: Evidence,
  at: number,
): void {
  const message = `it was imported, and its origin is another: ${differenceBetween(looksOf(copy), evidence)}`;
  session.statement(insertFinding).run(replica, file, fileReplicaStateCode("suspect"), at, null, null, message);
}
