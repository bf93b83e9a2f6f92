/** Files that may still be written: they are few, and are found without looking at the others. */
import { type Kysely, sql } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import type { Session } from "./inventory.ts";
import { type DataDirectoryId, type DirectoryId, type FileOriginId, originStateCode } from "./model.ts";

export interface GrowingFile {
  readonly id: FileOriginId;
  readonly directory: DirectoryId;
  /** Absolute origin path of its directory. */
  readonly path: string;
  readonly name: string;
}

type Tables = Kysely<InventoryTables>;

/** The literal lets the partial index be taken. Exported for the test of its query plan. */
export const growingPage = (kysely: Tables, dataDirectory: DataDirectoryId, after: number, limit: number) =>
  kysely
    .selectFrom("file_origin as f")
    .innerJoin("directory as d", "d.id", "f.directory_id")
    .select(["f.id", "d.id as directory", "d.path", "f.name"])
    .where("f.state", "=", sql.lit(originStateCode("growing")))
    .where(sql<number>`f.id`, ">", after)
    .where("d.data_directory_id", "=", dataDirectory)
    .orderBy("f.id")
    .limit(limit);

/** The next growing files of a data directory, by id. */
export const growingFiles = (session: Session, dataDirectory: DataDirectoryId, after: number, limit: number): GrowingFile[] =>
  session.statement(growingPage).all(dataDirectory, after, limit);

const firstGrowing = (kysely: Tables) =>
  kysely
    .selectFrom("file_origin")
    .select("id")
    .where("state", "=", sql.lit(originStateCode("growing")))
    .limit(1);

/** Is any file growing at all? */
export const anyGrowing = (session: Session): boolean => session.statement(firstGrowing).get() !== undefined;
