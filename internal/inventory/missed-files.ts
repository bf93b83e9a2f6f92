/** What the last scan of a frozen data directory has not seen any more, while nobody has said that it is gone. */
import type { Session } from "./inventory.ts";
import type { DataDirectoryId, FileOriginId } from "./model.ts";

/** Did the scan that froze it miss this file? The end of that scan has noted the files of missed directories, too, one by one. */
export const isMissed = (session: Session, dataDirectory: DataDirectoryId, file: FileOriginId): boolean =>
  session.first(
    session.kysely
      .selectFrom("vanished_file")
      .select("file_origin_id")
      .where("data_directory_id", "=", dataDirectory)
      .where("file_origin_id", "=", file),
  ) !== undefined;
