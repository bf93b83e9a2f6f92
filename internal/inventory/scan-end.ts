/**
 * The end of a data directory's scan: what was not seen becomes `absent`, or the brake holds. Noted files are applied in chunks, each a transaction; one
 * that is interrupted leaves a smaller number of noted files, which the next scan notes again.
 */

import { sql } from "kysely";
import { ok, type ResultAsync, safeTry } from "neverthrow";
import { boundedMessage } from "./_limits.ts";
import type { DeclaredDataDirectory } from "./declare.ts";
import { formerLoss } from "./former-data-directories.ts";
import type { Inventory, Session } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import { type DataDirectoryId, type DirectoryId, GONE_BACK, originStateCode } from "./model.ts";
import { changeFileOrigin } from "./origin-changes.ts";
import type { ScanReport } from "./scan-commit.ts";
import { proveChanges } from "./unproven-changes.ts";

export type ScanEnd =
  | { readonly kind: "complete"; readonly absent: number }
  /** The brake: `lost` of `known` files were not seen, more than the share allows. Nothing was made absent. `former`: of what was a data directory of its own, at that path. */
  | { readonly kind: "frozen"; readonly lost: number; readonly known: number; readonly since: number; readonly former?: string };

const CHUNK = 5_000;

const IMPORTED = originStateCode("imported");

const count = sql<number>`count(*)`.as("files");

/** Notes each file below the vanished directories as vanished, so that the brake counts them. */
function spreadVanishedDirectories(session: Session, dataDirectory: DataDirectoryId): void {
  const { kysely } = session;
  const directories = kysely
    .selectFrom("vanished_directory")
    .select("directory_id")
    .where("data_directory_id", "=", dataDirectory);
  if (session.first(directories.limit(1)) === undefined) return;
  const below = kysely.withRecursive("subtree", (query) =>
    query
      .selectFrom("vanished_directory")
      .select("directory_id as id")
      .where("data_directory_id", "=", dataDirectory)
      // A plain union: a directory that was noted itself and lies below a noted one counts once.
      .union((union) =>
        union
          .selectFrom("directory as d")
          .innerJoin("subtree as s", "s.id", "d.parent_id")
          .select("d.id")
          .where("d.absent", "=", 0),
      ),
  );
  session.run(
    below
      .insertInto("vanished_file")
      .columns(["data_directory_id", "file_origin_id"])
      .expression((expression) =>
        expression
          .selectFrom("file_origin as f")
          // Kysely does not carry the names of `with` into an expression; the table is the one above.
          .innerJoin(sql<{ id: DirectoryId }>`subtree`.as("s"), "s.id", "f.directory_id")
          .select([sql.lit(dataDirectory).as("data_directory_id"), "f.id as file_origin_id"])
          .where("f.state", "!=", originStateCode("absent")),
      )
      .onConflict((conflict) => conflict.doNothing()),
  );
  session.run(
    below
      .insertInto("vanished_directory")
      .columns(["data_directory_id", "directory_id"])
      .expression((expression) =>
        expression
          .selectFrom(sql<{ id: DirectoryId }>`subtree`.as("s"))
          .select([sql.lit(dataDirectory).as("data_directory_id"), "s.id as directory_id"])
          // SQLite cannot parse "on conflict" after a select without a where (https://www.sqlite.org/lang_upsert.html).
          .where(sql.lit(true)),
      )
      .onConflict((conflict) => conflict.doNothing()),
  );
}

interface Losses {
  readonly lost: number;
  /** Of the noted ones, those that nobody has ever seen at their origin: an old backup may be full of them. */
  readonly imported: number;
}

/** How many files the noted ones are. */
function losses(session: Session, dataDirectory: DataDirectoryId): Losses {
  const { kysely } = session;
  const noted = kysely.selectFrom("vanished_file as v").select(count).where("v.data_directory_id", "=", dataDirectory);
  const ofState = noted.innerJoin("file_origin as f", "f.id", "v.file_origin_id");
  const all = session.first(noted)?.files ?? 0;
  const imported = all === 0 ? 0 : (session.first(ofState.where("f.state", "=", IMPORTED))?.files ?? 0);
  return { lost: all - imported, imported };
}

/** What the loss is measured by: what was known before the scan, and not what it has found anew; once it was frozen what was known then, or writing on would release it. */
function brakeBase(session: Session, dataDirectory: DataDirectoryId, knownBefore: number): number {
  const row = session.first(
    session.kysely.selectFrom("data_directory").select(["frozen_at", "scan_report"]).where("id", "=", dataDirectory),
  );
  if (row === undefined || row.frozen_at === null || row.scan_report === null) return knownBefore;
  // Written by `endScan` only.
  const { brakeBase: before = knownBefore } = JSON.parse(row.scan_report) as ScanReport;
  // Nothing was known then: what is known by now is the first that anything can be measured by.
  return before === 0 ? knownBefore : Math.min(before, knownBefore);
}

/**
 * Ends a scan that listed the whole data directory, but for what `report.problems` names. `maxLoss` is the share 0..1 that may vanish at once; with
 * `acceptLoss` the operator has looked and says that it is so.
 */
export function endScan(
  inventory: Inventory,
  dataDirectory: DeclaredDataDirectory,
  report: ScanReport,
  settings: {
    readonly startedAt: number;
    readonly maxLoss: number;
    readonly acceptLoss: boolean;
    /** As `beginScan` has told it. */
    readonly knownBefore: number;
  },
): ResultAsync<ScanEnd, InventoryError> {
  const lossOfFormer = () => inventory.write(({ session }) => formerLoss(session, dataDirectory, settings.maxLoss));
  return safeTry(async function* () {
    const { lost, known, imported } = yield* inventory.write(({ session }) => {
      spreadVanishedDirectories(session, dataDirectory.id);
      return { ...losses(session, dataDirectory.id), known: brakeBase(session, dataDirectory.id, settings.knownBefore) };
    });
    // Copies tell of files, and nothing at all is there: that is an empty mount point as likely as an empty disk.
    const isEmpty = report.files === 0 && imported > 0;
    const isTooMuch = isEmpty || lost > known * settings.maxLoss;
    const former = isTooMuch || lost === 0 || settings.acceptLoss ? undefined : yield* lossOfFormer();
    if ((isTooMuch || former !== undefined) && !settings.acceptLoss) {
      const since = yield* inventory.write(({ session }) => {
        const frozenAt = frozenSince(session, dataDirectory.id) ?? settings.startedAt;
        saveScan(session, dataDirectory.id, { ...report, brakeBase: known }, settings.startedAt, frozenAt);
        return frozenAt;
      });
      if (former !== undefined)
        return ok<ScanEnd>({ kind: "frozen", lost: former.lost, known: former.known, since, former: former.path });
      return ok<ScanEnd>({ kind: "frozen", lost: lost + imported, known: known + imported, since });
    }
    for (;;) {
      const applied = yield* applyChunk(inventory, dataDirectory.id, settings.startedAt);
      if (applied < CHUNK) break;
    }
    yield* inventory.write(({ session }) => {
      markAbsentDirectories(session, dataDirectory.id);
      proveChanges(session, dataDirectory.id);
      saveScan(session, dataDirectory.id, report, settings.startedAt, null);
    });
    return ok<ScanEnd>({ kind: "complete", absent: lost + imported });
  });
}

function applyChunk(
  inventory: Inventory,
  dataDirectory: DataDirectoryId,
  observedAt: number,
): ResultAsync<number, InventoryError> {
  return inventory.write((transaction) => {
    const { session } = transaction;
    const { kysely } = session;
    const noted = session.all(
      kysely
        .selectFrom("vanished_file")
        .select("file_origin_id as id")
        .where("data_directory_id", "=", dataDirectory)
        .orderBy("file_origin_id")
        .limit(CHUNK),
    );
    for (const { id } of noted) changeFileOrigin(transaction, id, { state: "absent", observedAt });
    const last = noted.at(-1);
    if (last !== undefined) {
      const gone = kysely
        .selectFrom("vanished_file")
        .select("file_origin_id")
        .where("data_directory_id", "=", dataDirectory)
        .where("file_origin_id", "<=", last.id);
      // What is gone is not copied any more, and what failed of it concerns nobody: but that its copy is more than it was is remembered until it is back.
      session.run(kysely.deleteFrom("attempt").where("file_origin_id", "in", gone).where("reason", "!=", GONE_BACK));
      session.run(
        kysely.deleteFrom("vanished_file").where("data_directory_id", "=", dataDirectory).where("file_origin_id", "<=", last.id),
      );
    }
    return noted.length;
  });
}

function markAbsentDirectories(session: Session, dataDirectory: DataDirectoryId): void {
  const { kysely } = session;
  const noted = kysely.selectFrom("vanished_directory").select("directory_id").where("data_directory_id", "=", dataDirectory);
  session.run(kysely.updateTable("directory").set({ absent: 1 }).where("id", "in", noted));
  session.run(kysely.deleteFrom("vanished_directory").where("data_directory_id", "=", dataDirectory));
}

const frozenSince = (session: Session, id: DataDirectoryId): number | null | undefined =>
  session.first(session.kysely.selectFrom("data_directory").select("frozen_at").where("id", "=", id))?.frozen_at;

/** What it tells in words is as long as anybody reads. */
const bounded = (report: ScanReport): ScanReport => ({
  ...report,
  problems: report.problems.map((problem) => ({ ...problem, message: boundedMessage(problem.message) })),
});

function saveScan(
  session: Session,
  dataDirectory: DataDirectoryId,
  report: ScanReport,
  startedAt: number,
  frozenAt: number | null,
): void {
  const { kysely } = session;
  const values = { scan_report: JSON.stringify(bounded(report)), scanned_at: startedAt, frozen_at: frozenAt };
  session.run(kysely.updateTable("data_directory").set(values).where("id", "=", dataDirectory));
}
