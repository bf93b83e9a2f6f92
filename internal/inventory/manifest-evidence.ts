/**
 * What a replica's own manifest knows of copies that an import has found: the source's nanoseconds, the digest, when each was made and read. It is taken over only where the file
 * was looked at and agrees, and only where the inventory knows less: of a copy that was imported, or that an older copy of this inventory tells of.
 */
import { type Kysely, sql } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import { clearFinding, insertFinding } from "./findings.ts";
import { holdBack } from "./held-back.ts";
import { insertImportedCopy, placeAt } from "./imported-copy.ts";
import { importedDirectory } from "./imported-directory.ts";
import type { Session, Transaction } from "./inventory.ts";
import type { ManifestCopy } from "./manifests.ts";
import {
  type DataDirectoryId,
  DIGEST_ALGORITHMS,
  type Evidence,
  type FileOriginId,
  type FileReplicaState,
  fileReplicaStateCode,
  fileReplicaStateOf,
  GONE_BACK,
  importStateCode,
  originStateOf,
  type PlaceId,
  type ReplicaId,
  sameEvidence,
} from "./model.ts";
import { changeFileOrigin } from "./origin-changes.ts";

/** A copy as its manifest has it, and as it was found. */
export interface ProvenCopy {
  readonly copy: ManifestCopy;
  /** The modification time that was found, where it is not the source's. */
  readonly kept: ManifestCopy["kept"];
}

/** Of one origin directory. */
export interface ProvenCopies {
  readonly path: string;
  /** The folder that they lie in, below the replica's root; "" where a new copy would lie. */
  readonly place: string;
  readonly copies: readonly ProvenCopy[];
}

type Tables = Kysely<InventoryTables>;

const selectFile = (kysely: Tables, replica: ReplicaId, host: string, path: string, name: string) =>
  kysely
    .selectFrom("host as h")
    .innerJoin("directory as d", "d.host_id", "h.id")
    .innerJoin("file_origin as f", "f.directory_id", "d.id")
    .leftJoin("file_replica as r", (join) => join.onRef("r.file_origin_id", "=", "f.id").on("r.replica_id", "=", replica))
    .leftJoin("attempt as a", (join) =>
      join.onRef("a.file_origin_id", "=", "f.id").on("a.replica_id", "=", replica).on("a.reason", "=", GONE_BACK),
    )
    .select(["f.id", "f.state as originState", "f.observed_at as observedAt", "a.reason as held"])
    .select(["f.size as originSize", "f.mtime_seconds as originSeconds", "f.mtime_nanoseconds as originNanoseconds"])
    .select(["r.state", "r.size", "r.copied_at as copiedAt", "r.verified_at as verifiedAt", "r.imported", "r.digest"])
    .where("h.name", "=", host)
    .where("d.path", "=", path)
    .where("f.name", "=", name);

type FileRow = ReturnType<typeof selectFile> extends { execute(): Promise<(infer One)[]> } ? One : never;

/** When the origin was copied last, as other replicas know it. */
const selectLastCopied = (kysely: Tables, file: FileOriginId, replica: ReplicaId) =>
  kysely
    .selectFrom("file_replica")
    .select(sql<number | null>`max(copied_at)`.as("at"))
    .where("file_origin_id", "=", file)
    .where("replica_id", "!=", replica)
    .where("imported", "is", null);

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
  place_id: PlaceId | null,
  replica: ReplicaId,
  file: FileOriginId,
) =>
  kysely
    .updateTable("file_replica")
    .set({ state, size, mtime_seconds, mtime_nanoseconds, kept_mtime_seconds, kept_mtime_nanoseconds })
    .set({ digest_algorithm, digest, copied_at, verified_at, imported, created_at, place_id })
    .where("replica_id", "=", replica)
    .where("file_origin_id", "=", file);

interface KnownCopy {
  readonly state: FileReplicaState;
  readonly size: number;
  readonly copiedAt: number;
  readonly verifiedAt: number | null;
  readonly imported: number | null;
  readonly digest: Uint8Array | null;
  readonly held: boolean;
}

/** The copy in a row; undefined where there is only the origin. */
function copyIn({ state, size, copiedAt, verifiedAt, imported, digest, held }: FileRow): KnownCopy | undefined {
  if (state === null || size === null || copiedAt === null) return undefined;
  return { state: fileReplicaStateOf(state), size, copiedAt, verifiedAt, imported, digest, held: held !== null };
}

const originOf = ({ originSize, originSeconds, originNanoseconds }: FileRow): Evidence => ({
  size: originSize,
  mtimeSeconds: originSeconds,
  mtimeNanoseconds: originNanoseconds,
});

const isVerdict = (state: FileReplicaState): boolean => state === "suspect" || state === "corrupt";

/** Does the manifest know more than the row? Asked again of what was taken over, it does not. */
function knowsMore(line: ManifestCopy, row: KnownCopy): boolean {
  if (line.state === "lost") return false;
  if (row.imported !== null) {
    if (line.imported === undefined) return true;
    return line.copiedAt < row.copiedAt || (row.digest === null && line.digest !== undefined);
  }
  if (line.imported !== undefined || line.copiedAt < row.copiedAt) return false;
  if (line.copiedAt > row.copiedAt || (line.held && !row.held)) return true;
  const read = (line.verifiedAt ?? 0) - (row.verifiedAt ?? 0);
  // A verdict that the manifest still tells of, and that a later reading has taken back, is an old one.
  return read > 0 || (read === 0 && isVerdict(line.state) && !isVerdict(row.state) && row.state !== "lost");
}

/** Was the copy made of a later version of the origin than the one that is recorded? */
function isOfLaterOrigin(session: Session, replica: ReplicaId, line: ManifestCopy, row: FileRow): boolean {
  if (line.imported !== undefined || line.state !== "current") return false;
  // Nobody has seen an imported origin: what the latest copy was made of is the best that is known of it.
  if (originStateOf(row.originState) !== "imported") return line.copiedAt > row.observedAt;
  return line.copiedAt >= (session.statement(selectLastCopied).get(row.id, replica)?.at ?? 0);
}

/** What the inventory makes of a line of a manifest: nothing, because it knows as much; something; or it has not heard of the copy at all. */
export function useOfManifest(
  session: Session,
  replica: ReplicaId,
  host: string,
  path: string,
  line: ManifestCopy,
): "none" | "more" | "unheard" {
  const row = session.statement(selectFile).get(replica, host, path, line.name);
  const copy = row === undefined ? undefined : copyIn(row);
  if (copy === undefined) return "unheard";
  return knowsMore(line, copy) ? "more" : "none";
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
  for (const { path, place, copies } of directories) {
    for (const proven of copies) if (takeOver(transaction, replica, { host, path, place }, proven, at)) taken += 1;
  }
  return taken;
}

const HELD_BEFORE =
  "its manifest says that its source has gone back behind it: the copy may be all that there is of what it holds";

interface Where {
  readonly host: string;
  readonly path: string;
  readonly place: string;
}

function takeOver(transaction: Transaction, replica: ReplicaId, where: Where, proven: ProvenCopy, at: number): boolean {
  const { session, tally, manifests } = transaction;
  const { copy: line, kept } = proven;
  const found = (): FileRow | undefined => session.statement(selectFile).get(replica, where.host, where.path, line.name);
  const first = found();
  const known = first === undefined ? undefined : copyIn(first);
  if (first === undefined || line.state === "lost") return false;
  if (known === undefined ? line.imported !== undefined : !knowsMore(line, known)) return false;
  const directory = importedDirectory(transaction, where.host, where.path);
  if (isOfLaterOrigin(session, replica, line, first)) {
    const isImported = originStateOf(first.originState) === "imported";
    const change = isImported
      ? ({ state: "imported", observedAt: first.observedAt } as const)
      : ({ state: "settled", observedAt: line.copiedAt } as const);
    changeFileOrigin(transaction, first.id, { ...change, evidence: line.evidence });
  }
  if (known === undefined) addCopy(transaction, replica, directory.dataDirectory, first.id, where.place, line);
  const row = found();
  const before = row === undefined ? undefined : copyIn(row);
  if (row === undefined || before === undefined) return false;
  const originState = originStateOf(row.originState);
  // An imported line was compared with its origin by the import itself.
  const movedOn = line.imported === undefined && !sameEvidence(originOf(row), line.evidence);
  const isSameCopy = line.copiedAt === before.copiedAt && before.imported === null;
  const state = isSameCopy && isVerdict(before.state) ? before.state : line.state === "current" && movedOn ? "stale" : line.state;
  const { size, mtimeSeconds, mtimeNanoseconds } = line.evidence;
  tally.copy(directory.dataDirectory, replica, originState, before.state, -1, -before.size);
  tally.copy(directory.dataDirectory, replica, originState, state, 1, size);
  session.statement(updateCopy).run(
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
    // What an import had found first may be another file, in another folder: the line is about the one that lies here.
    placeAt(session, where.place),
    replica,
    row.id,
  );
  manifests.due(replica, directory.id, at);
  if (line.held) holdBack(transaction, replica, row.id, at, HELD_BEFORE);
  if (state === before.state && isVerdict(state)) return true;
  clearFinding(transaction, replica, row.id);
  if (isVerdict(state)) {
    const message = `its manifest says that it was found ${state}`;
    session.statement(insertFinding).run(replica, row.id, fileReplicaStateCode(state), at, line.digest ?? null, null, message);
  }
  return true;
}

/** The copy of an origin that has moved on, or had not come so far: an import alone would not know what it is. */
function addCopy(
  transaction: Transaction,
  replica: ReplicaId,
  dataDirectory: DataDirectoryId,
  file: FileOriginId,
  place: string,
  { evidence, copiedAt, createdAt }: ManifestCopy,
): void {
  const { session, tally } = transaction;
  const { size, mtimeSeconds, mtimeNanoseconds } = evidence;
  const imported = importStateCode("unconfirmed");
  session
    .statement(insertImportedCopy)
    .run(
      replica,
      file,
      size,
      mtimeSeconds,
      mtimeNanoseconds,
      null,
      null,
      copiedAt,
      imported,
      createdAt ?? null,
      placeAt(session, place),
    );
  const origin = session.statement(selectOriginState).get(file);
  if (origin !== undefined) tally.copy(dataDirectory, replica, originStateOf(origin.state), "current", 1, size);
}

const selectOriginState = (kysely: Tables, file: FileOriginId) =>
  kysely.selectFrom("file_origin").select("state").where("id", "=", file);
