/** Copies that stand where another file's copy belongs: below its name, or under the name of a directory above it. */
import type { Kysely } from "kysely";
import { isAtOrBelow } from "./_below.ts";
import type { InventoryTables } from "./database-schema.ts";
import type { Session } from "./inventory.ts";
import { fileReplicaStateCode, type ReplicaId } from "./model.ts";

type Tables = Kysely<InventoryTables>;

/** The copies of a host's files that lie where a copy is made, and are not known to be gone. */
const copiesOfHost = (kysely: Tables, replica: ReplicaId, host: string) =>
  kysely
    .selectFrom("host as h")
    .innerJoin("directory as d", "d.host_id", "h.id")
    // In this order: SQLite would go through all copies of the replica to find those below one directory.
    .crossJoin("file_origin as f")
    .crossJoin("file_replica as r")
    .select("f.id")
    .where("h.name", "=", host)
    .whereRef("f.directory_id", "=", "d.id")
    .whereRef("r.file_origin_id", "=", "f.id")
    .where("r.replica_id", "=", replica)
    .where("r.place_id", "is", null)
    .where("r.state", "!=", fileReplicaStateCode("lost"));

const selectBelow = (kysely: Tables, replica: ReplicaId, host: string, path: string, limit: number) =>
  copiesOfHost(kysely, replica, host).where(isAtOrBelow(path)).limit(limit);

/** How many copies this replica has of files below an absolute origin path: `atMost`, where there are more. */
export const copiesBelow = (session: Session, replica: ReplicaId, host: string, path: string, atMost: number): number =>
  session.statement(selectBelow).all(replica, host, path, atMost).length;

const selectAt = (kysely: Tables, replica: ReplicaId, host: string, directory: string, name: string) =>
  copiesOfHost(kysely, replica, host).where("d.path", "=", directory).where("f.name", "=", name);

/** The directory itself or the nearest above it that is a file to this replica: it has a copy of that. */
export function copyAbove(session: Session, replica: ReplicaId, host: string, directory: string): string | undefined {
  for (let path = directory; path !== ""; ) {
    const slash = path.lastIndexOf("/");
    const above = path.slice(0, slash);
    if (session.statement(selectAt).get(replica, host, above || "/", path.slice(slash + 1)) !== undefined) return path;
    path = above;
  }
  return undefined;
}
