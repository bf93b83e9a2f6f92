/** The world of a sweep: half way between two states, so that one `sync` makes new copies, replaces copies, keeps those of deleted files, and writes manifests. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command } from "../program.ts";
import { filesOf, readTree } from "../tree.ts";
import { HOST, MARKER, World } from "../world.ts";

const REPLICAS = ["backup", "second"] as const;
const PARTS = ["data", "state", ...REPLICAS] as const;

/** Every file's contents, by its path below a replica's root: before, and as they are to be in the end. */
export interface Versions {
  readonly before: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<string, string>>;
}

export class FaultWorld extends World {
  versions: Versions = { before: {}, after: {} };
  #markers: readonly string[] = [];

  private constructor() {
    super({ replicas: [...REPLICAS] });
    this.declare({ replicas: [...REPLICAS], scan: { max_loss: "100%" } });
  }

  static async make(): Promise<FaultWorld> {
    const world = new FaultWorld();
    world.files(
      ...Array.from({ length: 8 }, (_, index) => ({ path: `d${index % 3}/${index}`, size: 700 * index, seed: index })),
      { path: "gone/1", content: "to be deleted" },
      { path: "d1/gone", content: "to be deleted, too" },
    );
    const first = await world.sync();
    if (first.code !== 0) throw new Error(`the world of faults cannot be made: ${first.stdout}${first.stderr}`);
    const before = world.#expected();
    rmSync(world.path("data/gone"), { recursive: true });
    rmSync(world.path("data/d1/gone"));
    world.files(
      ...[1, 2, 5].map((index) => ({ path: `d${index % 3}/${index}`, size: 900 * index, seed: 100 + index })),
      ...Array.from({ length: 5 }, (_, index) => ({ path: `new/deep/${index}`, size: 5000 * index, seed: 200 + index })),
      { path: "large", size: 3 << 20, seed: 300 },
    );
    world.versions = { before, after: { ...before, ...world.#expected() } };
    world.#markers = world.#readMarkers();
    mkdirSync(world.path("template"));
    for (const part of PARTS) copyTree(world.path(part), join(world.path("template"), part));
    return world;
  }

  get replicas(): readonly string[] {
    return REPLICAS.map((name) => this.path(name));
  }

  /** How many copies one sync has to make. */
  get pending(): number {
    const { before, after } = this.versions;
    return Object.keys(after).filter((path) => after[path] !== before[path]).length * REPLICAS.length;
  }

  get markersAreIntact(): boolean {
    return JSON.stringify(this.#readMarkers()) === JSON.stringify(this.#markers);
  }

  /** As it was made. */
  reset(): void {
    for (const part of PARTS) {
      rmSync(this.path(part), { recursive: true, force: true });
      copyTree(join(this.path("template"), part), this.path(part));
    }
    rmSync(this.statusFile, { force: true });
  }

  #expected(): Record<string, string> {
    const files = filesOf(readTree(this.data));
    const prefix = `${HOST}${this.data}/`;
    return Object.fromEntries(Object.keys(files).map((path) => [prefix + path, sha256(join(this.data, path))]));
  }

  #readMarkers(): string[] {
    return this.replicas.map((root) => readFileSync(join(root, MARKER), "utf8"));
  }
}

/** Times to the nanosecond, holes, owners: node's own copying keeps less. */
const copyTree = (from: string, to: string): unknown => command("cp", "-a", from, to);

const sha256 = (path: string): string => new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
