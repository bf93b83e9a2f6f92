/** Data directories that hang while files are copied from them, by hands that say so when a test wants it: real files, a real inventory, a clock that is handed in. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { ResultAsync } from "neverthrow";
import { type DesiredState, parseConfiguration } from "../config/mod.ts";
import { makeTree, Scratch, until } from "../testing/mod.ts";
import { type Agent, withAgent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { unpackGroup } from "./copy-messages.ts";
import { explain } from "./explain.ts";
import type { Hands, StalledReply, TaskHandlers } from "./hands.ts";
import { originPlace } from "./held-up.ts";
import { HostsAway } from "./hosts-away.ts";
import { OriginLoop } from "./origin-loop.ts";
import { reconcile } from "./reconcile.ts";
import { InProcessHands } from "./simulation/in-process-hands.ts";
import { SimulatedClock } from "./simulation/simulated-clock.ts";
import type { Reply, Task } from "./worker-protocol.ts";

const HOST = "exao1";
const DETAIL = "a worker has made no progress for 300 s (copy)";
const SOON = 10_000;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** What is done in the place of a task; undefined: the task. */
type Instead = (task: Task) => Promise<StalledReply | undefined>;

class HangingHands implements Hands {
  readonly tasks: Task[] = [];
  instead: Instead = async () => undefined;

  constructor(private readonly inner: Hands) {}

  async run(task: Task, handlers?: TaskHandlers): Promise<Reply | StalledReply> {
    this.tasks.push(task);
    return (await this.instead(task)) ?? this.inner.run(task, handlers);
  }

  stop(): void {
    this.inner.stop();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

class HangingWorld extends Scratch {
  readonly clock = new SimulatedClock(Date.parse("2026-11-01T22:00:00.000Z"));
  readonly hands: HangingHands;
  readonly state: DesiredState;
  readonly #stop = new AbortController();

  constructor(readonly folders: readonly string[]) {
    super();
    mkdirSync(this.path("backup"));
    for (const folder of folders) mkdirSync(this.path(folder));
    const text = `hostname = "${HOST}"\ndatabase = "${this.path("inventory.db")}"\nstatus_file = "${this.path("status.json")}"
[scan]\nsettle = "0s"\nwatch = false\n[hosts.${HOST}]\ndata_dirs = ${JSON.stringify(folders.map((folder) => this.path(folder)))}
[replicas."${this.path("backup")}"]\n`;
    const environment = { hostname: HOST, variables: {}, uid: 0, home: "/root", exists: () => false };
    this.state = parseConfiguration(text, this.path("xtelemdb.toml"), environment)._unsafeUnwrap();
    this.hands = new HangingHands(new InProcessHands(this.state.database));
  }

  async withAgent<Value>(action: (agent: Agent) => Promise<Value>): Promise<Value> {
    const { clock, hands } = this;
    const options = { command: "test", version: "0", signal: this.#stop.signal, log: quiet, clock, random: () => 0.5, hands };
    const done = await withAgent(this.state, options, (agent) =>
      ResultAsync.fromPromise(action(agent), (thrown): AgentError => ({ kind: "worker", detail: String(thrown) })),
    );
    return done._unsafeUnwrap();
  }

  /** Runs the loop of the one data directory as long as the action lasts. */
  withLoop(
    action: (loop: OriginLoop, agent: Agent) => Promise<void>,
    before: (agent: Agent) => void = () => undefined,
  ): Promise<void> {
    return this.withAgent(async (agent) => {
      before(agent);
      const [dataDirectory] = agent.declared.dataDirectories;
      if (dataDirectory === undefined) throw new Error("no data directory is declared");
      const stop = new AbortController();
      const broken: AgentError[] = [];
      const loop = new OriginLoop(dataDirectory, {
        agent: () => agent,
        signal: stop.signal,
        hosts: new HostsAway(() => agent, { loops: [] }, { loops: [] }),
        inotify: () => undefined,
        onWatched: () => undefined,
        clockSetAt: () => undefined,
        onChanged: () => undefined,
        onScanned: async () => undefined,
        onBroken: (error) => void broken.push(error),
      });
      const running = loop.run();
      try {
        await action(loop, agent);
      } finally {
        stop.abort();
        await running;
      }
      expect(broken).toEqual([]);
    });
  }

  place(folder: string): string {
    return originPlace(HOST, this.path(folder));
  }
}

const toldOf = ({ summary }: OriginLoop): string | undefined =>
  summary?.outcome.kind === "failed" ? `${summary.outcome.reason}: ${summary.outcome.message}` : summary?.outcome.kind;

const HANGS = `WorkerStalled: ${DETAIL}`;

test("a copy that hangs in a data directory while that is scanned is told of when the scan is through, until it lets go", async () => {
  using world = new HangingWorld(["data"]);
  makeTree(world.path("data"), [{ path: "one", content: "1" }]);
  const [gate, release] = [Promise.withResolvers<undefined>(), Promise.withResolvers<void>()];
  world.hands.instead = () => gate.promise;
  await world.withLoop(async (loop, agent) => {
    await until("the scan is under way", () => loop.isScanning);
    agent.heldUp.hold(world.place("data"), { detail: DETAIL, released: release.promise });
    gate.resolve(undefined);
    await until("the scan is through", () => !loop.isScanning);
    expect(toldOf(loop)).toBe(HANGS);
    expect(loop.summary).toMatchObject({ files: 1, outcome: { help: expect.stringContaining("as soon as it lets go") } });
    release.resolve();
    // Long before its time.
    await until("it is scanned again", () => {
      world.clock.step(SOON);
      return toldOf(loop) === "scanned";
    });
  });
});

test("a data directory that hangs already when its loop begins is told of", async () => {
  using world = new HangingWorld(["data"]);
  const release = Promise.withResolvers<void>();
  await world.withLoop(
    async (loop) => {
      await until("the hang is told", () => toldOf(loop) === HANGS);
      expect(world.hands.tasks).toEqual([]);
      release.resolve();
      await until("it is scanned", () => toldOf(loop) === "scanned");
    },
    ({ heldUp }) => heldUp.hold(world.place("data"), { detail: DETAIL, released: release.promise }),
  );
});

const FIVE = Array.from({ length: 5 }, (_, index) => ({ path: `${index}`, content: "12345678" }));

const requestsOf = (task: Task) => (task.kind === "copy" ? unpackGroup(task.group).requests : []);

/** Whoever copies from these hangs, as soon as it has begun with a file of one. */
function hangCopiesFrom(world: HangingWorld, folders: readonly string[]): void {
  world.hands.instead = async (task) => {
    const hung = requestsOf(task).find(({ dataDirectory }) => folders.some((folder) => world.path(folder) === dataDirectory));
    return hung && { kind: "stalled", detail: DETAIL, released: new Promise(() => undefined), atSource: hung.id };
  };
}

function copiesOf(world: HangingWorld, folder: string): number {
  const copies = `${world.path("backup")}/${HOST}${world.path(folder)}`;
  return existsSync(copies) ? readdirSync(copies).length : 0;
}

test("a sync copies what is well, although it shared a group with files of data directories that hang", async () => {
  using world = new HangingWorld(["d1", "d2", "d3"]);
  for (const folder of world.folders) makeTree(world.path(folder), FIVE);
  hangCopiesFrom(world, ["d1", "d3"]);
  const summary = await world.withAgent(async (agent) => (await reconcile(agent))._unsafeUnwrap());
  expect(summary).toMatchObject({ outcome: "not-converged", copied: { files: 5 }, failed: { files: 0 } });
  expect(world.folders.map((folder) => copiesOf(world, folder))).toEqual([0, 5, 0]);
  // What was begun is removed before the next attempt.
  const kinds: readonly string[] = world.hands.tasks
    .map(({ kind }) => kind)
    .filter((kind) => kind === "copy" || kind === "clean");
  expect(kinds).toEqual(["copy", "clean", "copy", "clean", "copy"]);
  for (const [folder, hangs] of [
    ["d1", true],
    ["d2", false],
  ] as const) {
    const { files } = (await explain(world.state, world.path(folder, "0")))._unsafeUnwrap();
    const message = hangs ? expect.stringMatching(/^WorkerStalled since .*no progress/) : expect.anything();
    expect(files[0]?.replicas[0]).toMatchObject({ pending: hangs, message });
  }
});
