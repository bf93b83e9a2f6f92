/**
 * Rows of the directories that an import tells of, down from a data directory of their host. Where none that was ever declared holds them, they belong to
 * the host's "/", undeclared, until a scan of a declared one takes them over.
 */
import type { Kysely } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import type { Session, Transaction } from "./inventory.ts";
import type { DataDirectoryId, DirectoryId, HostId } from "./model.ts";

type Tables = Kysely<InventoryTables>;

interface Directory {
  readonly id: DirectoryId;
  readonly dataDirectory: DataDirectoryId;
}

const selectHost = (kysely: Tables, name: string) => kysely.selectFrom("host").select("id").where("name", "=", name);

const selectDirectory = (kysely: Tables, host: HostId, path: string) =>
  kysely
    .selectFrom("directory")
    .select(["id", "data_directory_id as dataDirectory", "parent_id as parent", "absent"])
    .where("host_id", "=", host)
    .where("path", "=", path);

const selectDataDirectories = (kysely: Tables, host: HostId) =>
  kysely.selectFrom("data_directory").select(["id", "path", "declared"]).where("host_id", "=", host);

/** The row of a directory, made with all above it where it is not there. A directory that was gone is expected again: only a scan proves that it is gone still. */
export function importedDirectory({ session }: Transaction, hostName: string, path: string): Directory {
  const host = hostNamed(session, hostName);
  const found = presentDirectory(session, host, path);
  if (found !== undefined) return found;
  const dataDirectory = dataDirectoryOf(session, host, path);
  return makeDirectory(session, host, dataDirectory, path);
}

function hostNamed(session: Session, name: string): HostId {
  const known = session.statement(selectHost).get(name)?.id;
  if (known !== undefined) return known;
  const made = session.first(session.kysely.insertInto("host").values({ name, declared: 0 }).returning("id"));
  if (made === undefined) throw new Error(`the host ${name} was not inserted`);
  return made.id;
}

/** A row that is as it should be. */
function presentDirectory(session: Session, host: HostId, path: string): Directory | undefined {
  const known = session.statement(selectDirectory).get(host, path);
  return known === undefined || known.absent === 1 ? undefined : known;
}

/** The innermost that holds the path: a declared one, else the whole machine. */
function dataDirectoryOf(session: Session, host: HostId, path: string): { id: DataDirectoryId; path: string } {
  const all = session.statement(selectDataDirectories).all(host);
  const holding = all.filter((one) => one.path === "/" || path === one.path || path.startsWith(`${one.path}/`));
  const best = holding.toSorted((a, b) => b.declared - a.declared || b.path.length - a.path.length)[0];
  if (best !== undefined) return best;
  const values = { host_id: host, path: "/", declared: 0, scanned_at: null, scan_report: null, frozen_at: null };
  const made = session.first(session.kysely.insertInto("data_directory").values(values).returning("id"));
  if (made === undefined) throw new Error("the data directory / was not inserted");
  return { id: made.id, path: "/" };
}

function makeDirectory(
  session: Session,
  host: HostId,
  dataDirectory: { readonly id: DataDirectoryId; readonly path: string },
  path: string,
): Directory {
  const known = session.statement(selectDirectory).get(host, path);
  const isRoot = path === dataDirectory.path;
  if (known !== undefined && (known.absent === 0 || isRoot || known.parent === null)) {
    if (known.absent === 1) expectAgain(session, known.id);
    return known;
  }
  const parentPath = path.slice(0, path.lastIndexOf("/")) || "/";
  const parent = isRoot ? null : makeDirectory(session, host, dataDirectory, parentPath).id;
  if (known !== undefined) {
    expectAgain(session, known.id);
    return known;
  }
  const values = { host_id: host, data_directory_id: dataDirectory.id, parent_id: parent, path, absent: 0 };
  const made = session.first(session.kysely.insertInto("directory").values(values).returning("id"));
  if (made === undefined) throw new Error(`the directory ${path} was not inserted`);
  return { id: made.id, dataDirectory: dataDirectory.id };
}

const expectAgain = (session: Session, directory: DirectoryId): void => {
  session.run(session.kysely.updateTable("directory").set({ absent: 0 }).where("id", "=", directory));
};
