/**
 * What a data directory takes over: directories that were declared before, inside it or around it, and are not any more. Their rows stay with them until a scan lists each
 * directory anew; whatever is measured by what is known has to count them before.
 */
import { sql } from "kysely";
import { isAtOrBelow } from "./_below.ts";
import type { DeclaredDataDirectory } from "./declare.ts";
import type { Session } from "./inventory.ts";
import { type DataDirectoryId, originStateCode } from "./model.ts";
import type { ScanReport } from "./scan-commit.ts";

export interface FormerDataDirectory {
  readonly id: DataDirectoryId;
  readonly path: string;
  readonly scannedAt: number | null;
  readonly frozenAt: number | null;
  readonly report: string | null;
}

/** More was lost of what was a data directory than may be without an operator. */
export interface FormerLoss {
  readonly path: string;
  readonly lost: number;
  readonly known: number;
}

/** Nobody has seen these at their origin, or they are gone from it. */
const NOT_THERE = [originStateCode("absent"), originStateCode("imported")];

const isBelow = (path: string, outer: string): boolean => path !== outer && path.startsWith(outer === "/" ? outer : `${outer}/`);

/** Data directories of the same host that are not declared any more. */
const formerOnes = (session: Session, { id, host }: DeclaredDataDirectory): FormerDataDirectory[] =>
  session.all(
    session.kysely
      .selectFrom("data_directory")
      .select(["id", "path", "scanned_at as scannedAt", "frozen_at as frozenAt", "scan_report as report"])
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
      .where(isAtOrBelow(path))
      .where(
        "d.data_directory_id",
        "in",
        above.map(({ id }) => id),
      )
      .where("f.state", "not in", NOT_THERE),
  )?.files ?? 0;

/**
 * Of what a scan has noted as vanished: a former data directory that has lost more than the share of its own, or anything while it is frozen. Otherwise the files of those beside it
 * would let through what an operator has to look at. That ends with the first scan of this one that has seen its place, and was not held.
 */
export function formerLoss(session: Session, dataDirectory: DeclaredDataDirectory, maxLoss: number): FormerLoss | undefined {
  const former = formerOnes(session, dataDirectory).filter(
    ({ path, frozenAt }) => isBelow(path, dataDirectory.path) || (frozenAt !== null && isBelow(dataDirectory.path, path)),
  );
  if (former.length === 0 || maxLoss >= 1) return undefined;
  const isTakenOver = takenOver(session, dataDirectory);
  for (const one of former) {
    if (isTakenOver(one)) continue;
    const lost = noted(session, dataDirectory, one.path);
    const report = reportOf(one.report);
    const known = report?.brakeBase ?? report?.files ?? 0;
    if (lost > (one.frozenAt === null ? known * maxLoss : 0)) return { path: one.path, lost, known: Math.max(known, lost) };
  }
  return undefined;
}

// Written by `endScan` only.
const reportOf = (report: string | null): ScanReport | undefined =>
  report === null ? undefined : (JSON.parse(report) as ScanReport);

/** Did the last scan of the data directory see the place of a former one, after the last scan of that, and was not held? */
function takenOver(session: Session, { id }: DeclaredDataDirectory): (former: FormerDataDirectory) => boolean {
  const last = session.first(
    session.kysely.selectFrom("data_directory").select(["scanned_at", "frozen_at", "scan_report"]).where("id", "=", id),
  );
  if (last === undefined || last.scanned_at === null || last.frozen_at !== null) return () => false;
  const at = last.scanned_at;
  const problems = reportOf(last.scan_report)?.problems ?? [];
  return ({ path, scannedAt }) =>
    at > (scannedAt ?? 0) && !problems.some((problem) => problem.path === path || isBelow(path, problem.path));
}

/** The files at and below the path that a scan of the data directory has noted as vanished, but for those that nobody has seen at their origin. */
const noted = (session: Session, { id }: DeclaredDataDirectory, path: string): number =>
  session.first(
    session.kysely
      .selectFrom("vanished_file as v")
      .innerJoin("file_origin as f", "f.id", "v.file_origin_id")
      .innerJoin("directory as d", "d.id", "f.directory_id")
      .select(sql<number>`count(*)`.as("files"))
      .where("v.data_directory_id", "=", id)
      .where(isAtOrBelow(path))
      .where("f.state", "!=", originStateCode("imported")),
  )?.files ?? 0;
