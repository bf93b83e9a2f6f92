/** `sync continuous=true` in a world of its own, as an operator leaves it running. Waits are conditions, never times. */
import { readFileSync } from "node:fs";
import type { StatusDocument } from "../agent/mod.ts";
import type { Running, RunOptions } from "./program.ts";
import { until } from "./until.ts";
import { type Declaration, World } from "./world.ts";

/** Nothing here happens because a time has passed, unless a test says so. */
export const PATIENT = { interval: "1h", settle: "1h" };

export class RunningAgent implements AsyncDisposable {
  readonly world: World;
  readonly #running: Running;

  private constructor(
    readonly declaration: Declaration,
    world: World,
    private readonly ownsWorld: boolean,
  ) {
    this.world = world;
    this.#running = world.start("sync", "continuous=true");
  }

  /** Starts it, and waits until it has come to rest. */
  static async start(
    declaration: Declaration = {},
    make: (world: World) => void = () => undefined,
    options: RunOptions = {},
  ): Promise<RunningAgent> {
    const declared = { scan: PATIENT, ...declaration };
    const world = new World(declared);
    world.runWith(options);
    make(world);
    const agent = new RunningAgent(declared, world, true);
    await agent.rest();
    return agent;
  }

  /** Starts it in a world that is there, and waits for nothing. */
  static in(world: World): RunningAgent {
    return new RunningAgent({}, world, false);
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** The most memory that it has taken. */
  get peakMegabytes(): number {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  }

  get status(): StatusDocument | undefined {
    return this.world.statusFromFile();
  }

  rest(): Promise<unknown> {
    return until("it has come to rest", () => this.status?.agent.phase === "waiting", 30_000);
  }

  /** A file's state at a replica, in the inventory. */
  async stateOf(name: string, replica = 0): Promise<string | undefined> {
    const { files } = await this.world.explain(`${this.world.data}/${name}`);
    return files[0]?.replicas[replica]?.state;
  }

  async becomes(name: string, state: string): Promise<void> {
    await until(`${name} is ${state}`, async () => (await this.stateOf(name)) === state, 30_000);
  }

  redeclare(declaration: Declaration): void {
    this.world.declare({ ...this.declaration, ...declaration });
  }

  conditionOf(type: string): StatusDocument["conditions"][number] | undefined {
    return this.status?.conditions.find((condition) => condition.type === type);
  }

  signal(name: NodeJS.Signals): void {
    this.#running.signal(name);
  }

  async stop() {
    this.#running.signal("SIGTERM");
    return this.#running.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running.signal("SIGKILL");
    await this.#running.ended;
    if (this.ownsWorld) this.world[Symbol.dispose]();
  }
}
