/**
 * A night in the simulation: the real controller, the real copy code and real files, with simulated time. After every step everybody comes to rest and the
 * invariants are checked; in the end all trouble is lifted, and everything must converge within some hours.
 *
 * Left out: the watch (the kernel tells of changes in its own time, so that a night would not be the same twice; it has tests of its own) and the workers'
 * threads (the same work is done in this one).
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Scratch } from "../../testing/mod.ts";
import { explain } from "../explain.ts";
import { Destinations, REPLICAS, type ReplicaName } from "./destinations.ts";
import { Instrument } from "./instrument.ts";
import { filesBelow, Invariants, temporaryFiles } from "./invariants.ts";
import { SimulatedAgent } from "./simulated-agent.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import type { Step } from "./steps.ts";

type Lasting = Extract<Step, { kind: "wait" | "jump" | "reboot" | "kill" | "edit" }>;
/** What takes no time. */
type Momentary = Exclude<Step, Lasting>;

/** Done by the instrument, or by who works with its files. */
type Observed = Extract<Step, { file: number } | { bytes: number }>;
const isObserved = (step: Momentary): step is Observed => "file" in step || "bytes" in step;

const EVENING = Date.parse("2026-11-01T22:00:00Z");
/** The rest of a night, when nothing happens any more, is looked at so often. */
const REST_MILLISECONDS = 3_600_000;
const HOST = "exao1";
/** From the end of all trouble: full scans every ten minutes, and failed files within little more than an hour. */
const CONVERGED_WITHIN_HOURS = 4;
const FULL_SCAN_MILLISECONDS = 700_000;
const SAID_AFTER_MILLISECONDS = 1_001;

/** Good configurations. The last one is that of the end. */
const VARIANTS: readonly { readonly replicas: readonly ReplicaName[]; readonly scan: Readonly<Record<string, string>> }[] = [
  { replicas: REPLICAS, scan: { settle: "10s", max_wait: "1h" } },
  { replicas: ["disk", "far"], scan: { settle: "10s", max_wait: "10m" } },
  { replicas: ["small", "far"], scan: { settle: "30s", max_wait: "1h" } },
  { replicas: ["disk"], scan: { settle: "1s", max_wait: "20s" } },
];

/** Numbers of 0 up to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs one night; throws at the first thing that is wrong. `until`: milliseconds; nothing happens between the last step and then. */
export async function simulate(steps: readonly Step[], seed: number, until: number): Promise<void> {
  using scratch = new Scratch();
  const night = new SimulatedNight(scratch.folder, seed);
  try {
    await night.run(steps, until);
  } finally {
    await night.close();
  }
}

class SimulatedNight {
  readonly #clock = new SimulatedClock(EVENING);
  readonly #instrument: Instrument;
  readonly #destinations: Destinations;
  readonly #invariants: Invariants;
  readonly #agent: SimulatedAgent;
  readonly #configuration: string;

  constructor(
    private readonly folder: string,
    seed: number,
  ) {
    this.#configuration = join(folder, "xtelemdb.toml");
    this.#instrument = new Instrument(join(folder, "data"), this.#clock);
    this.#destinations = new Destinations(folder);
    this.#invariants = new Invariants(this.#instrument, this.#destinations);
    this.#agent = new SimulatedAgent(this.#configuration, HOST, this.#clock, randomOf(seed));
    this.#declare(0);
  }

  async run(steps: readonly Step[], until: number): Promise<void> {
    await this.#agent.start();
    for (const [index, step] of steps.entries()) await this.#takeAndCheck(step, `after step ${index}, ${JSON.stringify(step)}`);
    while (this.#clock.monotonicMilliseconds() < until)
      await this.#takeAndCheck({ kind: "wait", seconds: REST_MILLISECONDS / 1000 }, "when nothing happened any more");
    await this.#end();
  }

  async #takeAndCheck(step: Step, when: string): Promise<void> {
    await this.#take(step);
    if (!this.#agent.isRunning) await this.#agent.start();
    // What is said is brought up to date once a second.
    await this.#agent.pass(SAID_AFTER_MILLISECONDS);
    if (this.#agent.isRunning) this.#check(when);
  }

  async close(): Promise<void> {
    if (this.#agent.isRunning) await this.#agent.kill();
    this.#instrument.close();
    this.#destinations.close();
  }

  #declare(variant: number, scan: Readonly<Record<string, string>> = {}): void {
    const { replicas, scan: own } = VARIANTS[variant % VARIANTS.length] ?? { replicas: REPLICAS, scan: {} };
    const keys = { interval: "10m", max_loss: "60%", ...own, ...scan };
    const lines = [
      `hostname = "${HOST}"`,
      `database = "${join(this.folder, "inventory.db")}"`,
      `status_file = "${join(this.folder, "status.json")}"`,
      "[scan]",
      "watch = false",
      ...Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
      `[hosts.${HOST}]`,
      `data_dirs = [${JSON.stringify(this.#instrument.folder)}]`,
      ...replicas.map((name) => `[replicas.${JSON.stringify(this.#destinations.urlOf(name))}]`),
    ];
    writeFileSync(this.#configuration, `${lines.join("\n")}\n`);
  }

  async #take(step: Step): Promise<void> {
    const agent = this.#agent;
    switch (step.kind) {
      case "wait":
        return agent.pass(step.seconds * 1000);
      case "jump":
        this.#clock.jump(step.seconds * 1000);
        this.#invariants.forgetTransitions();
        return agent.pass(31_000);
      case "reboot":
        // The host goes down hard, and comes up with another time: its clock had no battery.
        await agent.kill();
        this.#clock.jump(step.seconds * 1000);
        this.#invariants.forgetTransitions();
        return agent.start();
      case "kill":
        agent.killAfter(step.files);
        await agent.pass(700_000);
        return agent.isRunning ? agent.kill() : undefined;
      case "restart":
        await agent.stop();
        return agent.start();
      case "edit":
        this.#declare(step.variant);
        return agent.reload();
      case "bad-edit":
        writeFileSync(this.#configuration, `${readFileSync(this.#configuration, "utf8")}settl = 3\n`);
        await agent.reload();
        await agent.settle();
        // What cannot be loaded cannot be begun with either: the operator mends it.
        this.#declare(0);
        return agent.reload();
      default:
        this.#happen(step);
    }
  }

  #happen(step: Momentary): void {
    const destinations = this.#destinations;
    const { kind } = step;
    if (isObserved(step)) {
      // Nobody writes where nothing is mounted.
      if (!this.#instrument.isHidden) this.#observe(step);
    } else if (kind === "hide") this.#instrument.hide();
    else if (kind === "show") this.#instrument.show();
    else if (kind === "pull" || kind === "swap") destinations.pullDisk(kind === "swap");
    else if (kind === "return") destinations.returnDisk();
    else if (kind === "fill") destinations.fillSmall();
    else if (kind === "free") destinations.freeSmall();
    else if (kind === "away") destinations.farGoesAway();
    else if (kind === "back") destinations.farComesBack();
  }

  /** What the instrument does, and who works with its files. */
  #observe(step: Observed): void {
    const instrument = this.#instrument;
    if (step.kind === "create") instrument.create(step.directory, step.bytes);
    else if (step.kind === "begin") instrument.begin(step.bytes);
    else if (step.kind === "append" || step.kind === "finish") {
      const open = instrument.open(step.file);
      if (open === undefined) return;
      if (step.kind === "append") instrument.append(open, step.bytes + 1);
      else instrument.finish(open);
    } else {
      const closed = instrument.closed(step.file);
      if (closed === undefined) return;
      if (step.kind === "rewrite") instrument.rewrite(closed, step.bytes);
      else if (step.kind === "remove") instrument.remove(closed);
      else if (step.kind === "rename") instrument.rename(closed);
      else this.#plant(closed.name);
    }
  }

  /** Somebody puts a file where a copy is to be. */
  #plant(name: string): void {
    const path = join(this.#destinations.volumeOf("disk"), HOST, this.#instrument.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    try {
      writeFileSync(path, "somebody else's", { flag: "wx" });
    } catch {
      // The copy is there already: nobody's way is barred.
      return;
    }
    this.#invariants.foreign.set(`disk/${name}`, "somebody else's");
  }

  #check(when: string): void {
    const { session } = this.#agent;
    const problems = this.#invariants.problems(session, this.#agent.status(), this.#clock.now());
    if (problems.length > 0) throw new Error(`${when}:\n  ${problems.join("\n  ")}`);
  }

  /** All trouble is lifted; nothing is left to wait for but the agent. */
  async #end(): Promise<void> {
    this.#instrument.show();
    this.#destinations.returnDisk();
    this.#destinations.freeSmall();
    this.#destinations.farComesBack();
    this.#instrument.close();
    for (const [place] of this.#invariants.foreign) {
      const name = place.slice("disk/".length);
      rmSync(join(this.#destinations.volumeOf("disk"), HOST, this.#instrument.folder, name));
    }
    const moved = new Invariants(this.#instrument, this.#destinations);
    // What was removed was removed: the operator has looked.
    this.#declare(0, { max_loss: "100%" });
    await this.#agent.reload();
    const until = this.#clock.monotonicMilliseconds() + CONVERGED_WITHIN_HOURS * 3_600_000;
    // What happened last is seen by a full scan.
    await this.#agent.pass(FULL_SCAN_MILLISECONDS);
    while (this.#agent.status()?.converged !== true && this.#clock.monotonicMilliseconds() < until)
      await this.#agent.pass(300_000);
    await this.#explainPending();
    const problems = moved.problems(this.#agent.session, this.#agent.status(), this.#clock.now());
    for (const replica of REPLICAS) problems.push(...this.#differences(replica, moved));
    if (this.#agent.status()?.converged !== true)
      problems.push(`not converged: ${JSON.stringify(this.#agent.status(), null, 1)}`);
    if (problems.length > 0) throw new Error(`at the end:\n  ${problems.join("\n  ")}`);
    await this.#agent.stop();
  }

  /** Law 7. */
  async #explainPending(): Promise<void> {
    const { state } = this.#agent;
    if (state === undefined) return;
    for (const { name } of this.#instrument.existing) {
      const explained = (await explain(state, `${this.#instrument.folder}/${name}`))._unsafeUnwrap();
      const silent = explained.files
        .flatMap(({ replicas }) => replicas)
        .find(({ pending, message }) => pending && message === "");
      if (silent !== undefined) throw new Error(`${name} is pending at ${silent.url} without a reason`);
    }
  }

  #differences(replica: ReplicaName, invariants: Invariants): string[] {
    const left = temporaryFiles(this.#destinations.volumeOf(replica)).map((path) => `${replica}: ${path} is left`);
    const there = new Set(filesBelow(join(this.#destinations.volumeOf(replica), HOST, this.#instrument.folder)));
    const missing = this.#instrument.existing.flatMap((file) => {
      if (!there.has(file.name)) return [`${replica}: ${file.name} is missing`];
      return file.contents.at(-1)?.equals(readFileSync(invariants.copyOf(replica, file)))
        ? []
        : [`${replica}: ${file.name} is old`];
    });
    return [...left, ...missing];
  }
}
