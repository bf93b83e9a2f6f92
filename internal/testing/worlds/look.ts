/** What must hold of any world, at any moment, looked at by python3: its own SQLite, its own hashes. */
import { writeFileSync } from "node:fs";
import { command, python } from "../program.ts";
import type { World } from "../world.ts";

export interface Looked {
  /** Files under final names with contents that no version of their source has. */
  readonly torn: readonly string[];
  /** Copies that were there at an earlier look and are not any more. */
  readonly lost: readonly string[];
  /** Rows that say `current` of what is not so. */
  readonly falseCurrent: readonly string[];
  readonly temporary: readonly string[];
  /** Rows that say that a file is gone at its origin. */
  readonly absent: number;
  readonly integrity: string;
  /** Copies by their path: inode and SHA-256. */
  readonly copies: Readonly<Record<string, readonly [inode: number, sha256: string]>>;
}

/** The codes 1 `current` and 3 `absent` are those of internal/inventory/model.ts; migrations never change them. */
const LOOK = `
import hashlib, json, os, re, sqlite3, sys
database, request = sys.argv[1], json.load(open(sys.argv[2]))
known, places = request["known"], request["places"]
def sha(path):
    try:
        with open(path, "rb") as file: return hashlib.sha256(file.read()).hexdigest()
    except OSError: return None
false, absent, integrity = [], 0, ["ok"]
if os.path.exists(database):
    connection = sqlite3.connect(database)
    integrity = [row[0] for row in connection.execute("pragma integrity_check")] + ["foreign key"] * len(list(connection.execute("pragma foreign_key_check")))
    absent = connection.execute("select count(*) from file_origin where state = 3").fetchone()[0]
    for url, host, directory, name, digest, size in connection.execute("""select p.url, h.name, d.path, f.name, hex(r.digest), r.size from file_replica r
        join file_origin f on f.id = r.file_origin_id join directory d on d.id = f.directory_id join host h on h.id = d.host_id
        join replica p on p.id = r.replica_id where r.state = 1"""):
        root = re.sub("^ssh://[^/]*/", "", url).rstrip("/")
        if root not in places: continue
        path = places[root] + "/" + host + directory + "/" + name
        folder, last = os.path.split(path)
        own = os.path.isdir(folder) and last in os.listdir(folder)
        if not own or sha(path) != digest.lower() or os.path.getsize(path) != size: false.append(path)
    connection.close()
torn, temporary, copies = [], [], {}
for root in places.values():
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if re.match(r"\\.xtelemdb-[0-9a-f]{16}(-[0-9a-f]{8})?\\.part", name): temporary.append(path)
            elif "/.xtelemdb-" in path or "/.filler" in path: continue
            else:
                digest, relative = sha(path), os.path.relpath(path, root)
                copies[path] = [os.stat(path).st_ino, digest]
                if digest not in request["versions"]: torn.append(path)
lost = [path for path in known if path not in copies]
print(json.dumps(dict(torn=torn, lost=lost, falseCurrent=false, temporary=temporary, absent=absent, copies=copies,
    integrity="ok" if integrity == ["ok"] else "; ".join(integrity))))
`;

export interface LookRequest {
  /** SHA-256 of everything that a source has ever been. */
  readonly versions: readonly string[];
  /** Where each replica's root is seen, by the root as it is declared; what is not here is not looked at. */
  readonly places: Readonly<Record<string, string>>;
  /** The copies of an earlier look. */
  readonly known?: readonly string[];
}

export function lookAtWorld(world: World, { versions, places, known = [] }: LookRequest): Looked {
  const request = world.path("look.json");
  writeFileSync(request, JSON.stringify({ versions, places, known }));
  return JSON.parse(command(...python(LOOK, world.database, request)));
}

/** In words; empty when the laws hold. */
export const lawsBroken = ({ torn, lost, falseCurrent, integrity, absent }: Looked): string[] => [
  ...torn.map((path) => `torn: ${path}`),
  ...lost.map((path) => `lost: ${path}`),
  ...falseCurrent.map((path) => `current, and it is not: ${path}`),
  ...(absent === 0 ? [] : [`${absent} files are taken for gone, and all are there`]),
  ...(integrity === "ok" ? [] : [`the inventory: ${integrity}`]),
];
