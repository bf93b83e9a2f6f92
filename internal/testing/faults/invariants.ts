/** What must hold of replicas and inventory after any fault, looked at by python3. */
import { command, pythonPath } from "../program.ts";
import type { FaultWorld } from "./fault-world.ts";

export interface Findings {
  /** Files under final names with contents that no version has. */
  readonly torn: readonly string[];
  /** Files that were there before and are not any more. */
  readonly lost: readonly string[];
  /** Rows that say `current` of what is not so. */
  readonly falseCurrent: readonly string[];
  /** Temporary files. */
  readonly temporary: readonly string[];
  /** Copies that are as they are to be in the end. */
  readonly finished: number;
  /** "ok", or what SQLite finds wrong with the inventory. */
  readonly integrity: string;
}

/** The state code 1 is `current` (internal/inventory/model.ts; migrations never change it). */
const LOOK = `
import hashlib, json, os, re, sqlite3, sys
database, replicas, versions = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
def sha(path):
    try:
        with open(path, "rb") as file: return hashlib.sha256(file.read()).hexdigest()
    except OSError: return None
connection = sqlite3.connect(database)
integrity = [row[0] for row in connection.execute("pragma integrity_check")] + ["foreign key"] * len(list(connection.execute("pragma foreign_key_check")))
false = []
for url, host, directory, name, digest, size in connection.execute("""select p.url, h.name, d.path, f.name, hex(r.digest), r.size from file_replica r
    join file_origin f on f.id = r.file_origin_id join directory d on d.id = f.directory_id join host h on h.id = d.host_id
    join replica p on p.id = r.replica_id where r.state = 1"""):
    path = url + "/" + host + directory + "/" + name
    if sha(path) != digest.lower() or os.path.getsize(path) != size: false.append(path)
connection.close()
torn, lost, temporary, finished = [], [], [], 0
for root in replicas:
    seen = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if re.match(r"\\.xtelemdb-[0-9a-f]{16}\\.part", name): temporary.append(path)
            elif "/.xtelemdb-" not in path: seen[os.path.relpath(path, root)] = sha(path)
    for path, digest in seen.items():
        if digest not in (versions["before"].get(path), versions["after"].get(path)): torn.append(root + "/" + path)
        elif digest == versions["after"].get(path) and digest != versions["before"].get(path): finished += 1
    lost += [root + "/" + path for path in versions["before"] if path not in seen]
print(json.dumps(dict(torn=torn, lost=lost, falseCurrent=false, temporary=temporary, finished=finished,
    integrity="ok" if integrity == ["ok"] else "; ".join(integrity))))
`;

/** Looks at a world. */
export const lookAt = (world: FaultWorld): Findings =>
  JSON.parse(
    command(pythonPath(), "-S", "-c", LOOK, world.database, JSON.stringify(world.replicas), JSON.stringify(world.versions)),
  );

/** What must not be, at any moment. */
export function brokenLaws(world: FaultWorld, { torn, lost, falseCurrent, integrity }: Findings): string[] {
  return [
    ...torn.map((path) => `torn: ${path}`),
    ...lost.map((path) => `lost: ${path}`),
    ...falseCurrent.map((path) => `current, and it is not: ${path}`),
    ...(integrity === "ok" ? [] : [`the inventory: ${integrity}`]),
    ...(world.markersAreIntact ? [] : ["a marker has changed"]),
  ];
}
