/** Where else the contents of a file are, as far as its copies were read. */
import { sql } from "kysely";
import { JUDGEABLE } from "./_judgeable.ts";
import type { Session } from "./inventory.ts";
import type { Evidence, FileOriginId, ReplicaId } from "./model.ts";

export interface EqualCopy {
  readonly replica: ReplicaId;
  /** As that replica's file system keeps it. */
  readonly kept: Evidence;
  /** The folder that it lies in, below the replica's root; left out where a new copy would lie. */
  readonly place?: string;
}

const FILES_PER_QUESTION = 500;

/** Of files whose contents are known, the copies elsewhere that had the same contents when they were last looked at; the one that was read last comes first. */
export function equalCopies(
  session: Session,
  files: readonly { readonly id: FileOriginId; readonly digest: Uint8Array }[],
  replicas: readonly ReplicaId[],
): Map<FileOriginId, EqualCopy> {
  const found = new Map<FileOriginId, EqualCopy>();
  if (replicas.length === 0) return found;
  const digests = new Map(files.map(({ id, digest }) => [id, digest]));
  for (let at = 0; at < files.length; at += FILES_PER_QUESTION) {
    const ids = files.slice(at, at + FILES_PER_QUESTION).map(({ id }) => id);
    const rows = session.all(
      session.kysely
        .selectFrom("file_replica as r")
        .leftJoin("place as p", "p.id", "r.place_id")
        .select(["r.replica_id", "r.file_origin_id", "r.digest", "r.size", "r.mtime_seconds", "r.mtime_nanoseconds"])
        .select(["r.kept_mtime_seconds", "r.kept_mtime_nanoseconds", "p.path as place"])
        .where("r.replica_id", "in", [...replicas])
        .where("r.file_origin_id", "in", ids)
        .where(JUDGEABLE)
        .orderBy(sql`coalesce(r.verified_at, 0)`, "desc")
        .orderBy("r.copied_at", "desc"),
    );
    for (const row of rows) {
      const wanted = digests.get(row.file_origin_id);
      if (found.has(row.file_origin_id) || row.digest === null || wanted === undefined) continue;
      if (Buffer.compare(row.digest, wanted) !== 0) continue;
      const mtimeSeconds = row.kept_mtime_seconds ?? row.mtime_seconds;
      const mtimeNanoseconds = row.kept_mtime_seconds === null ? row.mtime_nanoseconds : (row.kept_mtime_nanoseconds ?? 0);
      const kept = { size: row.size, mtimeSeconds, mtimeNanoseconds };
      found.set(row.file_origin_id, { replica: row.replica_id, kept, ...(row.place === null ? {} : { place: row.place }) });
    }
  }
  return found;
}
