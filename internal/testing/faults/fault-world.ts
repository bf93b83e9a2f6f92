/** The world of a sweep: half way between two states, so that one `sync` makes new copies, replaces copies, keeps those of deleted files, meets files that move, and writes manifests. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../program.ts";
import { filesOf, readTree } from "../tree.ts";
import { until } from "../until.ts";
import { HOST, MARKER, World } from "../world.ts";
import { FAR_CALLS, FAR_TRACE, type FarTrace, farScript, readFarTraces } from "./far-end-trace.ts";
import { GROWS, GROWS_LATER, MovingFiles, VANISHES } from "./moving-files.ts";
import type { Scene } from "./scene.ts";

const REPLICAS = ["backup", "second"] as const;
const FAR_HOST = "exao2";
const PARTS = ["data", "far-data", "state", ...REPLICAS] as const;
const MOVING = new Set([GROWS, GROWS_LATER, VANISHES]);

/** Every quiet file's contents, by its path below a replica's root: before, and as they are to be in the end. */
export interface Versions {
  readonly before: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<string, string>>;
  /** Of files that move: everything that they have been. */
  readonly moving: Readonly<Record<string, readonly string[]>>;
}

export class FaultWorld extends World {
  #before: Versions["before"] = {};
  #after: Versions["after"] = {};
  #markers: readonly string[] = [];
  #moving: MovingFiles | undefined;

  private constructor(readonly scene: Scene) {
    super({ replicas: [...REPLICAS] });
    mkdirSync(this.path("far-data"));
    const far = `ssh://far/${this.path("second")}/`;
    // What could not be sent is known by the answer that does not come.
    const keys = { connections: 2, timeout: "4s" };
    if (scene === "local") this.declare({ replicas: [...REPLICAS], scan: { max_loss: "100%" } });
    else {
      this.declare({
        hosts: { [HOST]: ["data"], [FAR_HOST]: ["far-data"] },
        hostKeys: { [FAR_HOST]: { address: "ssh://far", ...keys } },
        replicas: ["backup", far],
        replicaKeys: { [far]: keys },
        scan: { max_loss: "100%" },
      });
      writeFileSync(this.path("ssh"), farScript(this.folder), { mode: 0o755 });
      this.runWith({ environment: { XTELEMDB_SSH: this.path("ssh") } });
    }
  }

  static async make(scene: Scene = "local"): Promise<FaultWorld> {
    const world = new FaultWorld(scene);
    const trees = scene === "local" ? ["data"] : ["data", "far-data"];
    for (const tree of trees) world.makeTree(tree, filesBefore(tree));
    const first = await world.sync();
    if (first.code !== 0) throw new Error(`the world of faults cannot be made: ${first.stdout}${first.stderr}`);
    world.#before = world.#expected(trees);
    for (const tree of trees) {
      for (const gone of ["gone/1", "d1/gone"]) rmSync(world.path(`${tree}/${gone}`));
      world.makeTree(tree, filesAfter(tree));
    }
    const { before, after } = { before: world.#before, after: world.#expected(trees) };
    world.#after = { ...before, ...after };
    for (const tree of trees)
      world.makeTree(
        tree,
        [...MOVING].map((path) => ({ path, content: `${path} of ${tree}\n` })),
      );
    world.#markers = world.#readMarkers();
    mkdirSync(world.path("template"));
    for (const part of PARTS) copyTree(world.path(part), join(world.path("template"), part));
    world.reset();
    return world;
  }

  /** The folders of the replicas. */
  get replicas(): readonly string[] {
    return REPLICAS.map((name) => this.path(name));
  }

  get versions(): Versions {
    const vanishing = Object.fromEntries(
      this.#dataDirectories().map(({ path, place }) => [
        `${place}/${VANISHES}`,
        [textSha256(`${VANISHES} of ${path.split("/").at(-1)}\n`)],
      ]),
    );
    return { before: this.#before, after: this.#after, moving: { ...vanishing, ...this.#moving?.versions } };
  }

  /** The copies of quiet files that one sync has to make, by their path below a replica's root. */
  get pendingPlaces(): readonly string[] {
    return Object.keys(this.#after).filter((path) => this.#after[path] !== this.#before[path]);
  }

  /** How many copies of quiet files one sync has to make. */
  get pending(): number {
    return this.pendingPlaces.length * REPLICAS.length;
  }

  get markersAreIntact(): boolean {
    return JSON.stringify(this.#readMarkers()) === JSON.stringify(this.#markers);
  }

  /** The origin path of a place below a replica's root. */
  originPath(place: string): string {
    return place.slice(place.indexOf("/"));
  }

  /** As it was made. */
  reset(): void {
    for (const part of PARTS) rmSync(this.path(part), { recursive: true, force: true });
    command("cp", "-a", ...PARTS.map((part) => join(this.path("template"), part)), this.folder);
    rmSync(this.statusFile, { force: true });
    for (const name of ["servers", FAR_TRACE, FAR_CALLS]) rmSync(this.path(name), { force: true, recursive: true });
    this.#moving = new MovingFiles(this.#dataDirectories());
  }

  /** Goes on to where nothing is pending any more, and is as it is there from the next reset on. */
  async converge(): Promise<void> {
    const synced = await this.sync();
    if (synced.code !== 0) throw new Error(`the world does not converge: ${synced.stdout}${synced.stderr}`);
    for (const part of PARTS) {
      rmSync(join(this.path("template"), part), { recursive: true });
      copyTree(this.path(part), join(this.path("template"), part));
    }
  }

  /** Folders of the world that are there and empty from now on. */
  emptyFolders(...names: readonly string[]): void {
    for (const name of names) {
      rmSync(this.path(name), { recursive: true, force: true });
      mkdirSync(this.path(name));
    }
  }

  /** Temporary files beside the configuration and the status file. */
  leftBesideConfiguration(): readonly string[] {
    return readdirSync(this.folder).filter((name) => /\.(?:part|tmp)$/.test(name));
  }

  /** From now on files move, until `stopMoving`. */
  startMoving(seed: number): void {
    this.#moving?.begin(seed);
  }

  stopMoving(): void {
    this.#moving?.end();
  }

  /** The far end's servers that begin from now on are traced in this way; undefined: they are left alone. */
  traceFarEnd(options: string | undefined): void {
    if (options === undefined) rmSync(this.path(FAR_TRACE), { force: true });
    else writeFileSync(this.path(FAR_TRACE), options);
  }

  /** What the far end's servers have called, when all of them have ended. */
  async farEnd(): Promise<FarTrace> {
    if (!existsSync(this.path("servers"))) return { threads: [] };
    const pids = readFileSync(this.path("servers"), "utf8").split("\n").filter(Boolean);
    await until("the far end's servers have ended", () => pids.every((pid) => !isRunning(pid)));
    return await readFarTraces(this.path(FAR_CALLS));
  }

  #dataDirectories(): readonly { readonly path: string; readonly place: string }[] {
    const near = { path: this.data, place: `${HOST}${this.data}` };
    const far = { path: this.path("far-data"), place: `${FAR_HOST}${this.path("far-data")}` };
    return this.scene === "local" ? [near] : [near, far];
  }

  #expected(trees: readonly string[]): Record<string, string> {
    return Object.fromEntries(
      this.#dataDirectories()
        .filter(({ path }) => trees.some((tree) => this.path(tree) === path))
        .flatMap(({ path, place }) =>
          Object.keys(filesOf(readTree(path))).map((name) => [`${place}/${name}`, sha256(join(path, name))]),
        ),
    );
  }

  #readMarkers(): string[] {
    return this.replicas.map((root) => readFileSync(join(root, MARKER), "utf8"));
  }
}

function filesBefore(tree: string) {
  const few = tree === "data" ? 8 : 4;
  return [
    ...Array.from({ length: few }, (_, index) => ({ path: `d${index % 3}/${index}`, size: 700 * index, seed: index })),
    { path: "gone/1", content: "to be deleted" },
    { path: "d1/gone", content: "to be deleted, too" },
  ];
}

function filesAfter(tree: string) {
  const [changed, added] = tree === "data" ? [[1, 2, 5], 5] : [[1, 2], 2];
  return [
    ...changed.map((index) => ({ path: `d${index % 3}/${index}`, size: 900 * index, seed: 100 + index })),
    ...Array.from({ length: added }, (_, index) => ({ path: `new/deep/${index}`, size: 5000 * index, seed: 200 + index })),
    { path: "large", size: 3 << 20, seed: 300 },
  ];
}

function isRunning(pid: string): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

/** Times to the nanosecond, holes, owners: node's own copying keeps less. */
const copyTree = (from: string, to: string): unknown => command("cp", "-a", from, to);

const sha256 = (path: string): string => new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
const textSha256 = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");
