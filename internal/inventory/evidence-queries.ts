/** What a round of reading back asks of the inventory: its next copies, how far it has come, what stands against a replica's copies. */
import { type Kysely, sql } from "kysely";
import { JUDGEABLE, LOOKED_AT, TO_BE_PROVEN } from "./_judgeable.ts";
import type { InventoryTables } from "./database-schema.ts";
import type { Session } from "./inventory.ts";
import {
  type Amount,
  type Evidence,
  type FileOriginId,
  type FileReplicaState,
  fileReplicaStateOf,
  NOTHING,
  type ReplicaId,
  sum,
} from "./model.ts";
import type { Tallies } from "./tally.ts";

type Tables = Kysely<InventoryTables>;

/** A copy as it should be found at its replica. */
export interface CopyToVerify {
  readonly id: FileOriginId;
  readonly host: string;
  /** Absolute origin path. */
  readonly directoryPath: string;
  /** The folder that it lies in, below the replica's root, if that is not where a new copy would lie. */
  readonly place?: string;
  readonly name: string;
  /** As the replica's file system keeps it. */
  readonly kept: Evidence;
  /** The SHA-256 of its contents; left out where nobody has computed it yet. */
  readonly digest?: Uint8Array;
  /** Says which copy this is: another one under the same name has another. */
  readonly copiedAt: number;
  /** What it was found to be when it was last looked at. */
  readonly verdict?: VerdictState;
}

/** Which copies of a replica; left out: all. */
export interface VerifyScope {
  /** An origin host. */
  readonly host?: string;
  /** An absolute origin path: a file, or a directory with all below it. */
  readonly path?: string;
  /** Only those of which no digest is known. */
  readonly undigested?: true;
  /** Those that were found suspect or corrupt, too, if a digest is known that they may prove to have. */
  readonly judged?: true;
}

const inScope = (host: string, path: string, directory: string, name: string) =>
  sql<boolean>`(${host} = '' or h.name = ${host}) and (${path} = '' or ${sql.ref(directory)} = ${path}
    or substr(${sql.ref(directory)}, 1, length(${path}) + 1) = ${path} || '/' or ${sql.ref(directory)} || '/' || ${sql.ref(name)} = ${path})`;

const copiesAfter = (
  kysely: Tables,
  replica: ReplicaId,
  after: number,
  limit: number,
  host: string,
  path: string,
  digested: number,
  judged: number,
) =>
  kysely
    .selectFrom("file_replica as r")
    .leftJoin("place as p", "p.id", "r.place_id")
    .select("p.path as place")
    .innerJoin("file_origin as f", "f.id", "r.file_origin_id")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .innerJoin("host as h", "h.id", "d.host_id")
    .select(["f.id", "h.name as host", "d.path as directoryPath", "f.name", "r.copied_at as copiedAt", "r.digest", "r.state"])
    .select(["r.size", "r.mtime_seconds", "r.mtime_nanoseconds", "r.kept_mtime_seconds", "r.kept_mtime_nanoseconds"])
    .where("r.replica_id", "=", replica)
    .where(sql<number>`r.file_origin_id`, ">", after)
    .where(sql<boolean>`(${LOOKED_AT} or (${judged} = 1 and ${TO_BE_PROVEN}))`)
    .where(inScope(host, path, "d.path", "f.name"))
    .where(sql<boolean>`(${digested} = 1 or r.digest is null)`)
    .orderBy("r.file_origin_id")
    .limit(limit);

/** What one group may hold; a larger file goes alone. */
export interface CopyGroupLimits {
  readonly files: number;
  readonly bytes: number;
  readonly directories: number;
}

/** The next copies of a replica in the order of their origins' ids, behind `after`. @throws SQLiteError (the caller is inside `Session.read`) */
export function nextCopies(
  session: Session,
  replica: ReplicaId,
  after: number,
  { host = "", path = "", undigested, judged }: VerifyScope,
  most: CopyGroupLimits,
): CopyToVerify[] {
  const rows = session
    .statement(copiesAfter)
    .all(replica, after, most.files, host, path, undigested === true ? 0 : 1, judged === true ? 1 : 0);
  const copies: CopyToVerify[] = [];
  const directories = new Set<string>();
  let bytes = 0;
  for (const { id, host: of, directoryPath, name, copiedAt, digest, place, state, ...row } of rows) {
    bytes += row.size;
    directories.add(`${of}${directoryPath}`);
    if (copies.length > 0 && (bytes > most.bytes || directories.size > most.directories)) break;
    const kept = {
      size: row.size,
      mtimeSeconds: row.kept_mtime_seconds ?? row.mtime_seconds,
      mtimeNanoseconds: row.kept_mtime_seconds === null ? row.mtime_nanoseconds : (row.kept_mtime_nanoseconds ?? 0),
    };
    const elsewhere = place === null ? {} : { place };
    const is = fileReplicaStateOf(state);
    const verdict = is === "current" || is === "stale" ? {} : { verdict: is };
    copies.push({
      id,
      host: of,
      directoryPath,
      name,
      kept,
      copiedAt,
      ...elsewhere,
      ...verdict,
      ...(digest === null ? {} : { digest }),
    });
  }
  return copies;
}

/** How far a replica's round of reading has come. */
export interface Round {
  /** The id of the last origin whose copy was read. */
  readonly position: number;
  /** Milliseconds since 1970; null while none is under way. */
  readonly begunAt: number | null;
  /** What was read in it; of the last one while none is under way. */
  readonly files: number;
  readonly bytes: number;
  /** When the last one that came to its end began. */
  readonly wholeSince: number | null;
}

const selectRound = (kysely: Tables, replica: ReplicaId) =>
  kysely
    .selectFrom("replica")
    .select(["scrub_position as position", "scrub_begun_at as begunAt", "scrub_files as files", "scrub_bytes as bytes"])
    .select("scrub_whole_since as wholeSince")
    .where("id", "=", replica);

export const readRound = (session: Session, replica: ReplicaId): Round =>
  session.statement(selectRound).get(replica) ?? { position: 0, begunAt: null, files: 0, bytes: 0, wholeSince: null };

/** All copies of a replica that a round reads, as the tallies have them: those with a verdict are among the kept ones, too, where their origin is gone. */
export const copiesAt = ({ copies }: Tallies, replica: ReplicaId): Amount =>
  copies
    .filter((tally) => tally.replica === replica && ["current", "stale", "kept"].includes(tally.state))
    .reduce<Amount>(sum, NOTHING);

const evidenceAfter = (kysely: Tables, replica: ReplicaId, after: number) =>
  kysely
    .selectFrom("file_replica as r")
    .select(sql<number>`coalesce(r.verified_at, r.copied_at)`.as("at"))
    .where("r.replica_id", "=", replica)
    .where(sql<number>`r.file_origin_id`, ">", after)
    .where(JUDGEABLE)
    .orderBy("r.file_origin_id")
    .limit(1);

/** How old the evidence is of the copy whose turn is next, which is about the oldest: milliseconds since 1970. */
export function nextEvidenceAt(session: Session, replica: ReplicaId, { position }: Round): number | undefined {
  const next = session.statement(evidenceAfter);
  return (next.get(replica, position) ?? next.get(replica, 0))?.at;
}

export type VerdictState = Exclude<FileReplicaState, "current" | "stale">;

export type FindingCounts = Readonly<Record<VerdictState, number>>;

const countFindings = (kysely: Tables, replica: ReplicaId) =>
  kysely
    .selectFrom("finding")
    .select(["state", sql<number>`count(*)`.as("files")])
    .where("replica_id", "=", replica)
    .groupBy("state");

export function findingCounts(session: Session, replica: ReplicaId): FindingCounts {
  const counts = { suspect: 0, corrupt: 0, lost: 0 };
  for (const { state, files } of session.statement(countFindings).all(replica)) {
    const word = fileReplicaStateOf(state);
    if (word in counts) counts[word as VerdictState] += files;
  }
  return counts;
}

export interface Finding {
  readonly replica: ReplicaId;
  readonly host: string;
  /** Absolute origin path. */
  readonly path: string;
  readonly state: FileReplicaState;
  /** Milliseconds since 1970. */
  readonly foundAt: number;
  readonly expected: Uint8Array | null;
  readonly found: Uint8Array | null;
  readonly message: string;
}

const findings = (kysely: Tables) =>
  kysely
    .selectFrom("finding as x")
    .innerJoin("file_origin as f", "f.id", "x.file_origin_id")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .innerJoin("host as h", "h.id", "d.host_id")
    .select(["x.replica_id as replica", "h.name as host", "d.path as directory", "f.name", "x.state", "x.found_at as foundAt"])
    .select(["x.expected_digest as expected", "x.found_digest as found", "x.message"]);

type FindingRow = ReturnType<typeof findings> extends { execute(): Promise<(infer Row)[]> } ? Row : never;

const findingOf = ({ directory, name, state, ...row }: FindingRow): Finding => ({
  ...row,
  path: `${directory === "/" ? "" : directory}/${name}`,
  state: fileReplicaStateOf(state),
});

/** What stands against the copies of a replica: `files` in all, the first `limit` of them in the order of their origins. */
export function findingsOf(
  session: Session,
  replica: ReplicaId,
  { host = "", path = "" }: VerifyScope,
  limit: number,
): { readonly files: number; readonly first: readonly Finding[] } {
  const all = findings(session.kysely)
    .where("x.replica_id", "=", replica)
    .where(inScope(host, path, "d.path", "f.name"));
  const count = session.first(all.clearSelect().select(sql<number>`count(*)`.as("files")));
  return { files: count?.files ?? 0, first: session.all(all.orderBy("x.file_origin_id").limit(limit)).map(findingOf) };
}

/** What stands against the copies of one file, one a replica. */
export const findingsAt = (session: Session, file: FileOriginId): Finding[] =>
  session.all(findings(session.kysely).where("x.file_origin_id", "=", file).orderBy("x.replica_id")).map(findingOf);

const selectKnownCopy = (kysely: Tables, replica: ReplicaId, host: string, directory: string, name: string) =>
  kysely
    .selectFrom("host as h")
    .innerJoin("directory as d", (join) => join.onRef("d.host_id", "=", "h.id").on("d.path", "=", directory))
    .innerJoin("file_origin as f", (join) => join.onRef("f.directory_id", "=", "d.id").on("f.name", "=", name))
    .innerJoin("file_replica as r", (join) => join.onRef("r.file_origin_id", "=", "f.id").on("r.replica_id", "=", replica))
    .select("r.state")
    .where("r.place_id", "is", null)
    .where("h.name", "=", host);

/** Does the inventory have a row for a copy of this file at this replica? */
export const isKnownCopy = (session: Session, replica: ReplicaId, host: string, directory: string, name: string): boolean =>
  session.statement(selectKnownCopy).get(replica, host, directory, name) !== undefined;

/** The hosts whose files have ever been seen, by name. */
export const knownHosts = (session: Session): string[] =>
  session.all(session.kysely.selectFrom("host").select("name").orderBy("name")).map(({ name }) => name);
