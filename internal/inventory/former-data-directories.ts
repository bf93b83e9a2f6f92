/**
 * What a data directory takes over: directories that were declared before, inside it or around it, and are not any more. Their rows stay with them until a scan lists each
 * directory anew; whatever is measured by what is known has to count them before.
 */
import { sql } from "kysely";
import type { DeclaredDataDirectory } from "./declare.ts";
import type { Session } from "./inventory.ts";
import { type DataDirectoryId, originStateCode } from "./model.ts";

export interface FormerDataDirectory {
  readonly id: DataDirectoryId;
  readonly path: string;
}

/** Nobody has seen these at their origin, or they are gone from it. */
const NOT_THERE = [originStateCode("absent"), originStateCode("imported")];

const isBelow = (path: string, outer: string): boolean => path !== outer && path.startsWith(outer === "/" ? outer : `${outer}/`);

/** Data directories of the same host that are not declared any more. */
const formerOnes = (session: Session, { id, host }: DeclaredDataDirectory): FormerDataDirectory[] =>
  session.all(
    session.kysely
      .selectFrom("data_directory")
      .select(["id", "path"])
      .where("host_id", "=", host)
      .where("declared", "=", 0)
      .where("id", "!=", id),
  );

/** Those that lie in this one, from the outer to the inner. */
export const formerOnesBelow = (session: Session, dataDirectory: DeclaredDataDirectory): FormerDataDirectory[] =>
  formerOnes(session, dataDirectory)
    .filter(({ path }) => isBelow(path, dataDirectory.path))
    .toSorted((a, b) => a.path.length - b.path.length);

/**
 * Files below the path that are there as far as is known, and were seen there, whichever data directory their rows belong to now. Costs a read of every row only where
 * some of them belong to one that this one lies in: right after such a declaration.
 */
export function knownFilesBelow(session: Session, dataDirectory: DeclaredDataDirectory): number {
  const former = formerOnes(session, dataDirectory);
  const below = former.filter(({ path }) => isBelow(path, dataDirectory.path));
  const above = former.filter(({ id, path }) => isBelow(dataDirectory.path, path) && tallied(session, [id]) > 0);
  return (
    tallied(session, [dataDirectory.id, ...below.map(({ id }) => id)]) +
    (above.length === 0 ? 0 : counted(session, dataDirectory, above))
  );
}

const tallied = (session: Session, ids: readonly DataDirectoryId[]): number =>
  session.first(
    session.kysely
      .selectFrom("tally")
      .select(sql<number>`coalesce(sum(files), 0)`.as("files"))
      .where("data_directory_id", "in", ids)
      .where("replica_id", "=", 0)
      .where("category", "not in", NOT_THERE),
  )?.files ?? 0;

/** The files at and below the path whose rows belong to one of `above`. */
const counted = (session: Session, { host, path }: DeclaredDataDirectory, above: readonly FormerDataDirectory[]): number =>
  session.first(
    session.kysely
      .selectFrom("directory as d")
      .innerJoin("file_origin as f", "f.directory_id", "d.id")
      .select(sql<number>`count(*)`.as("files"))
      .where("d.host_id", "=", host)
      // "0" is what comes after "/".
      .where((where) =>
        where.or([where("d.path", "=", path), where.and([where("d.path", ">", `${path}/`), where("d.path", "<", `${path}0`)])]),
      )
      .where(
        "d.data_directory_id",
        "in",
        above.map(({ id }) => id),
      )
      .where("f.state", "not in", NOT_THERE),
  )?.files ?? 0;
