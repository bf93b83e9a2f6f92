/** Copies that can stand in for their origins. */
import type { Session } from "./inventory.ts";
import { type Evidence, type FileOriginId, fileReplicaStateCode, type ReplicaId } from "./model.ts";

const IDS_PER_QUESTION = 500;

/** A copy that can be read in the place of its origin, and the SHA-256 that its contents must have: nobody may have looked at them since. */
export interface CurrentCopy {
  readonly replica: ReplicaId;
  readonly digest: Uint8Array;
}

/** Of these files, the ones with a copy of our making at one of these replicas that is current, and looks as the origin does to the nanosecond. */
export function currentCopies(
  session: Session,
  files: readonly { readonly id: FileOriginId; readonly evidence: Evidence }[],
  replicas: readonly ReplicaId[],
): Map<FileOriginId, CurrentCopy> {
  const found = new Map<FileOriginId, CurrentCopy>();
  if (replicas.length === 0) return found;
  const evidenceOf = new Map(files.map(({ id, evidence }) => [id, evidence]));
  for (let at = 0; at < files.length; at += IDS_PER_QUESTION) {
    const rows = session.all(
      session.kysely
        .selectFrom("file_replica")
        .select(["replica_id", "file_origin_id", "size", "mtime_seconds", "mtime_nanoseconds", "digest"])
        .where("replica_id", "in", [...replicas])
        .where(
          "file_origin_id",
          "in",
          files.slice(at, at + IDS_PER_QUESTION).map(({ id }) => id),
        )
        .where("state", "=", fileReplicaStateCode("current"))
        .where("kept_mtime_seconds", "is", null)
        .where("imported", "is", null),
    );
    for (const row of rows) {
      const evidence = evidenceOf.get(row.file_origin_id);
      const same =
        evidence?.size === row.size &&
        evidence.mtimeSeconds === row.mtime_seconds &&
        evidence.mtimeNanoseconds === row.mtime_nanoseconds;
      if (same && row.digest !== null) found.set(row.file_origin_id, { replica: row.replica_id, digest: row.digest });
    }
  }
  return found;
}
