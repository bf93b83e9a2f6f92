/** A world whose runs take long enough to be disturbed in the middle: copies that are there, copies to be replaced, copies to be made, at two replicas. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FileDescription } from "../tree.ts";
import { type Declaration, World } from "../world.ts";
import { type Looked, lawsBroken, lookAtWorld } from "./look.ts";

const FOLDERS = 4;
const FILES = 48;
const SMALL = 20_000;
const LARGE = 600_000;

const sizeOf = (index: number): number => (index % 12 === 5 ? LARGE : SMALL + index * 7);

const filesOfRound = (round: number, of: (index: number) => boolean): FileDescription[] =>
  Array.from({ length: FILES }, (_, index) => index)
    .filter(of)
    .map((index) => ({ path: `d${index % FOLDERS}/${index}`, size: sizeOf(index), seed: round * 1000 + index }));

const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

export class SmallWorld extends World {
  readonly #versions = new Set<string>();
  #known: readonly string[] = [];

  /** Half of the files: before anything goes wrong. */
  before(): void {
    this.make(filesOfRound(0, (index) => index % 2 === 0));
  }

  /** The others, and new contents of some: what the run that is disturbed has to do. */
  after(): void {
    this.make([...filesOfRound(0, (index) => index % 2 === 1), ...filesOfRound(1, (index) => index % 8 === 0)]);
  }

  /** New contents of some that the disturbed run was to copy, whether it had come to them or not. */
  rewrite(): void {
    this.make(filesOfRound(2, (index) => index % 6 === 1));
  }

  make(files: readonly FileDescription[], folder = "data"): void {
    this.makeTree(folder, files);
    for (const { path } of files) this.#versions.add(sha256(`${this.path(folder)}/${path}`));
  }

  /** `places`: where the replicas are seen now, by their roots; the copies that are there must be there at the next look. */
  look(places: Readonly<Record<string, string>>): Looked {
    const looked = lookAtWorld(this, {
      versions: [...this.#versions],
      places,
      known: this.#known.filter((path) => isBelow(path, places)),
    });
    const kept = this.#known.filter((path) => !isBelow(path, places));
    this.#known = [...kept, ...Object.keys(looked.copies)];
    return looked;
  }
}

const isBelow = (path: string, places: Readonly<Record<string, string>>): boolean =>
  Object.values(places).some((root) => path.startsWith(`${root}/`));

/** In the end everything is everywhere, once, and nothing is left behind. `before`: what was published when the disturbed run ended. */
export async function notHealed(
  world: SmallWorld,
  places: Readonly<Record<string, string>>,
  before: Looked,
  declaration: Declaration,
): Promise<string[]> {
  world.declare(declaration);
  const outcome = await world.run("sync", "--json");
  if (outcome.code !== 0) {
    const events = await world.run("events");
    const said = `${outcome.stdout.slice(0, 1500)}${outcome.stderr.slice(0, 300)}${events.stdout.slice(0, 1500)}`;
    return [`the next sync ends with ${outcome.code}: ${said}`];
  }
  const healed = world.look(places);
  const origin = Object.entries(world.tree("data").entries().toArray()).flatMap(([, [path, { kind, sha256: digest }]]) =>
    kind === "file" ? [[path, digest] as const] : [],
  );
  const missing = Object.values(places).flatMap((root) =>
    origin
      .filter(([path, digest]) => healed.copies[`${root}/exao1${world.data}/${path}`]?.[1] !== digest)
      .map(([path]) => `not as its source at ${root}: ${path}`),
  );
  const twice = Object.entries(before.copies)
    .filter(([path, [inode, digest]]) => healed.copies[path]?.[1] === digest && healed.copies[path]?.[0] !== inode)
    .map(([path]) => `copied again: ${path}`);
  const failures = [...lawsBroken(healed), ...healed.temporary.map((path) => `left behind: ${path}`), ...missing, ...twice];
  const again = await world.syncSummary();
  if (again.code !== 0 || again.copied.files > 0 || again.adopted.files > 0)
    failures.push(`a run with nothing to do ends with ${again.code}, copies ${again.copied.files}`);
  return failures;
}
