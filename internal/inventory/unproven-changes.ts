/**
 * Changes that a full scan has committed on its way, before its end has said whether what it walks through is the data directory at all: another disk may lie there. A file origin that
 * was changed so keeps the time of that scan, and the scan's mark stands among the counters until a scan of the data directory has ended well; a look at single directories in between
 * takes it from no file. A scan that is broken off, held by the brake or killed leaves its mark behind: the next one that ends well decides.
 */
import type { Kysely, RawBuilder } from "kysely";
import { sql } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import type { Session } from "./inventory.ts";
import type { DataDirectoryId } from "./model.ts";

type Tables = Kysely<InventoryTables>;

/** The marks of a data directory: a range of names, up to what comes right after the blank. */
const PREFIX = "unproven ";
const firstOf = (dataDirectory: DataDirectoryId): string => `${PREFIX}${dataDirectory} `;
const endOf = (dataDirectory: DataDirectoryId): string => `${PREFIX}${dataDirectory}!`;

/** The name of the mark of a scan that began at `g`'s file's `observed_at`, of rows of `file_origin as f` and `data_directory as g`. */
export const MARK_OF_ROW: RawBuilder<string> = sql<string>`${sql.lit(PREFIX)} || ${sql.ref("g.id")} || ' ' || ${sql.ref("f.observed_at")}`;

const setMark = (kysely: Tables, name: string, value: number) =>
  kysely
    .insertInto("counter")
    .values({ name, value })
    .onConflict((conflict) => conflict.doNothing());

const selectMark = (kysely: Tables, name: string) => kysely.selectFrom("counter").select("value").where("name", "=", name);

const selectMarks = (kysely: Tables, first: string, end: string) =>
  kysely.selectFrom("counter").select("value").where("name", ">=", first).where("name", "<", end);

/** A full scan that began then (milliseconds since 1970) has changed file origins, and has not ended. */
export const markUnproven = (session: Session, dataDirectory: DataDirectoryId, scan: number): void => {
  session.statement(setMark).run(`${firstOf(dataDirectory)}${scan}`, scan);
};

/** Was a file origin that has this time (`observed_at`) changed by a full scan, while none has ended well since? */
export const isUnproven = (session: Session, dataDirectory: DataDirectoryId, observedAt: number): boolean =>
  session.statement(selectMark).get(`${firstOf(dataDirectory)}${observedAt}`) !== undefined;

/** A scan has ended well: what it found, and what those before it had found, is so. */
export function proveChanges(session: Session, dataDirectory: DataDirectoryId): void {
  session.run(
    session.kysely.deleteFrom("counter").where("name", ">=", firstOf(dataDirectory)).where("name", "<", endOf(dataDirectory)),
  );
}

const freezeAsWell = (kysely: Tables, from: DataDirectoryId, to: DataDirectoryId) =>
  kysely
    .updateTable("data_directory")
    .set((set) => ({
      frozen_at: set.selectFrom("data_directory as o").select("o.frozen_at").where("o.id", "=", from),
    }))
    .where("id", "=", to)
    .where("frozen_at", "is", null);

/** A directory of a former data directory counts to another from now on: what was in doubt there is so here until a scan of this one has ended well. */
export function takeOverDoubts(session: Session, from: DataDirectoryId, to: DataDirectoryId): void {
  for (const { value } of session.statement(selectMarks).all(firstOf(from), endOf(from))) markUnproven(session, to, value);
  session.statement(freezeAsWell).run(from, to);
}

const selectGuards = (kysely: Tables, dataDirectory: DataDirectoryId) =>
  kysely
    .selectFrom("data_directory as g")
    .where("g.id", "=", dataDirectory)
    .where((where) =>
      where.or([
        where("g.frozen_at", "is not", null),
        where.exists(
          where.selectFrom("vanished_file as v").select("v.data_directory_id").whereRef("v.data_directory_id", "=", "g.id"),
        ),
        where.exists(
          where.selectFrom("vanished_directory as w").select("w.data_directory_id").whereRef("w.data_directory_id", "=", "g.id"),
        ),
      ]),
    )
    .select("g.id");

/** Does what is at its origin replace no copy until a full scan has ended well? As the diff decides, of a file origin with this time (`observed_at`). */
export const waitsForScan = (session: Session, dataDirectory: DataDirectoryId, observedAt: number): boolean =>
  isUnproven(session, dataDirectory, observedAt) || session.statement(selectGuards).get(dataDirectory) !== undefined;
