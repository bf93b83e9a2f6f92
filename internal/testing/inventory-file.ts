/** Looks into the inventory from outside, with python3's own SQLite. */
import { command, python } from "./program.ts";

const CHECK = `
import sqlite3, sys
connection = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
print(*[row[0] for row in connection.execute("PRAGMA integrity_check")], sep="\\n")
for row in connection.execute("PRAGMA foreign_key_check"): print("foreign key", *row)
`;

/** What SQLite finds wrong with a database; "ok" when nothing is. */
export const inventoryIntegrity = (database: string): string => command(...python(CHECK, database)).trim();

const EXECUTE = `
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
for row in connection.execute(sys.argv[2]): print(*row, sep="\\t")
connection.commit()
`;

/** Executes a statement; the rows, a line each. */
export const inventoryExecute = (database: string, statement: string): string =>
  command(...python(EXECUTE, database, statement)).trim();
