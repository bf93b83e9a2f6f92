/**
 * Commits what a scan saw. New and changed files go in at once, a transaction for each batch of directories; what a full scan has changed replaces no copy before its end
 * (`unproven-changes.ts`). What was not seen any more is
 * only noted down until the scan of the whole data directory is complete: then it becomes `absent`, unless that would lose more than the operator's
 * share of the data directory, which freezes it (law 5: absence needs proof).
 */
import type { Kysely } from "kysely";
import { okAsync, type ResultAsync } from "neverthrow";
import type { InventoryTables } from "./database-schema.ts";
import type { DeclaredDataDirectory } from "./declare.ts";
import { formerOnesBelow, knownFilesBelow } from "./former-data-directories.ts";
import type { Inventory, Session, Transaction } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import {
  type DataDirectoryId,
  type DirectoryId,
  type FileOriginId,
  fileReplicaStateOf,
  type OriginState,
  originStateCode,
  originStateOf,
} from "./model.ts";
import { changeFileOrigin, fileOriginNamed, insertFileOrigin } from "./origin-changes.ts";
import { markUnproven, takeOverDoubts } from "./unproven-changes.ts";

/** What one directory has that the inventory does not say, or says otherwise. Columns, not objects: a million files cross a thread in it. */
export interface DirectoryDifference {
  /** Absolute origin path. */
  readonly path: string;
  /** New or changed files, by position: `numbers` holds size, mtime seconds, mtime nanoseconds and 1 (settled) or 0 (growing) for each name. */
  readonly names: readonly string[];
  readonly numbers: Float64Array;
  /** Known files that are not there any more. */
  readonly vanished: readonly FileOriginId[];
  /** Known files that a pattern leaves out now. */
  readonly excluded: readonly FileOriginId[];
  /** Known directories directly below that are not there any more, or that a pattern leaves out now. */
  readonly vanishedDirectories: readonly DirectoryId[];
  readonly excludedDirectories: readonly DirectoryId[];
  /** Is something mounted there? Left out where that was not looked at, or cannot be told. */
  readonly mounted?: boolean;
}

export const NUMBERS_PER_FILE = 4;

export interface ScanReport {
  readonly files: number;
  readonly bytes: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly special: number;
  readonly excluded: readonly { readonly pattern: string; readonly matches: number }[];
  /** What could not be read; their rows are untouched. At most `MAX_PROBLEMS` are listed, `unreadable` counts all. */
  readonly unreadable: number;
  readonly problems: readonly ScanProblem[];
  readonly durationMilliseconds: number;
  /** Of a scan that the brake has held: the files that it was measured by, and the next ones are. */
  readonly brakeBase?: number;
}

export interface ScanProblem {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export const MAX_PROBLEMS = 100;

type Tables = Kysely<InventoryTables>;

const selectDirectory = (kysely: Tables, host: DeclaredDataDirectory["host"], path: string) =>
  kysely
    .selectFrom("directory")
    .select(["id", "data_directory_id as dataDirectory", "parent_id as parent", "absent"])
    .where("host_id", "=", host)
    .where("path", "=", path);

const noteVanishedFile = (kysely: Tables, data_directory_id: DataDirectoryId, file_origin_id: FileOriginId) =>
  kysely
    .insertInto("vanished_file")
    .values({ data_directory_id, file_origin_id })
    .onConflict((conflict) => conflict.doNothing());

const forgetVanishedFile = (kysely: Tables, dataDirectory: DataDirectoryId, file: FileOriginId) =>
  kysely.deleteFrom("vanished_file").where("data_directory_id", "=", dataDirectory).where("file_origin_id", "=", file);

const noteVanishedDirectory = (kysely: Tables, data_directory_id: DataDirectoryId, directory_id: DirectoryId) =>
  kysely
    .insertInto("vanished_directory")
    .values({ data_directory_id, directory_id })
    .onConflict((conflict) => conflict.doNothing());

const setMounted = (kysely: Tables, mounted: number, directory: DirectoryId) =>
  kysely.updateTable("directory").set({ mounted }).where("id", "=", directory).where("mounted", "!=", mounted);

/**
 * Forgets what an earlier, unfinished scan noted as vanished. How many files are known below the path until now, under whichever data directory: of what comes in meanwhile nothing
 * can be lost.
 */
export function beginScan(inventory: Inventory, dataDirectory: DeclaredDataDirectory): ResultAsync<number, InventoryError> {
  return inventory.write((transaction) => {
    const { session } = transaction;
    forgetVanished(session, dataDirectory.id);
    const known = knownFilesBelow(session, dataDirectory);
    expectFormerRoots(transaction, dataDirectory);
    return known;
  });
}

/** What was a data directory is one directory of many now: its parent's listing tells when it is gone, as of any other. */
function expectFormerRoots(transaction: Transaction, dataDirectory: DeclaredDataDirectory): void {
  const { session } = transaction;
  for (const { path } of formerOnesBelow(session, dataDirectory)) {
    const root = session.statement(selectDirectory).get(dataDirectory.host, path);
    if (root === undefined || root.absent === 1 || root.parent !== null) continue;
    const parent_id = presentDirectory(transaction, dataDirectory, parentOf(path));
    session.run(session.kysely.updateTable("directory").set({ parent_id }).where("id", "=", root.id));
  }
}

/** Gives up a scan: what it has missed says nothing. */
export const abandonScan = (inventory: Inventory, dataDirectory: DataDirectoryId): ResultAsync<void, InventoryError> =>
  inventory.write(({ session }) => forgetVanished(session, dataDirectory));

function forgetVanished(session: Session, dataDirectory: DataDirectoryId): void {
  session.run(session.kysely.deleteFrom("vanished_file").where("data_directory_id", "=", dataDirectory));
  session.run(session.kysely.deleteFrom("vanished_directory").where("data_directory_id", "=", dataDirectory));
}

export interface ScanChanges {
  readonly added: number;
  readonly changed: number;
}

/**
 * Commits a batch of directories: each one wholly or not at all. `observedAt`: milliseconds since 1970. `scan`: when the full scan that found them began; what it changes replaces no
 * copy before a scan has ended well. Left out: a look at single directories did.
 */
export function commitDifferences(
  inventory: Inventory,
  dataDirectory: DeclaredDataDirectory,
  differences: readonly DirectoryDifference[],
  observedAt: number,
  scan?: number,
): ResultAsync<ScanChanges, InventoryError> {
  if (differences.length === 0) return okAsync({ added: 0, changed: 0 });
  return inventory.write((transaction) => {
    let added = 0;
    let changed = 0;
    for (const difference of differences) {
      const directory = presentDirectory(transaction, dataDirectory, difference.path);
      const { names, numbers, mounted } = difference;
      if (mounted !== undefined) transaction.session.statement(setMounted).run(mounted ? 1 : 0, directory);
      for (let index = 0; index < names.length; index++) {
        const at = index * NUMBERS_PER_FILE;
        const name = names[index] ?? "";
        const evidence = {
          size: numbers[at] ?? 0,
          mtimeSeconds: numbers[at + 1] ?? 0,
          mtimeNanoseconds: numbers[at + 2] ?? 0,
        };
        const state: OriginState = numbers[at + 3] === 1 ? "settled" : "growing";
        if (insertFileOrigin(transaction, dataDirectory.id, directory, name, evidence, state, observedAt)) added += 1;
        else {
          const id = fileOriginNamed(transaction, directory, name);
          if (id !== undefined && changeFileOrigin(transaction, id, { evidence, state, observedAt: scan ?? observedAt })) {
            changed += 1;
            // A scan that goes on beside may have missed it before it came back.
            transaction.session.statement(forgetVanishedFile).run(dataDirectory.id, id);
          }
        }
      }
      for (const id of difference.excluded) changeFileOrigin(transaction, id, { state: "excluded", observedAt });
      for (const id of difference.excludedDirectories) excludeBelow(transaction, id, observedAt);
      for (const id of difference.vanished) transaction.session.statement(noteVanishedFile).run(dataDirectory.id, id);
      for (const id of difference.vanishedDirectories) {
        transaction.session.statement(noteVanishedDirectory).run(dataDirectory.id, id);
      }
    }
    if (scan !== undefined && changed > 0) markUnproven(transaction.session, dataDirectory.id, scan);
    return { added, changed };
  });
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/")) || "/";

/** The row of a directory that was just listed, or holds one that was: made, brought back from absence, or taken over from another data directory. */
function presentDirectory(transaction: Transaction, dataDirectory: DeclaredDataDirectory, path: string): DirectoryId {
  const { session } = transaction;
  const known = session.statement(selectDirectory).get(dataDirectory.host, path);
  if (known !== undefined && known.dataDirectory === dataDirectory.id && known.absent === 0) {
    if (known.parent !== null || path === dataDirectory.path) return known.id;
  }
  const parent = path === dataDirectory.path ? null : presentDirectory(transaction, dataDirectory, parentOf(path));
  if (known === undefined) {
    const row = { host_id: dataDirectory.host, data_directory_id: dataDirectory.id, parent_id: parent, path, absent: 0 };
    const made = session.first(session.kysely.insertInto("directory").values(row).returning("id"));
    if (made === undefined) throw new Error(`the directory ${path} was not inserted`);
    return made.id;
  }
  session.run(
    session.kysely
      .updateTable("directory")
      .set({ absent: 0, parent_id: parent, data_directory_id: dataDirectory.id })
      .where("id", "=", known.id),
  );
  if (known.dataDirectory !== dataDirectory.id) {
    moveTallies(transaction, known.id, known.dataDirectory, dataDirectory.id);
    takeOverDoubts(session, known.dataDirectory, dataDirectory.id);
  }
  return known.id;
}

/** A directory that another, undeclared data directory had scanned before: its files count here from now on. */
function moveTallies({ session, tally }: Transaction, directory: DirectoryId, from: DataDirectoryId, to: DataDirectoryId): void {
  const { kysely } = session;
  const origins = kysely.selectFrom("file_origin").select(["state", "size"]).where("directory_id", "=", directory);
  for (const row of session.all(origins)) {
    const state = originStateOf(row.state);
    tally.origin(from, state, -1, -row.size);
    tally.origin(to, state, 1, row.size);
  }
  const copies = kysely
    .selectFrom("file_origin as f")
    .crossJoin("replica as p")
    .innerJoin("file_replica as r", (join) => join.onRef("r.replica_id", "=", "p.id").onRef("r.file_origin_id", "=", "f.id"))
    .select(["f.state as origin", "r.state", "r.size", "r.replica_id as replica"])
    .where("f.directory_id", "=", directory);
  for (const row of session.all(copies)) {
    const origin = originStateOf(row.origin);
    const state = fileReplicaStateOf(row.state);
    tally.copy(from, row.replica, origin, state, -1, -row.size);
    tally.copy(to, row.replica, origin, state, 1, row.size);
  }
}

/** A directory and all below it, as a recursive query named `subtree`. */
const subtree = (kysely: Tables, directory: DirectoryId) =>
  kysely.withRecursive("subtree", (query) =>
    query
      .selectFrom("directory")
      .select("id")
      .where("id", "=", directory)
      .unionAll((union) => union.selectFrom("directory as d").innerJoin("subtree as s", "s.id", "d.parent_id").select("d.id")),
  );

function excludeBelow(transaction: Transaction, directory: DirectoryId, observedAt: number): void {
  const { session } = transaction;
  const files = subtree(session.kysely, directory)
    .selectFrom("file_origin as f")
    .innerJoin("subtree as s", "s.id", "f.directory_id")
    .select("f.id")
    .where("f.state", "not in", [originStateCode("excluded"), originStateCode("absent")]);
  for (const { id } of session.all(files)) changeFileOrigin(transaction, id, { state: "excluded", observedAt });
  const directories = subtree(session.kysely, directory);
  session.run(
    directories
      .updateTable("directory")
      .set({ absent: 1 })
      .where("id", "in", (query) => query.selectFrom("subtree").select("id")),
  );
}
