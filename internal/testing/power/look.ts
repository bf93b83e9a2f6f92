/** What is on the disks, seen by python3: its own SQLite, its own hashes. */
import { command, python } from "../program.ts";

/** A row that says `current`. */
export interface CurrentRow {
  /** Below the replica's root. */
  readonly path: string;
  /** Null where nobody has read the copy. */
  readonly sha256: string | null;
  readonly size: number;
}

export interface Look {
  /** SHA-256 of each file under a final name at the replica, by its path below the root. */
  readonly copies: Readonly<Record<string, string>>;
  readonly sizes: Readonly<Record<string, number>>;
  /** The same of the origin's files, below the data directory. */
  readonly origin: Readonly<Record<string, string>>;
  /** Contents of our own small files at the replica's root: marker, claims. */
  readonly own: Readonly<Record<string, string>>;
  /** Temporary files, at the replica and at the origin, and what else than the program's own files is beside the inventory. */
  readonly temporary: readonly string[];
  /** Manifests that do not end as they should. */
  readonly unfinished: readonly string[];
  readonly configuration: string | null;
  readonly rows: readonly CurrentRow[];
  /** By file: "ok", or what SQLite finds wrong. The inventory, its copies at the replica, and `saved.db`. */
  readonly databases: Readonly<Record<string, string>>;
}

const LOOK = String.raw`
import hashlib, json, os, re, sqlite3, sys
world, database = sys.argv[1:]
backup, data, state = (os.path.join(world, name) for name in ("backup", "data", "state"))
copies, sizes, origin, own, temporary, unfinished, databases, rows = {}, {}, {}, {}, [], [], {}, []
TEMPORARY = re.compile(r"\.xtelemdb-[0-9a-f]{16}(-[0-9a-f]{8})?\.part")

def content(path):
    with open(path, "rb") as file: return file.read()

def integrity(path):
    try:
        connection = sqlite3.connect(path)
        said = [row[0] for row in connection.execute("pragma integrity_check")]
        said += ["foreign key %s" % (row,) for row in connection.execute("pragma foreign_key_check")]
        connection.close()
        return "; ".join(said)
    except sqlite3.Error as error: return str(error)

def walk(root, found):
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            below = os.path.relpath(path, root)
            if TEMPORARY.match(name): temporary.append(path)
            elif below.startswith(".xtelemdb-inventory/"): databases[path] = integrity(path)
            elif below.startswith(".xtelemdb-manifest/"):
                if not re.search(rb"^# end \d+$", content(path), re.M): unfinished.append(path)
            elif below.startswith(".xtelemdb"): own[below] = content(path).decode("utf-8", "replace")
            elif not below.startswith("lost+found"):
                bytes = content(path)
                found[below] = hashlib.sha256(bytes).hexdigest()
                if root == backup: sizes[below] = len(bytes)

KNOWN = re.compile(r"(inventory\.db(-wal|-shm|\.lock|\.damaged-\w+(-wal|-shm)?)?|xtelemdb\.toml|status\.json|saved\.db|lost\+found)$")
temporary += [os.path.join(state, name) for name in os.listdir(state) if not KNOWN.match(name)]
walk(backup, copies)
walk(data, origin)
saved = os.path.join(state, "saved.db")
if os.path.exists(saved): databases[saved] = integrity(saved)
if os.path.exists(database) and os.path.getsize(database) > 0:
    databases[database] = integrity(database)
    if databases[database] == "ok":
        connection = sqlite3.connect(database)
        known = {row[0] for row in connection.execute("select name from sqlite_schema")}
        # The state code 1 is current (internal/inventory/model.ts; migrations never change it). An inventory that was cut while it was made has no tables yet.
        if {"file_replica", "file_origin", "directory", "host"} <= known:
            for host, directory, name, digest, size in connection.execute("""select h.name, d.path, f.name, hex(r.digest), r.size from file_replica r
                join file_origin f on f.id = r.file_origin_id join directory d on d.id = f.directory_id join host h on h.id = d.host_id where r.state = 1"""):
                rows.append(dict(path=host + directory + "/" + name, sha256=digest.lower() or None, size=size))
        connection.close()
configuration = os.path.join(state, "xtelemdb.toml")
text = content(configuration).decode("utf-8", "replace") if os.path.exists(configuration) else None
print(json.dumps(dict(copies=copies, sizes=sizes, origin=origin, own=own, temporary=temporary, unfinished=unfinished, configuration=text,
    rows=rows, databases=databases)))
`;

/** Looks at a world. `wrapper`: a command in front, which leads to where its disks are. */
export const look = (
  { folder, database }: { readonly folder: string; readonly database: string },
  wrapper: readonly string[] = [],
): Look => JSON.parse(command(...wrapper, ...python(LOOK, folder, database)));
