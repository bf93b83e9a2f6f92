/** Is an inventory whole? SQLite's own checks of every page, index and reference, and what must hold between our rows. Only reads, beside whoever writes. */
import { Database as SqliteDatabase } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { err, ok, type Result } from "neverthrow";
import { refuseForeign, refuseOtherSchema } from "./_foreign-schema.ts";
import { executedMigrations, isUnmade } from "./_migrate.ts";
import { inventoryErrorOf, pageProblem } from "./_sqlite-error.ts";
import { wrongValues } from "./_values.ts";
import { Session } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import { MIGRATIONS } from "./migrations/mod.ts";
import { FILE_REPLICA_STATES, fileReplicaStateCode, ORIGIN_STATES, originStateCode } from "./model.ts";
import { readTallies, recount, type Tallies } from "./tally.ts";

export interface InventoryReport {
  readonly path: string;
  readonly uuid: string | null;
  readonly bytes: number;
  readonly fileOrigins: number;
  readonly fileReplicas: number;
  /** The newest moment at which anything was seen, copied or read: milliseconds since 1970. */
  readonly newestAt: number;
  /** What is wrong; empty when nothing is. */
  readonly problems: readonly string[];
}

/** Rows of which there must be none: what cannot even be counted by its state. */
const UNKNOWN: readonly (readonly [what: string, from: string])[] = [
  ["file origins have an unknown state", `file_origin where state not between 1 and ${ORIGIN_STATES.length}`],
  ["file replicas have an unknown state", `file_replica where state not between 1 and ${FILE_REPLICA_STATES.length}`],
];

/** And what cannot be so. */
const NEVER: readonly (readonly [what: string, from: string])[] = [
  ["file origins have an impossible size or time", "file_origin where size < 0 or mtime_nanoseconds not between 0 and 999999999"],
  [
    "file replicas have an impossible size or time",
    "file_replica where size < 0 or mtime_nanoseconds not between 0 and 999999999",
  ],
  [
    "file replicas have half a digest",
    "file_replica where (digest is null) != (digest_algorithm is null) or length(digest) != 32",
  ],
  [
    "file origins have a revision that was never given",
    "file_origin where revision > (select value from counter where name = 'revision')",
  ],
  [
    "replicas are reconciled up to a revision that was never given",
    "replica where reconciled_revision > coalesce((select value from counter where name = 'revision'), 0)",
  ],
  [
    "copies are called current, and their origin is another",
    `file_replica as r join file_origin as f on f.id = r.file_origin_id
      where r.state = ${fileReplicaStateCode("current")} and r.imported is null and f.state = ${originStateCode("settled")}
      and (r.size != f.size or r.mtime_seconds != f.mtime_seconds or r.mtime_nanoseconds != f.mtime_nanoseconds)`,
  ],
  [
    "findings stand against a copy that has another state, or is not there",
    "finding as g left join file_replica as r on r.replica_id = g.replica_id and r.file_origin_id = g.file_origin_id where r.state is not g.state",
  ],
  [
    "directories have copies, and their manifest is not known",
    `(select distinct r.replica_id, f.directory_id from file_replica as r join file_origin as f on f.id = r.file_origin_id) as c
      left join manifest as m on m.replica_id = c.replica_id and m.directory_id = c.directory_id where m.changes is null`,
  ],
];

const SHOWN = 20;

/** Checks the inventory at a path. Reads every row. */
export function checkInventory(path: string): Result<InventoryReport, InventoryError> {
  if (!existsSync(path) || statSync(path).size === 0) return err({ kind: "inventory-missing", path });
  let sqlite: SqliteDatabase | undefined;
  try {
    sqlite = new SqliteDatabase(path, { readonly: true });
    sqlite.run("pragma busy_timeout = 10000");
    // One snapshot: somebody may be writing.
    sqlite.run("begin");
    const foreign = refuseForeign(path, sqlite);
    if (foreign.isErr()) return err(foreign.error);
    if (isUnmade(sqlite)) return err({ kind: "inventory-missing", path });
    const other = refuseOtherSchema(path, sqlite);
    if (other.isErr()) return err(other.error);
    // The first damage is enough: whoever goes on behind it may go round for ever.
    const pages = sqlite.query<{ integrity_check: string }, []>("pragma integrity_check(1)").get()?.integrity_check ?? "ok";
    const problem = pages === "ok" ? undefined : pageProblem(path, pages);
    if (problem?.kind === "inventory-unusable") return err(problem);
    const bytes = statSync(path).size;
    return ok({ path, bytes, ...(problem === undefined ? contents(path, sqlite) : { ...NOTHING_KNOWN, problems: [pages] }) });
  } catch (exception) {
    return err(inventoryErrorOf(path, exception));
  } finally {
    sqlite?.close();
  }
}

const NOTHING_KNOWN = { uuid: null, fileOrigins: 0, fileReplicas: 0, newestAt: 0 };

/** Of whole pages. Each step asks only what the steps before have shown to be answerable. */
function contents(path: string, sqlite: SqliteDatabase): Omit<InventoryReport, "path" | "bytes"> {
  const number = (text: string): number => sqlite.query<{ n: number | null }, []>(`select ${text} as n`).get()?.n ?? 0;
  const count = (from: string): number => number(`(select count(*) from ${from})`);
  const found = (never: typeof NEVER): string[] =>
    never.flatMap(([what, from]) => {
      const rows = count(from);
      return rows > 0 ? [`${rows} ${what}`] : [];
    });
  const counts = { ...NOTHING_KNOWN, fileOrigins: count("file_origin"), fileReplicas: count("file_replica") };
  const executed = executedMigrations(sqlite);
  const problems = [...wrongReferences(sqlite), ...wrongValues(sqlite, executed, count), ...found(UNKNOWN)];
  if (problems.length > 0) return { ...counts, problems };
  const newestAt = number(
    "max((select coalesce(max(observed_at), 0) from file_origin), (select coalesce(max(copied_at), 0) from file_replica), (select coalesce(max(started_at), 0) from run))",
  );
  // What must hold between rows is said of today's schema; an older one becomes that when it is opened.
  if (executed.length < Object.keys(MIGRATIONS).length) return { ...counts, newestAt, problems };
  problems.push(...found(NEVER));
  const session = new Session(path, sqlite);
  const wrong = differences(readTallies(session), recount(session));
  if (wrong > 0) problems.push(`${wrong} counts are not those of the rows`);
  const uuid = sqlite.query<{ uuid: string }, []>("select uuid from identity").get()?.uuid ?? null;
  return { ...counts, newestAt, uuid, problems };
}

function wrongReferences(sqlite: SqliteDatabase): string[] {
  const references = sqlite
    .query<{ table: string; parent: string }, []>(`select "table", parent from pragma_foreign_key_check limit ${SHOWN}`)
    .all();
  return references.map(({ table, parent }) => `a row of ${table} refers to a row of ${parent} that is not there`);
}

/** Of sums that no double holds exactly: what comes of adding in another order. */
const ROUNDING = 1e-6;

function areEqualSums(kept: number, counted: number): boolean {
  const most = Math.max(Math.abs(kept), Math.abs(counted));
  return kept === counted || (most > Number.MAX_SAFE_INTEGER && Math.abs(kept - counted) <= most * ROUNDING);
}

/** Counts of nothing may be kept or not. */
function differences(kept: Tallies, counted: Tallies): number {
  const sumsOf = ({ origins, copies }: Tallies): Map<string, number> =>
    new Map(
      [...origins, ...copies]
        .filter(({ files, bytes }) => files !== 0 || bytes !== 0)
        .map(({ bytes, ...one }) => [JSON.stringify(one), bytes]),
    );
  const [a, b] = [sumsOf(kept), sumsOf(counted)];
  const lines = new Set([...a.keys(), ...b.keys()]);
  return [...lines].filter((line) => !areEqualSums(a.get(line) ?? Number.NaN, b.get(line) ?? Number.NaN)).length;
}
