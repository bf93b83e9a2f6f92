/** The work items of the benchmark. Sizes are those of the targets, times `scale`. Each checks that what it measured was done. */
import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AGENT_WORKS } from "./bench-agent.ts";
import { type Bench, type Contender, PROGRAM } from "./bench-measure.ts";
import { SSH_WORKS } from "./bench-ssh.ts";
import { count, makeLargeFiles, makeSmallFiles, own } from "./bench-trees.ts";

const find = (tree: string): Contender => ({ name: "find", command: ["find", tree, "-printf", "%p %s %T@\\n"] });

const smallSize = (index: number): number => (index * 2_654_435_761) % 4097;

function inventoryOf(bench: Bench, tree: string): void {
  bench.forget();
  bench.declare(tree, []);
  bench.must([PROGRAM, "scan"]);
}

/** An unchanged tree of `files` files, and its first inventory. */
function scanOf(bench: Bench, files: number, peers: boolean): number {
  const tree = bench.path("tree");
  makeSmallFiles(tree, files, Math.max(1, Math.round(files / 500)), () => 0);
  bench.declare(tree, []);
  bench.measure(
    `first inventory of ${count(files)} files`,
    { ...own("scan"), prepare: () => bench.forget() },
    peers ? [find(tree)] : [],
  );
  inventoryOf(bench, tree);
  bench.declare(tree, []);
  const rsync: Contender = { name: "rsync -an", command: ["rsync", "-an", `${tree}/`, `${tree}/`] };
  const { seconds } = bench.measure(`no-change sync of ${count(files)} files`, own("sync"), peers ? [find(tree), rsync] : []);
  rmSync(tree, { recursive: true });
  bench.forget();
  return seconds;
}

function scan(bench: Bench, scale: number): void {
  scanOf(bench, 500_000 * scale, true);
  scanOf(bench, 2_000_000 * scale, false);
}

/** Ten files change between two runs of the program, none before the runs that it is compared with. */
function change(bench: Bench, scale: number): void {
  const files = 1_000_000 * scale;
  const tree = bench.path("tree");
  const replica = bench.path("replica");
  makeSmallFiles(tree, files, files / 500, () => 0);
  inventoryOf(bench, tree);
  bench.declare(tree, [replica]);
  bench.must([PROGRAM, "sync"]);
  const changeTen = (): void => {
    for (let index = 0; index < 10; index++) {
      appendFileSync(join(tree, `camera${index}`, `night${index}`, `image_${String(index).padStart(9, "0")}.xrif`), "x");
    }
  };
  bench.measure(`sync of 10 changed among ${count(files)} files`, { ...own("sync"), prepare: changeTen }, [
    { ...own("sync"), name: "the no-change sync" },
  ]);
  bench.must([PROGRAM, "sync"]);
  rmSync(tree, { recursive: true });
  rmSync(replica, { recursive: true });
  bench.forget();
}

function directory(bench: Bench, scale: number): void {
  const files = 1_000_000 * scale;
  const tree = bench.path("tree");
  makeSmallFiles(tree, files, 1, () => 0);
  bench.declare(tree, []);
  bench.measure(
    `first inventory of one directory with ${count(files)} files`,
    { ...own("scan"), prepare: () => bench.forget() },
    [find(tree)],
  );
  bench.measure(`no-change sync of one directory with ${count(files)} files`, own("sync"), [find(tree)]);
  rmSync(tree, { recursive: true });
  bench.forget();
}

/** A backup of another host, which becomes known. */
function importing(bench: Bench, scale: number): void {
  const files = 500_000 * scale;
  const backup = bench.path("backup");
  const tree = join(backup, "telescope", "data");
  const data = bench.path("data");
  mkdirSync(data, { recursive: true });
  makeSmallFiles(tree, files, Math.max(1, Math.round(files / 500)), () => 0);
  bench.declare(data, [backup]);
  bench.measure(`import of ${count(files)} files`, { ...own("import_origins"), prepare: () => bench.forget() }, [find(backup)]);
  bench.forget();
  bench.must([PROGRAM, "import_origins"]);
  bench.measure(`import of ${count(files)} files that are all known`, own("import_origins"), [find(backup)]);
  for (const path of [backup, data]) rmSync(path, { recursive: true });
  bench.forget();
}

/** Three replicas, so that there are three rows of copies for every file. */
function questions(bench: Bench, scale: number): void {
  const files = 1_000_000 * scale;
  const tree = bench.path("tree");
  const replicas = [1, 2, 3].map((index) => bench.path(`replica${index}`));
  makeSmallFiles(tree, files, files / 500, () => 0);
  bench.forget();
  bench.declare(tree, replicas);
  bench.must([PROGRAM, "sync"]);
  const example = join(tree, "camera3", "night3", "image_000000003.xrif");
  for (const words of [["replica_list"], ["status"], ["explain", example]]) {
    bench.measure(`${words[0]} with ${count(files)} files and 3 replicas`, own(...words), []);
  }
  for (const path of [tree, ...replicas]) rmSync(path, { recursive: true });
  bench.forget();
}

/**
 * The program and its peers copy the same tree, each to a new folder, until it is durable. Old copies of many files are moved aside and not removed
 * before the end: ext4 avoids inodes that were just freed, and would search for others at the cost of whoever comes next.
 */
function copyWork(bench: Bench, work: string, tree: string, peers: readonly string[], keepOld: boolean): void {
  const replica = bench.path("replica");
  const target = bench.path("target");
  const old = bench.path("old");
  mkdirSync(old, { recursive: true });
  let moved = 0;
  const putAway = (path: string): void => {
    if (!existsSync(path)) return;
    if (keepOld) renameSync(path, join(old, String(++moved)));
    else rmSync(path, { recursive: true });
  };
  const commands: Readonly<Record<string, string>> = {
    "rsync -a; sync -f": `rsync -a "$1/" "$2/" && sync -f "$2"`,
    "cp -a; sync -f": `cp -a "$1/." "$2/" && sync -f "$2"`,
    "rclone sync; sync -f": `rclone sync --config /dev/null "$1" "$2" && sync -f "$2"`,
  };
  const prepare = (): void => {
    putAway(replica);
    bench.forget();
    bench.declare(tree, [replica]);
  };
  const fresh = (): void => {
    putAway(target);
    mkdirSync(target);
  };
  bench.measure(
    work,
    { ...own("sync"), prepare },
    peers.map((name) => ({ name, command: ["sh", "-c", commands[name] ?? "false", "sh", tree, target], prepare: fresh })),
  );
  bench.must(["diff", "-r", tree, `${replica}/bench${tree}`]);
  for (const path of [tree, replica, target, old]) rmSync(path, { recursive: true, force: true });
  bench.forget();
}

function small(bench: Bench, scale: number): void {
  const files = 100_000 * scale;
  const tree = bench.path("tree");
  makeSmallFiles(tree, files, files / 500, smallSize);
  const peers = ["rsync -a; sync -f", "cp -a; sync -f", "rclone sync; sync -f"];
  copyWork(bench, `first sync of ${count(files)} files of 0-4 KiB`, tree, peers, true);
}

function large(bench: Bench, scale: number): void {
  const bytes = 2 ** 30 * scale;
  const tree = bench.path("tree");
  makeLargeFiles(tree, 8, bytes);
  copyWork(
    bench,
    `first sync of 8 files of ${Math.round(bytes / 2 ** 20)} MiB`,
    tree,
    ["cp -a; sync -f", "rsync -a; sync -f"],
    false,
  );
}

function version(bench: Bench): void {
  bench.measure("version", own("version"), []);
}

export const WORKS: Readonly<Record<string, (bench: Bench, scale: number) => void | Promise<void>>> = {
  version,
  // First of those that use the disk: ext4 avoids inodes that were freed in the last five minutes, and the others remove millions.
  small,
  scan,
  change,
  directory,
  questions,
  import: importing,
  large,
  ...SSH_WORKS,
  ...AGENT_WORKS,
};
