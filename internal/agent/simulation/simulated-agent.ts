/** An agent in the simulation: the real controller on the real inventory, with a clock that is handed in. It can be stopped, killed and begun anew. */
import { err, ok, ResultAsync } from "neverthrow";
import { type ConfigError, type DesiredState, loadConfiguration, renderConfigError } from "../../config/mod.ts";
import type { Session } from "../../inventory/mod.ts";
import { type Agent, withAgent } from "../agent.ts";
import { type AgentError, agentErrorMessage } from "../agent-error.ts";
import { Controller } from "../controller.ts";
import type { StatusDocument } from "../status-document.ts";
import type { Task } from "../worker-protocol.ts";
import { InProcessHands } from "./in-process-hands.ts";
import type { SimulatedClock } from "./simulated-clock.ts";

/** Turns of the event loop without anything new after which everybody waits: what is under way takes another turn at least every second time. */
const QUIET_TURNS = 4;

/** From SIGTERM to the end. */
const STOP_MILLISECONDS = 5_000;

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export class SimulatedAgent {
  #hands: InProcessHands | undefined;
  #agent: Agent | undefined;
  #controller: Controller | undefined;
  #abort = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #failure: AgentError | undefined;
  #hangs: (task: Task) => Promise<void> | undefined = () => undefined;

  constructor(
    private readonly configuration: string,
    private readonly hostname: string,
    readonly clock: SimulatedClock,
    private readonly random: () => number,
  ) {}

  get isRunning(): boolean {
    return this.#controller !== undefined;
  }

  get tasks(): number {
    return this.#hands?.tasks ?? 0;
  }

  /** Of one kind. */
  tasksOf(kind: Task["kind"]): number {
    return this.#hands?.tasksOf(kind) ?? 0;
  }

  get session(): Session | undefined {
    return this.#agent?.inventory.readNow((session) => session).unwrapOr(undefined);
  }

  get state(): DesiredState | undefined {
    return this.#agent?.state;
  }

  #load(): ResultAsync<DesiredState, ConfigError> {
    const { hostname } = this;
    return loadConfiguration(this.configuration, { hostname, variables: {}, uid: 0, home: "/", exists: () => false });
  }

  /** From now on these tasks hang, until what is returned is called. */
  hang(which: (task: Task) => boolean): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hangs = (task) => (which(task) ? promise : undefined);
    return () => {
      this.#hangs = () => undefined;
      resolve();
    };
  }

  /** Begins with the configuration as it stands; it must be a good one. */
  async start(): Promise<void> {
    const state = (await this.#load())._unsafeUnwrap();
    const hands = new InProcessHands(state.database, (task) => this.#hangs(task));
    const { clock, random } = this;
    this.#hands = hands;
    this.#abort = new AbortController();
    const options = { command: "simulation", version: "0", signal: this.#abort.signal, log: SILENT, clock, random, hands };
    const ended = withAgent(state, options, (agent) => {
      this.#agent = agent;
      const controller = new Controller(agent, { load: async () => this.#load(), renderConfigError });
      this.#controller = controller;
      return new ResultAsync(controller.run().then((broken) => (broken === undefined ? ok(undefined) : err(broken))));
    });
    this.#ended = ended.match(
      () => undefined,
      (error) => {
        this.#failure = error;
      },
    );
    await this.settle();
  }

  /** The document that it would write now. */
  status(): StatusDocument | undefined {
    const status = this.#controller?.status();
    return status?.isOk() ? status.value : undefined;
  }

  reload(): Promise<void> {
    return this.#controller?.reload() ?? Promise.resolve();
  }

  /** Resolves when everybody waits: for the clock, or for ever. */
  async settle(): Promise<void> {
    await this.#quiet();
    if (this.#failure !== undefined) throw new Error(agentErrorMessage(this.#failure));
    if (this.#hands?.isKilled === true) await this.#bury();
  }

  async #quiet(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; ) {
      const before = this.#mark();
      const writing = this.#agent?.statusFile.last;
      await writing;
      await new Promise((resolve) => setImmediate(resolve));
      const isQuiet = (this.#hands?.inFlight ?? 0) === 0 && this.#mark() === before && this.#agent?.statusFile.last === writing;
      quiet = isQuiet ? quiet + 1 : 0;
    }
  }

  #mark(): number {
    return this.tasks + this.clock.changes;
  }

  /** Time goes on. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.clock.monotonicMilliseconds() + milliseconds;
    do await this.settle();
    while (this.clock.step(until));
    await this.settle();
  }

  /** As SIGTERM does it. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    let isOver = false;
    void this.#ended.then(() => {
      isOver = true;
    });
    this.#abort.abort();
    const until = this.clock.monotonicMilliseconds() + STOP_MILLISECONDS;
    while (!isOver) {
      await this.settle();
      if (!this.clock.step(until)) break;
    }
    // What is left takes no simulated time: the status file is written, which the file system does in its own.
    const late = AbortSignal.timeout(STOP_MILLISECONDS);
    while (!isOver && !late.aborted) await new Promise((resolve) => setImmediate(resolve));
    if (!isOver) throw new Error("it did not end within 5 s of SIGTERM");
    if (this.#failure !== undefined) throw new Error(agentErrorMessage(this.#failure));
    this.#controller = undefined;
    this.#agent = undefined;
    this.#hands = undefined;
    this.clock.forget();
  }

  /** As kill -9 does it, when so many more files have been begun. */
  killAfter(files: number): void {
    this.#hands?.killAfter(files);
  }

  /** As kill -9 does it, now. */
  async kill(): Promise<void> {
    this.#hands?.kill();
    await this.#bury();
  }

  async #bury(): Promise<void> {
    const hands = this.#hands;
    // What it had already begun to record is recorded: it died a moment later.
    await this.#quiet();
    this.clock.forget();
    this.#hands = undefined;
    this.#controller = undefined;
    await hands?.close();
    // The lock goes with the process; rows that were committed stay.
    this.#agent?.inventory.close();
    this.#agent = undefined;
  }
}
