/**
 * What values may stand in the rows of an inventory, for a file that somebody else may have written. SQLite keeps any value in any column, and what this program has never written it has never
 * had to read: a name that leads elsewhere, a number that no double holds, a time that is none, a text of gigabytes.
 */
import type { Database as SqliteDatabase } from "bun:sqlite";
import { MOST_MILLISECONDS, MOST_NAME_BYTES, MOST_PATH_BYTES, MOST_REPORT_BYTES, MOST_SUM, MOST_TEXT_BYTES } from "./_limits.ts";
import { IMPORT_STATES } from "./model.ts";

interface Column {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
}

/** Counts the rows that are not as they must be: SQL after "from". `since`: the migration that made what it asks for. */
type Wrong = readonly [what: string, from: string, since?: string];

const most = (name: string): number =>
  name === "name"
    ? MOST_NAME_BYTES
    : name === "path"
      ? MOST_PATH_BYTES
      : name === "scan_report"
        ? MOST_REPORT_BYTES
        : MOST_TEXT_BYTES;

const SUMS: ReadonlySet<string> = new Set(["bytes", "copied_bytes", "scrub_bytes"]);

/** True where the column holds what it never should. */
function wrongValue({ name, type, notnull }: Column): string {
  const value = `"${name}"`;
  const orNull = notnull === 1 ? "" : `${value} is not null and `;
  if (type === "TEXT")
    return `${orNull}(typeof(${value}) != 'text' or octet_length(${value}) > ${most(name)} or instr(${value}, char(0)) > 0)`;
  if (type === "BLOB") return `${orNull}(typeof(${value}) != 'blob' or octet_length(${value}) > ${MOST_TEXT_BYTES})`;
  if (SUMS.has(name))
    return `${orNull}(typeof(${value}) not in ('integer', 'real') or ${value} not between ${-MOST_SUM} and ${MOST_SUM})`;
  // A creation time comes from a disk, and may be of any year.
  const isTime = (name.endsWith("_at") || name.endsWith("_since")) && name !== "created_at";
  const limit = isTime ? MOST_MILLISECONDS : Number.MAX_SAFE_INTEGER;
  return `${orNull}(typeof(${value}) != 'integer' or ${value} not between ${-limit} and ${limit})`;
}

/** No name of a file, or of a host, which is a folder at a replica. */
const noName = (column: string): string => `(${column} in ('', '.', '..') or instr(${column}, '/') > 0)`;

/** No absolute path that is as short as can be. */
const noPath = (column: string): string =>
  `(${column} != '/' and (substr(${column}, 1, 1) != '/' or substr(${column}, -1) = '/' or instr(${column}, '//') > 0
    or instr(${column} || '/', '/../') > 0 or instr(${column} || '/', '/./') > 0))`;

/** The second path is not below the first. */
const notBelow = (above: string, path: string): string =>
  `(${path} = ${above} or substr(${path}, 1, length(rtrim(${above}, '/')) + 1) != rtrim(${above}, '/') || '/')`;

const IDENTITY = "0003-identity";
const IMPORT = "0005-import";

const NAMES: readonly Wrong[] = [
  ["file origins have a name that is none", `file_origin where ${noName("name")}`],
  ["hosts have a name that is none", `host where ${noName("name")}`],
  ["directories have a path that is none", `directory where ${noPath("path")}`],
  ["data directories have a path that is none", `data_directory where ${noPath("path")}`],
  ["places have a path that is none", `place where path = '' or ${noPath("'/' || path")}`, IMPORT],
  [
    "directories are not below the one that they are said to be in",
    `directory as d join directory as p on p.id = d.parent_id where d.host_id != p.host_id or ${notBelow("p.path", "d.path")}`,
  ],
  [
    "directories are of another host than their data directory",
    "directory as d join data_directory as g on g.id = d.data_directory_id where g.host_id != d.host_id",
  ],
  ["file replicas have a digest of an unknown kind", "file_replica where digest_algorithm is not null and digest_algorithm != 1"],
  ["file replicas have an unknown import state", `file_replica where imported not between 1 and ${IMPORT_STATES.length}`, IMPORT],
  ["identities stand where there must be one", "(select count(*) as n from identity) where n != 1", IDENTITY],
  [
    "data directories have a report that is none",
    `data_directory where scan_report is not null and not (json_valid(scan_report) and json_type(scan_report) = 'object'
      and json_type(scan_report, '$.excluded') is 'array' and json_type(scan_report, '$.problems') is 'array'
      and coalesce(json_type(scan_report, '$.brakeBase'), 'integer') is 'integer'
      and json_type(scan_report, '$.unreadable') is 'integer' and json_type(scan_report, '$.files') is 'integer' and json_type(scan_report, '$.bytes') in ('integer', 'real')
      and not exists (select 1 from json_each(scan_report, '$.excluded')
        where type != 'object' or json_type(value, '$.pattern') is not 'text' or json_type(value, '$.matches') is not 'integer')
      and not exists (select 1 from json_each(scan_report, '$.problems')
        where type != 'object' or json_type(value, '$.path') is not 'text' or json_type(value, '$.message') is not 'text'))`,
  ],
];

/** What is wrong with the values of a database whose tables are known to be those of an inventory. @throws SQLiteError */
export function wrongValues(
  sqlite: SqliteDatabase,
  executedMigrations: readonly string[],
  count: (from: string) => number,
): string[] {
  const tables = sqlite
    .query<{ name: string }, []>(
      "select name from sqlite_schema where type = 'table' and name not glob 'sqlite_*' and name not glob 'kysely_*'",
    )
    .all();
  const problems: string[] = [];
  for (const { name: table } of tables) {
    const columns = sqlite
      .query<Column, [string]>('select name, upper(type) as type, "notnull" from pragma_table_info(?)')
      .all(table);
    // One pass over a table, however many columns it has.
    const sums = columns.map((column) => `total(${wrongValue(column)}) as "${column.name}"`);
    const found = sqlite.query<Record<string, number>, []>(`select ${sums.join(", ")} from "${table}"`).get() ?? {};
    for (const { name } of columns) {
      const rows = found[name] ?? 0;
      if (rows > 0) problems.push(`${rows} rows of ${table} have a ${name} that xtelemdb never writes`);
    }
  }
  // What is said of names is said of texts.
  if (problems.length > 0) return problems;
  for (const [what, from, since] of NAMES) {
    if (since !== undefined && !executedMigrations.includes(since)) continue;
    const found = count(from);
    if (found > 0) problems.push(`${found} ${what}`);
  }
  return problems;
}
