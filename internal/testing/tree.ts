/**
 * Trees of files, made and read back. Names are bytes and times whole nanoseconds. A path below a root is a string with one character a byte (Latin-1), so that every name can be
 * written, compared and shown. What node:fs cannot do (times to be set, holes, pipes) is left to python3, which takes a tenth of a second to start.
 */
import {
  type BigIntStats,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { command, python } from "./program.ts";

export interface FileDescription {
  /** Below the root; text is encoded as UTF-8. */
  readonly path: string | Uint8Array;
  readonly content?: string;
  /** Bytes of pseudo-random content; the same seed gives the same bytes. */
  readonly size?: number;
  readonly seed?: number;
  /** True: `size` bytes of which all but a few stretches are holes. */
  readonly sparse?: boolean;
  /** Nanoseconds since 1970. */
  readonly mtime?: bigint;
  readonly mode?: number;
  readonly kind?: "file" | "directory" | "fifo";
  /** Makes a symbolic link to this. */
  readonly target?: string;
}

export interface TreeEntry {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly size: number;
  readonly mode: number;
  readonly mtime: bigint;
  readonly inode: number;
  /** Allocated bytes. */
  readonly allocated: number;
  readonly uid: number;
  /** Of the contents; "" for what is no file. */
  readonly sha256: string;
}

/** By path. */
export type Tree = ReadonlyMap<string, TreeEntry>;

const ask = (script: string, input: unknown): string => {
  const done = Bun.spawnSync(python(script), { stdin: Buffer.from(JSON.stringify(input)), stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`python3: ${done.stderr}`);
  return done.stdout.toString();
};

const MAKE = `
import json, os, random, sys
request = json.load(sys.stdin)
root = request["root"].encode("latin-1")
block = None
for file in request["files"]:
    path = os.path.join(root, file["path"].encode("latin-1"))
    kind = file.get("kind", "file")
    parent = os.path.dirname(path)
    os.makedirs(parent, exist_ok=True)
    if "target" in file: os.symlink(file["target"].encode(), path); continue
    if kind == "directory": os.makedirs(path, exist_ok=True)
    elif kind == "fifo": os.mkfifo(path)
    else:
        size, source = file.get("size", 0), random.Random(file.get("seed", 0))
        with open(path, "wb") as out:
            if "content" in file: out.write(file["content"].encode())
            elif file.get("sparse"):
                out.truncate(size)
                for at in (size // 3, size - 5000): out.seek(at); out.write(source.randbytes(5000))
            else:
                block = source.randbytes(min(size, 1 << 20))
                for at in range(0, size, 1 << 20): out.write(block[:min(len(block), size - at)])
    if "mode" in file: os.chmod(path, file["mode"])
    if "mtime" in file: os.utime(path, ns=(0, int(file["mtime"])))
`;

const latin = (path: string | Uint8Array): string => Buffer.from(path).toString("latin1");

const BLOCK_BYTES = 1 << 20;

/** xorshift32 (Marsaglia 2003): the same seed gives the same bytes. */
function pseudoRandom(bytes: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = (Math.imul(seed + 1, 0x9e3779b1) >>> 0) | 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer, 0, bytes);
}

function contentOf({ content, size = 0, seed = 0 }: FileDescription): Buffer {
  if (content !== undefined) return Buffer.from(content);
  const block = pseudoRandom(Math.min(size, BLOCK_BYTES), seed);
  if (size <= BLOCK_BYTES) return block;
  const whole = Buffer.alloc(size);
  for (let at = 0; at < size; at += block.length) block.copy(whole, at);
  return whole;
}

const SLASH = "/".charCodeAt(0);

function makeOne(root: string, file: FileDescription): void {
  const path = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(file.path)]);
  mkdirSync(path.subarray(0, path.lastIndexOf(SLASH)), { recursive: true });
  if (file.target !== undefined) symlinkSync(file.target, path);
  else if (file.kind === "directory") mkdirSync(path, { recursive: true });
  else writeFileSync(path, contentOf(file));
  if (file.mode !== undefined) chmodSync(path, file.mode);
}

const isForPython = ({ kind, sparse, mtime }: FileDescription): boolean =>
  kind === "fifo" || sparse === true || mtime !== undefined;

/** Makes files, and the directories they lie in. A file that is there is written anew. */
export function makeTree(root: string, files: readonly FileDescription[]): void {
  if (!files.some(isForPython)) {
    for (const file of files) makeOne(root, file);
    return;
  }
  const described = files.map((file) => ({
    ...file,
    path: latin(file.path),
    ...(file.mtime === undefined ? {} : { mtime: String(file.mtime) }),
  }));
  ask(MAKE, { root: latin(root), files: described });
}

const READ = `
import hashlib, json, os, stat, sys
root = json.load(sys.stdin)["root"].encode("latin-1")
def digest(path, size):
    # Reads what is data and counts holes as the zeros that they stand for.
    hasher, zeros, at = hashlib.sha256(), bytes(1 << 20), 0
    with open(path, "rb", buffering=0) as file:
        while at < size:
            try: data = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError: data = size
            while at < data: step = min(len(zeros), data - at); hasher.update(zeros[:step]); at += step
            if at >= size: break
            end = min(size, os.lseek(file.fileno(), at, os.SEEK_HOLE))
            os.lseek(file.fileno(), at, os.SEEK_SET)
            while at < end:
                read = file.read(min(1 << 20, end - at))
                if not read: return "ended early"
                hasher.update(read); at += len(read)
    return hasher.hexdigest()
def walk(folder, prefix):
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path, stats = prefix + entry.name, entry.stat(follow_symlinks=False)
        kind = ("file" if stat.S_ISREG(stats.st_mode) else "directory" if stat.S_ISDIR(stats.st_mode)
                else "symlink" if stat.S_ISLNK(stats.st_mode) else "other")
        print(json.dumps([path.decode("latin-1"), kind, stats.st_size, stat.S_IMODE(stats.st_mode), str(stats.st_mtime_ns), stats.st_ino,
            stats.st_blocks * 512, stats.st_uid, digest(entry.path, stats.st_size) if kind == "file" else ""]))
        if kind == "directory": walk(entry.path, path + b"/")
if os.path.isdir(root): walk(root, b"")
`;

const kindOf = (stats: BigIntStats): TreeEntry["kind"] =>
  stats.isFile() ? "file" : stats.isDirectory() ? "directory" : stats.isSymbolicLink() ? "symlink" : "other";

/** Larger files, which may be holes for the most part, are read by python3. */
const MOST_BYTES = 16 << 20;

/** False: there are files that are too large for this. */
function readBelow(folder: Buffer, prefix: string, tree: Map<string, TreeEntry>): boolean {
  for (const name of readdirSync(folder, { encoding: "buffer" }).toSorted(Buffer.compare)) {
    const path = Buffer.concat([folder, Buffer.from("/"), name]);
    const stats = lstatSync(path, { bigint: true });
    const kind = kindOf(stats);
    const size = Number(stats.size);
    if (kind === "file" && size > MOST_BYTES) return false;
    const below = `${prefix}${name.toString("latin1")}`;
    tree.set(below, {
      kind,
      size,
      mode: Number(stats.mode) & 0o7777,
      mtime: stats.mtimeNs,
      inode: Number(stats.ino),
      allocated: Number(stats.blocks) * 512,
      uid: Number(stats.uid),
      sha256: kind === "file" ? new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex") : "",
    });
    if (kind === "directory" && !readBelow(path, `${below}/`, tree)) return false;
  }
  return true;
}

/** Everything below a root; empty when there is no such folder. */
export function readTree(root: string): Tree {
  const tree = new Map<string, TreeEntry>();
  if (!existsSync(root) || !statSync(root).isDirectory()) return tree;
  return readBelow(Buffer.from(root), "", tree) ? tree : readLargeTree(root);
}

function readLargeTree(root: string): Tree {
  const tree = new Map<string, TreeEntry>();
  for (const line of ask(READ, { root: latin(root) }).split("\n")) {
    if (line === "") continue;
    const [path, kind, size, mode, mtime, inode, allocated, uid, sha256] = JSON.parse(line);
    tree.set(path, { kind, size, mode, mtime: BigInt(mtime), inode, allocated, uid, sha256 });
  }
  return tree;
}

/** What a copy must have in common with its source, for every file: path, size, mode, modification time, contents. */
export function filesOf(tree: Tree): Record<string, string> {
  const files: Record<string, string> = {};
  for (const [path, { kind, size, mode, mtime, sha256 }] of tree) {
    if (kind === "file") files[path] = `${size} bytes, mode ${mode.toString(8)}, mtime ${mtime}, ${sha256}`;
  }
  return files;
}

/** The files below a root that bear the name of a temporary file. */
export const temporaryFiles = (root: string): string[] =>
  command("find", root, "-name", ".xtelemdb-*.part*", "-printf", "%P\\n").split("\n").filter(Boolean);
