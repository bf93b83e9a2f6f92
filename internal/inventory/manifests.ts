/**
 * Manifests: for each replica and origin directory one file on the replica's own volume that says what copies of that directory are there. Here is kept which of
 * them are due, since when, and when each was written last; and read what each is to say. What is due is noted in the transaction that changes the rows, and
 * is cleared only if nothing has changed since it was read: a run that is killed at any moment leaves it due.
 */
import { type Kysely, sql } from "kysely";
import type { ResultAsync } from "neverthrow";
import type { InventoryTables } from "./database-schema.ts";
import type { Inventory, Session } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import {
  type DirectoryId,
  type Evidence,
  type FileReplicaState,
  fileReplicaStateOf,
  GONE_BACK,
  type ImportState,
  importStateOf,
  type ReplicaId,
} from "./model.ts";

/** A manifest that lacks something. */
export interface DueManifest {
  readonly directory: DirectoryId;
  readonly host: string;
  /** The origin path. */
  readonly path: string;
  /** When this inventory wrote it last (milliseconds since 1970). */
  readonly writtenAt: number | null;
  /** Lines of copies that this inventory does not know; null while nobody has looked. */
  readonly carried: number | null;
}

/** How much patience a writer has. */
export interface ManifestPatience {
  /** Changes are gathered for so long, in milliseconds, before a manifest is written. */
  readonly gather: number;
  /** A manifest is written at most this often, and a large one more seldom: see `QUIET_PER_FILE`. */
  readonly quiet: number;
}

/**
 * To write a manifest costs what it holds, not what has changed. So one of many files is left alone for so many milliseconds a file after it was written: the share of
 * a disk's and a processor's time that goes into it stays the same small one however large a directory gets. Small ones are not worth the wait.
 */
const QUIET_PER_FILE = 1;
const SMALL_FILES = 20_000;

type Tables = Kysely<InventoryTables>;

/** When a due manifest is to be written. A time that is still to come is of a clock that was set back since. */
const writtenFrom = (now: number, { gather, quiet }: ManifestPatience) => {
  const wait = sql<number>`max(${quiet}, iif(m.files > ${SMALL_FILES}, m.files * ${QUIET_PER_FILE}, 0))`;
  const gathered = sql<number>`iif(m.due_since > ${now}, 0, m.due_since + ${gather})`;
  return sql<number>`max(${gathered}, iif(m.written_at is null or m.written_at > ${now}, 0, m.written_at + ${wait}))`;
};

/** The first manifests of a replica that are to be written now, of those behind a directory. */
export const dueManifests = (
  session: Session,
  replica: ReplicaId,
  now: number,
  patience: ManifestPatience,
  after: number,
  limit: number,
): DueManifest[] =>
  session.all(
    session.kysely
      .selectFrom("manifest as m")
      .innerJoin("directory as d", "d.id", "m.directory_id")
      .innerJoin("host as h", "h.id", "d.host_id")
      .select(["m.directory_id as directory", "h.name as host", "d.path", "m.written_at as writtenAt", "m.carried"])
      .where("m.replica_id", "=", replica)
      .where("m.due_since", "is not", null)
      .where("m.directory_id", ">", after as DirectoryId)
      .where(writtenFrom(now, patience), "<=", now)
      .orderBy("m.directory_id")
      .limit(limit),
  );

/** When the next manifest of a replica is to be written (milliseconds since 1970); undefined when none is due. */
export const nextManifestAt = (
  session: Session,
  replica: ReplicaId,
  now: number,
  patience: ManifestPatience,
): number | undefined =>
  session.first(
    session.kysely
      .selectFrom("manifest as m")
      .select(sql<number | null>`min(${writtenFrom(now, patience)})`.as("at"))
      .where("m.replica_id", "=", replica)
      .where("m.due_since", "is not", null),
  )?.at ?? undefined;

/** A manifest that is durable on its replica. */
export interface WrittenManifest {
  readonly directory: DirectoryId;
  /** `manifestChanges` before its rows were read. */
  readonly changes: number;
  readonly files: number;
  readonly carried: number;
}

const clearDue = (
  kysely: Tables,
  at: number,
  files: number,
  carried: number,
  changes: number,
  replica: ReplicaId,
  directory: DirectoryId,
) =>
  kysely
    .updateTable("manifest")
    .set({ written_at: at, files, carried, due_since: sql<number | null>`iif(changes = ${changes}, null, due_since)` })
    .where("replica_id", "=", replica)
    .where("directory_id", "=", directory);

/** Notes which manifests were written. `at`: milliseconds since 1970. */
export const commitManifests = (
  inventory: Inventory,
  replica: ReplicaId,
  written: readonly WrittenManifest[],
  at: number,
): ResultAsync<void, InventoryError> =>
  inventory.write(({ session }) => {
    for (const { directory, changes, files, carried } of written) {
      session.statement(clearDue).run(at, files, carried, changes, replica, directory);
    }
  });

/** Every manifest of a replica that was written once is to be written again: they are gone. `at`: milliseconds since 1970. */
export const dueWrittenManifests = (inventory: Inventory, replica: ReplicaId, at: number): ResultAsync<void, InventoryError> =>
  inventory.write(({ session }) => {
    session.run(
      session.kysely
        .updateTable("manifest")
        .set((row) => ({ changes: row("changes", "+", 1), due_since: at, written_at: null }))
        .where("replica_id", "=", replica)
        .where("written_at", "is not", null),
    );
  });

const selectChanges = (kysely: Tables, replica: ReplicaId, directory: DirectoryId) =>
  kysely.selectFrom("manifest").select("changes").where("replica_id", "=", replica).where("directory_id", "=", directory);

/** How often what the manifest is to say has changed. To be asked before its rows are read. */
export const manifestChanges = (session: Session, replica: ReplicaId, directory: DirectoryId): number =>
  session.statement(selectChanges).get(replica, directory)?.changes ?? 0;

const selectRecorded = (kysely: Tables, replica: ReplicaId, directory: DirectoryId, name: string) =>
  kysely
    .selectFrom("file_origin as f")
    .innerJoin("file_replica as r", (join) => join.onRef("r.file_origin_id", "=", "f.id").on("r.replica_id", "=", replica))
    .select("f.id")
    .where("f.directory_id", "=", directory)
    .where("f.name", "=", name);

/** Has the copy a row? */
export const isRecordedCopy = (session: Session, replica: ReplicaId, directory: DirectoryId, name: string): boolean =>
  session.statement(selectRecorded).get(replica, directory, name) !== undefined;

/** What is known of one copy, as a manifest says it. Times are milliseconds since 1970. */
export interface ManifestCopy {
  readonly name: string;
  /** Where it lies, below the replica's root, if not where a new copy would. */
  readonly place: string | undefined;
  /** Of the source, as it was copied. */
  readonly evidence: Evidence;
  /** What the replica's file system kept of the modification time, where that differs. */
  readonly kept: { readonly mtimeSeconds: number; readonly mtimeNanoseconds: number } | undefined;
  readonly digest: Uint8Array | undefined;
  readonly state: FileReplicaState;
  readonly copiedAt: number;
  readonly verifiedAt: number | undefined;
  readonly imported: ImportState | undefined;
  readonly createdAt: number | undefined;
  /** It may be replaced only by what holds all that it holds. */
  readonly held: boolean;
}

const copiesPage = (kysely: Tables, replica: ReplicaId, directory: DirectoryId, after: string, limit: number) =>
  kysely
    .selectFrom("file_origin as f")
    .innerJoin("file_replica as r", (join) => join.onRef("r.file_origin_id", "=", "f.id").on("r.replica_id", "=", replica))
    .leftJoin("place as p", "p.id", "r.place_id")
    .leftJoin("attempt as a", (join) =>
      join.onRef("a.file_origin_id", "=", "f.id").on("a.replica_id", "=", replica).on("a.reason", "=", GONE_BACK),
    )
    .select(["f.name", "p.path as place", "r.size", "r.mtime_seconds as seconds", "r.mtime_nanoseconds as nanoseconds"])
    .select(["r.kept_mtime_seconds as keptSeconds", "r.kept_mtime_nanoseconds as keptNanoseconds"])
    .select(["r.digest", "r.state", "r.copied_at as copiedAt", "r.verified_at as verifiedAt"])
    .select(["r.imported", "r.created_at as createdAt", "a.reason as held"])
    .where("f.directory_id", "=", directory)
    .where("f.name", ">", after)
    .orderBy("f.name")
    .limit(limit);

type Row = ReturnType<typeof copiesPage> extends { execute(): Promise<(infer One)[]> } ? One : never;

function manifestCopyOf(row: Row): ManifestCopy {
  return {
    name: row.name,
    place: row.place ?? undefined,
    evidence: { size: row.size, mtimeSeconds: row.seconds, mtimeNanoseconds: row.nanoseconds },
    kept: row.keptSeconds === null ? undefined : { mtimeSeconds: row.keptSeconds, mtimeNanoseconds: row.keptNanoseconds ?? 0 },
    digest: row.digest ?? undefined,
    state: fileReplicaStateOf(row.state),
    copiedAt: row.copiedAt,
    verifiedAt: row.verifiedAt ?? undefined,
    imported: importStateOf(row.imported),
    createdAt: row.createdAt ?? undefined,
    held: row.held !== null,
  };
}

const COPIES_PER_PAGE = 2_000;

/** The copies of a directory at a replica, by name, a page at a time. @throws SQLiteError */
export function* manifestCopies(session: Session, replica: ReplicaId, directory: DirectoryId): Generator<ManifestCopy[]> {
  for (let after = ""; ; ) {
    const page = session.statement(copiesPage).all(replica, directory, after, COPIES_PER_PAGE).map(manifestCopyOf);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    if (page.length < COPIES_PER_PAGE) return;
    after = last.name;
  }
}
