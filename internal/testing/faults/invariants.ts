/** What must hold of replicas and inventory after any fault, looked at by python3. */
import { writeFileSync } from "node:fs";
import { command, python } from "../program.ts";
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
  /** Copies of quiet files that are as they are to be in the end, by their whole path, each with its inode. */
  readonly finished: Readonly<Record<string, number>>;
  /** Copies of files that moved which are not what their source was last. */
  readonly behind: readonly string[];
  /** "ok", or what SQLite finds wrong with the inventory. */
  readonly integrity: string;
}

/** The state code 1 is `current` (internal/inventory/model.ts; migrations never change it). */
const LOOK = `
import hashlib, json, os, re, sqlite3, sys
database, request = sys.argv[1], json.load(open(sys.argv[2]))
before, after, moving, folders = request["before"], request["after"], request["moving"], request["folders"]
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
    path = re.sub("^ssh://[^/]*/", "", url).rstrip("/") + "/" + host + directory + "/" + name
    if sha(path) != digest.lower() or os.path.getsize(path) != size: false.append(path)
connection.close()
torn, lost, temporary, finished, behind = [], [], [], {}, []
for root in folders:
    seen = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if re.match(r"\\.xtelemdb-[0-9a-f]{16}(-[0-9a-f]{8})?\\.part", name): temporary.append(path)
            elif "/.xtelemdb-" not in path: seen[os.path.relpath(path, root)] = sha(path)
    for path, digest in seen.items():
        whole = root + "/" + path
        if path in moving:
            if digest not in moving[path]: torn.append(whole)
        elif digest not in (before.get(path), after.get(path)): torn.append(whole)
        elif digest == after.get(path) and digest != before.get(path): finished[whole] = os.stat(whole).st_ino
    lost += [root + "/" + path for path in before if path not in seen]
    behind += [root + "/" + path for path in moving if len(moving[path]) > 1 and seen.get(path) != moving[path][-1]]
print(json.dumps(dict(torn=torn, lost=lost, falseCurrent=false, temporary=temporary, finished=finished, behind=behind,
    integrity="ok" if integrity == ["ok"] else "; ".join(integrity))))
`;

/** Looks at a world. */
export function lookAt(world: FaultWorld): Findings {
  const request = world.path("look.json");
  writeFileSync(request, JSON.stringify({ ...world.versions, folders: world.replicas }));
  return JSON.parse(command(...python(LOOK, world.database, request)));
}

export const finishedCount = ({ finished }: Findings): number => Object.keys(finished).length;

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
