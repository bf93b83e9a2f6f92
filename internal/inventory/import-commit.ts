/**
 * Commits what an import found at a replica. Rows are only added; what is there already is compared once more, because somebody else may have written
 * since it was looked up, and stays as it is. The place that an import has come to moves in the same transaction.
 */
import { type Kysely, sql } from "kysely";
import type { ResultAsync } from "neverthrow";
import type { InventoryTables } from "./database-schema.ts";
import { differenceBetween } from "./found-copies.ts";
import { dueGeneration } from "./generations.ts";
import { knownAt } from "./import-queries.ts";
import { type FoundFile, type ImportVerdict, importVerdict } from "./import-verdict.ts";
import { insertImportedCopy, placeAt } from "./imported-copy.ts";
import { importedDirectory } from "./imported-directory.ts";
import type { Inventory, Session, Transaction } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import { commitProven, type ProvenCopies } from "./manifest-evidence.ts";
import {
  type DataDirectoryId,
  type DirectoryId,
  type Evidence,
  type FileOriginId,
  fileReplicaStateCode,
  type ImportState,
  importStateCode,
  isFarReplica,
  type PlaceId,
  type ReplicaId,
} from "./model.ts";
import { changeFileOrigin, fileOriginNamed, insertFileOrigin } from "./origin-changes.ts";

/** Files of one directory that seem to be new to the inventory. Columns, not objects: a million files cross a thread in it. */
export interface FoundDirectory {
  /** Absolute origin path. */
  readonly path: string;
  /** The folder that they lie in, below the replica's root; "" where a new copy would lie. */
  readonly place: string;
  readonly names: readonly string[];
  /** Size, mtime seconds, mtime nanoseconds and creation time (milliseconds since 1970, or NaN) for each name. */
  readonly numbers: Float64Array;
}

export const NUMBERS_PER_FOUND_FILE = 4;

/** What was found below one top-level folder, up to a place in it. */
export interface FoundBatch {
  readonly folder: string;
  /** The origin host that the folder stands for. */
  readonly host: string;
  readonly directories: readonly FoundDirectory[];
  /** What manifests know of files in this batch or an earlier one. */
  readonly proven?: readonly ProvenCopies[];
  /** All directories up to this one, in the order of the walk, are in this batch or an earlier one; left out before the first. */
  readonly position?: string;
}

export interface ImportConflict {
  /** Below the replica's root. */
  readonly path: string;
  readonly message: string;
}

export interface ImportChanges {
  readonly imported: { files: number; bytes: number };
  readonly linked: { files: number; bytes: number };
  /** Copies of which a manifest knew more than could be seen. */
  proven: number;
  /** What was written meanwhile by somebody else, and differs. */
  readonly conflicts: ImportConflict[];
}

type Tables = Kysely<InventoryTables>;

const CURRENT = fileReplicaStateCode("current");

/** The copies of origins with these numbers, one after the other, that were made just now. `created`: a JSON array of their creation times, or nulls. */
const insertFreshCopies = (
  kysely: Tables,
  replica: ReplicaId,
  first: number,
  created: string,
  at: number,
  place: PlaceId | null,
) =>
  kysely
    .insertInto("file_replica")
    .columns([
      "replica_id",
      "file_origin_id",
      "state",
      "size",
      "mtime_seconds",
      "mtime_nanoseconds",
      "copied_at",
      "imported",
      "created_at",
      "place_id",
    ])
    .expression((expression) =>
      expression
        .selectFrom(sql<{ key: number; value: number | null }>`json_each(${created})`.as("time"))
        .innerJoin("file_origin as f", (join) => join.on("f.id", "=", sql<FileOriginId>`${first} + time.key`))
        .select([sql<ReplicaId>`${replica}`.as("replica_id"), "f.id", sql.lit(CURRENT).as("state")])
        .select(["f.size", "f.mtime_seconds", "f.mtime_nanoseconds", sql<number>`${at}`.as("copied_at")])
        .select(sql.lit(importStateCode("unconfirmed")).as("imported"))
        .select(["time.value as created_at", sql<PlaceId | null>`${place}`.as("place_id")]),
    );

const deleteAttempt = (kysely: Tables, replica: ReplicaId, file: FileOriginId) =>
  kysely.deleteFrom("attempt").where("replica_id", "=", replica).where("file_origin_id", "=", file);

/** Of an origin that nobody has seen: a copy that is more than a file that was found. */
const selectProven = (kysely: Tables, file: FileOriginId) =>
  kysely
    .selectFrom("replica as p")
    .innerJoin("file_replica as r", (join) => join.onRef("r.replica_id", "=", "p.id").on("r.file_origin_id", "=", file))
    .select("r.replica_id")
    .where((where) => where.or([where("r.imported", "is", null), where("r.digest", "is not", null)]))
    .limit(1);

const largestOrigin = (kysely: Tables) => kysely.selectFrom("file_origin").select(sql<number>`coalesce(max(id), 0)`.as("id"));

/** Commits a batch, wholly or not at all. `at`: milliseconds since 1970. */
export function commitFound(
  inventory: Inventory,
  replica: { readonly id: ReplicaId; readonly url: string },
  batch: FoundBatch,
  at: number,
): ResultAsync<ImportChanges, InventoryError> {
  return inventory.write((transaction) => {
    const writer = new FoundWriter(transaction, replica, batch.host, at);
    for (const directory of batch.directories) writer.add(directory);
    dueGeneration(transaction, replica.id);
    writer.changes.proven = commitProven(transaction, replica.id, batch.host, batch.proven ?? [], at);
    if (batch.position !== undefined) saveProgress(transaction.session, replica.id, batch.folder, batch.position, 0);
    return writer.changes;
  });
}

class FoundWriter {
  readonly changes: ImportChanges = {
    imported: { files: 0, bytes: 0 },
    linked: { files: 0, bytes: 0 },
    proven: 0,
    conflicts: [],
  };
  readonly #nearly: boolean;
  /** Rows are only added, and the next one gets the next number. */
  #lastId: number;

  constructor(
    private readonly transaction: Transaction,
    private readonly replica: { readonly id: ReplicaId; readonly url: string },
    private readonly host: string,
    private readonly at: number,
  ) {
    this.#nearly = isFarReplica(replica.url);
    this.#lastId = transaction.session.statement(largestOrigin).get()?.id ?? 0;
  }

  add({ path, place, names, numbers }: FoundDirectory): void {
    const { transaction, at } = this;
    const directory = importedDirectory(transaction, this.host, path);
    const placeId = placeAt(transaction.session, place);
    const fresh: (number | null)[] = [];
    let bytes = 0;
    names.forEach((name, index) => {
      const column = index * NUMBERS_PER_FOUND_FILE;
      const size = numbers[column] ?? 0;
      const evidence = { size, mtimeSeconds: numbers[column + 1] ?? 0, mtimeNanoseconds: numbers[column + 2] ?? 0 };
      const created = numbers[column + 3] ?? Number.NaN;
      // A creation time is whatever the disk says.
      const createdAt = Number.isSafeInteger(Math.round(created)) ? Math.round(created) : null;
      if (insertFileOrigin(transaction, directory.dataDirectory, directory.id, name, evidence, "imported", at)) {
        fresh.push(createdAt);
        bytes += size;
      } else this.#link(directory, { path, name }, { evidence, place }, createdAt, placeId);
    });
    if (fresh.length === 0) return;
    // SQLite gives the number after the largest, which nobody else can take within the transaction.
    const first = this.#lastId + 1;
    this.#lastId += fresh.length;
    transaction.session.statement(insertFreshCopies).run(this.replica.id, first, JSON.stringify(fresh), at, placeId);
    this.changes.imported.files += fresh.length;
    this.changes.imported.bytes += bytes;
    transaction.tally.copy(directory.dataDirectory, this.replica.id, "imported", "current", fresh.length, bytes);
    transaction.manifests.due(this.replica.id, directory.id, at);
  }

  #insert(
    file: FileOriginId,
    { size, mtimeSeconds, mtimeNanoseconds }: Evidence,
    kept: Evidence | undefined,
    state: ImportState,
    createdAt: number | null,
    place: PlaceId | null,
  ): void {
    const keptSeconds = kept?.mtimeSeconds ?? null;
    const keptNanoseconds = kept?.mtimeNanoseconds ?? null;
    this.transaction.session
      .statement(insertImportedCopy)
      .run(
        this.replica.id,
        file,
        size,
        mtimeSeconds,
        mtimeNanoseconds,
        keptSeconds,
        keptNanoseconds,
        this.at,
        importStateCode(state),
        createdAt,
        place,
      );
  }

  /** The origin is known. */
  #link(
    directory: { readonly id: DirectoryId; readonly dataDirectory: DataDirectoryId },
    { path, name }: { readonly path: string; readonly name: string },
    found: FoundFile,
    createdAt: number | null,
    place: PlaceId | null,
  ): void {
    const { session, tally, manifests } = this.transaction;
    const known = knownAt(session, this.replica.id, directory.id, name);
    const verdict: ImportVerdict = importVerdict(known, found, this.#nearly);
    if (verdict.kind === "known" || verdict.kind === "imported" || known === undefined) return;
    const id = fileOriginNamed(this.transaction, directory.id, name);
    const isProven = verdict.kind === "later" && id !== undefined && session.statement(selectProven).get(id) !== undefined;
    if ((verdict.kind !== "linked" && verdict.kind !== "later") || isProven) {
      const message =
        "message" in verdict
          ? verdict.message
          : `${differenceBetween(found.evidence, known.evidence)}, of which another replica has a copy that was read`;
      const folder = found.place === "" ? `${this.host}${path}` : found.place;
      this.changes.conflicts.push({ path: `${folder.replace(/\/$/, "")}/${name}`, message });
      return;
    }
    if (id === undefined) return;
    const isLater = verdict.kind === "later";
    const evidence = isLater ? found.evidence : known.evidence;
    if (isLater) changeFileOrigin(this.transaction, id, { evidence, state: known.state, observedAt: this.at });
    // Its host has been scanned, and what it has agrees.
    const state = known.state === "settled" || known.state === "growing" ? "confirmed" : "unconfirmed";
    this.#insert(id, evidence, isLater ? undefined : verdict.kept, state, createdAt, place);
    tally.copy(directory.dataDirectory, this.replica.id, known.state, "current", 1, evidence.size);
    manifests.due(this.replica.id, directory.id, this.at);
    session.statement(deleteAttempt).run(this.replica.id, id);
    this.changes.linked.files += 1;
    this.changes.linked.bytes += evidence.size;
  }
}

function saveProgress(session: Session, replica_id: ReplicaId, folder: string, position: string | null, ended: number): void {
  session.run(
    session.kysely
      .insertInto("import_progress")
      .values({ replica_id, folder, position, ended })
      .onConflict((conflict) => conflict.columns(["replica_id", "folder"]).doUpdateSet({ position, ended })),
  );
}

/** All of a top-level folder is recorded. */
export function endImportOf(inventory: Inventory, replica: ReplicaId, folder: string): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => saveProgress(session, replica, folder, null, 1));
}

/** All of a replica is recorded: the next import begins anew. `at`: milliseconds since 1970. */
export function endImport(inventory: Inventory, replica: ReplicaId, at: number): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    session.run(session.kysely.deleteFrom("import_progress").where("replica_id", "=", replica));
    session.run(session.kysely.updateTable("replica").set({ imported_at: at }).where("id", "=", replica));
  });
}
