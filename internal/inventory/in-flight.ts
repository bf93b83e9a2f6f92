/**
 * The directories of a replica in which copies are made. A row is there from before the first temporary file until nothing of the run is left; a row that a run
 * finds when it begins is of one that was broken off.
 */
import type { Kysely } from "kysely";
import { okAsync, type ResultAsync } from "neverthrow";
import type { InventoryTables } from "./database-schema.ts";
import type { Inventory, Session } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import { type DirectoryId, fileReplicaStateCode, originStateCode, type ReplicaId } from "./model.ts";

type Tables = Kysely<InventoryTables>;

export interface DirectoryInFlight {
  readonly id: DirectoryId;
  readonly host: string;
  /** The origin path. */
  readonly path: string;
}

/** Notes the directories of a replica in which temporary files may appear from now on, before the first one does. */
export function beginCopies(
  inventory: Inventory,
  replica: ReplicaId,
  directories: readonly DirectoryId[],
): ResultAsync<void, InventoryError> {
  if (directories.length === 0) return okAsync(undefined);
  return inventory.write(({ session }) => {
    for (const directory of directories) session.statement(noteInFlight).run(replica, directory);
  });
}

const noteInFlight = (kysely: Tables, replica_id: ReplicaId, directory_id: DirectoryId) =>
  kysely
    .insertInto("in_flight")
    .values({ replica_id, directory_id })
    .onConflict((conflict) => conflict.doNothing());

export const forgetInFlight = (kysely: Tables, replica: ReplicaId, directory: DirectoryId) =>
  kysely.deleteFrom("in_flight").where("replica_id", "=", replica).where("directory_id", "=", directory);

/** The origin directories whose counterparts at the replica may hold temporary files, or unrecorded copies, of a run that was broken off. By path. */
export const inFlightDirectories = (session: Session, replica: ReplicaId): DirectoryInFlight[] =>
  session.all(
    session.kysely
      .selectFrom("in_flight as i")
      .innerJoin("directory as d", "d.id", "i.directory_id")
      .innerJoin("host as h", "h.id", "d.host_id")
      .select(["d.id", "h.name as host", "d.path"])
      .where("i.replica_id", "=", replica)
      .orderBy("d.path"),
  );

/**
 * Forgets those of the directories in which nothing is pending at the replica any more: what a broken-off run published without a record has a record by now. Reads
 * every file of a directory, up to the first that is pending.
 */
export function forgetWhereNothingIsPending(
  inventory: Inventory,
  replica: ReplicaId,
  directories: readonly DirectoryId[],
): ResultAsync<void, InventoryError> {
  if (directories.length === 0) return okAsync(undefined);
  return inventory.write(({ session }) => {
    for (const directory of directories) session.statement(forgetUnlessPending).run(replica, directory);
  });
}

const forgetUnlessPending = (kysely: Tables, replica: ReplicaId, directory: DirectoryId) =>
  forgetInFlight(kysely, replica, directory).where((where) =>
    where.not(
      where.exists(
        where
          .selectFrom("file_origin as f")
          .innerJoin("directory as d", "d.id", "f.directory_id")
          .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
          .innerJoin("host as h", "h.id", "g.host_id")
          .leftJoin("file_replica as r", (join) =>
            join.onRef("r.file_origin_id", "=", "f.id").onRef("r.replica_id", "=", "in_flight.replica_id"),
          )
          .select("f.id")
          .whereRef("f.directory_id", "=", "in_flight.directory_id")
          .where("f.state", "in", [originStateCode("growing"), originStateCode("settled")])
          .where((pending) =>
            pending.or([pending("r.state", "is", null), pending("r.state", "!=", fileReplicaStateCode("current"))]),
          )
          .where("g.declared", "=", 1)
          .where("h.declared", "=", 1),
      ),
    ),
  );
