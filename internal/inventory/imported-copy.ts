/** Rows of copies that an import makes, and of the folders that they lie in. */
import { type Kysely, sql } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import type { Session } from "./inventory.ts";
import { type FileOriginId, fileReplicaStateCode, type PlaceId, type ReplicaId } from "./model.ts";

type Tables = Kysely<InventoryTables>;

export const insertImportedCopy = (
  kysely: Tables,
  replica_id: ReplicaId,
  file_origin_id: FileOriginId,
  size: number,
  mtime_seconds: number,
  mtime_nanoseconds: number,
  kept_mtime_seconds: number | null,
  kept_mtime_nanoseconds: number | null,
  copied_at: number,
  imported: number,
  created_at: number | null,
  place_id: PlaceId | null,
) =>
  kysely.insertInto("file_replica").values({
    replica_id,
    file_origin_id,
    state: sql.lit(fileReplicaStateCode("current")),
    size,
    mtime_seconds,
    mtime_nanoseconds,
    kept_mtime_seconds,
    kept_mtime_nanoseconds,
    copied_at,
    imported,
    created_at,
    place_id,
  });

const selectPlace = (kysely: Tables, path: string) => kysely.selectFrom("place").select("id").where("path", "=", path);

/** The row of a folder below a replica's root; null for "": where a new copy would lie. */
export function placeAt(session: Session, path: string): PlaceId | null {
  if (path === "") return null;
  const known = session.statement(selectPlace).get(path);
  return (known ?? session.first(session.kysely.insertInto("place").values({ path }).returning("id")))?.id ?? null;
}
