/**
 * What a replica's own manifest knows of copies that an import has found: the source's nanoseconds, the digest, when each was made and read. It is taken over only where the file
 * was looked at and agrees, and only where the inventory knows less: of a copy that was imported, or that an older copy of this inventory tells of.
 */
import type { Kysely } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import { clearFinding, insertFinding } from "./evidence.ts";
import { importedDirectory } from "./imported-directory.ts";
import type { Session, Transaction } from "./inventory.ts";
import type { ManifestCopy } from "./manifests.ts";
import {
  DIGEST_ALGORITHMS,
  type Evidence,
  type FileOriginId,
  type FileReplicaState,
  fileReplicaStateCode,
  fileReplicaStateOf,
  importStateCode,
  originStateOf,
  type ReplicaId,
  sameEvidence,
} from "./model.ts";
import { changeFileOrigin } from "./origin-changes.ts";
import { isWanted } from "./tally.ts";

/** A copy as its manifest has it, and as it was found. */
export interface ProvenCopy {
  readonly copy: ManifestCopy;
  /** The modification time that was found, where it is not the source's. */
  readonly kept: ManifestCopy["kept"];
}

/** Of one origin directory. */
export interface ProvenCopies {
  readonly path: string;
  readonly copies: readonly ProvenCopy[];
}

type Tables = Kysely<InventoryTables>;

const selectCopy = (kysely: Tables, replica: ReplicaId, host: string, path: string, name: string) =>
  kysely
    .selectFrom("host as h")
    .innerJoin("directory as d", "d.host_id", "h.id")
    .innerJoin("file_origin as f", "f.directory_id", "d.id")
    .innerJoin("file_replica as r", (join) => join.onRef("r.file_origin_id", "=", "f.id").on("r.replica_id", "=", replica))
    .select(["f.id", "f.state as originState", "f.observed_at as observedAt"])
    .select(["f.size as originSize", "f.mtime_seconds as originSeconds", "f.mtime_nanoseconds as originNanoseconds"])
    .select(["r.state", "r.size", "r.copied_at as copiedAt", "r.imported", "r.digest"])
    .where("h.name", "=", host)
    .where("d.path", "=", path)
    .where("f.name", "=", name);

const updateCopy = (
  kysely: Tables,
  state: number,
  size: number,
  mtime_seconds: number,
  mtime_nanoseconds: number,
  kept_mtime_seconds: number | null,
  kept_mtime_nanoseconds: number | null,
  digest_algorithm: number | null,
  digest: Uint8Array | null,
  copied_at: number,
  verified_at: number | null,
  imported: number | null,
  created_at: number | null,
  replica: ReplicaId,
  file: FileOriginId,
) =>
  kysely
    .updateTable("file_replica")
    .set({ state, size, mtime_seconds, mtime_nanoseconds, kept_mtime_seconds, kept_mtime_nanoseconds })
    .set({ digest_algorithm, digest, copied_at, verified_at, imported, created_at })
    .where("replica_id", "=", replica)
    .where("file_origin_id", "=", file);

interface KnownCopy {
  readonly copiedAt: number;
  readonly imported: number | null;
  readonly digest: Uint8Array | null;
}

/** Does the manifest know more than the row? Asked again of what was taken over, it does not. */
function knowsMore(line: ManifestCopy, row: KnownCopy): boolean {
  if (line.state === "lost") return false;
  if (row.imported === null) return line.imported === undefined && line.copiedAt > row.copiedAt;
  if (line.imported === undefined) return true;
  return line.copiedAt < row.copiedAt || (row.digest === null && line.digest !== undefined);
}

/** What the inventory makes of a line of a manifest: nothing, because it knows as much; something; or it has not heard of the copy at all. */
export function useOfManifest(
  session: Session,
  replica: ReplicaId,
  host: string,
  path: string,
  line: ManifestCopy,
): "none" | "more" | "unheard" {
  const row = session.statement(selectCopy).get(replica, host, path, line.name);
  if (row === undefined) return "unheard";
  return knowsMore(line, row) ? "more" : "none";
}

/** Takes over what the manifests of a host's directories know; how many copies that was. `at`: milliseconds since 1970. */
export function commitProven(
  transaction: Transaction,
  replica: ReplicaId,
  host: string,
  directories: readonly ProvenCopies[],
  at: number,
): number {
  let taken = 0;
  for (const { path, copies } of directories) {
    for (const proven of copies) if (takeOver(transaction, replica, host, path, proven, at)) taken += 1;
  }
  return taken;
}

function takeOver(
  transaction: Transaction,
  replica: ReplicaId,
  host: string,
  path: string,
  { copy: line, kept }: ProvenCopy,
  at: number,
): boolean {
  const { session, tally, manifests } = transaction;
  const row = session.statement(selectCopy).get(replica, host, path, line.name);
  if (row === undefined || !knowsMore(line, row)) return false;
  const originState = originStateOf(row.originState);
  // Nobody has seen the origin: what its copy was made of is the best that is known of it.
  if (originState === "imported") {
    changeFileOrigin(transaction, row.id, { evidence: line.evidence, state: "imported", observedAt: row.observedAt });
  }
  const origin: Evidence = { size: row.originSize, mtimeSeconds: row.originSeconds, mtimeNanoseconds: row.originNanoseconds };
  const before = fileReplicaStateOf(row.state);
  const movedOn = isWanted(originState) && line.imported === undefined && !sameEvidence(origin, line.evidence);
  const state: FileReplicaState = line.state === "current" && movedOn ? "stale" : line.state;
  const { size, mtimeSeconds, mtimeNanoseconds } = line.evidence;
  const directory = importedDirectory(transaction, host, path);
  tally.copy(directory.dataDirectory, replica, originState, before, -1, -row.size);
  tally.copy(directory.dataDirectory, replica, originState, state, 1, size);
  session
    .statement(updateCopy)
    .run(
      fileReplicaStateCode(state),
      size,
      mtimeSeconds,
      mtimeNanoseconds,
      kept?.mtimeSeconds ?? null,
      kept?.mtimeNanoseconds ?? null,
      line.digest === undefined ? null : DIGEST_ALGORITHMS.indexOf("sha256") + 1,
      line.digest ?? null,
      line.copiedAt,
      line.verifiedAt ?? null,
      line.imported === undefined ? null : importStateCode(line.imported),
      line.createdAt ?? null,
      replica,
      row.id,
    );
  clearFinding(transaction, replica, row.id);
  if (state === "suspect" || state === "corrupt") {
    const message = `its manifest says that it was found ${state}`;
    session.statement(insertFinding).run(replica, row.id, fileReplicaStateCode(state), at, line.digest ?? null, null, message);
  }
  manifests.due(replica, directory.id, at);
  return true;
}
