/** The loop of one replica, where what happens elsewhere comes between two of its steps: real files, a real inventory, a clock that stands still until it is told to go on. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { ResultAsync } from "neverthrow";
import { parseConfiguration } from "../config/mod.ts";
import { declaredReplicas, setReconciledRevision } from "../inventory/mod.ts";
import { makeTree, Scratch, until } from "../testing/mod.ts";
import { type Agent, withAgent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { Hands, StalledReply, TaskHandlers } from "./hands.ts";
import { HostsAway } from "./hosts-away.ts";
import { ReplicaLoop } from "./replica-loop.ts";
import { scanPass } from "./scan-pass.ts";
import { InProcessHands } from "./simulation/in-process-hands.ts";
import { SimulatedClock } from "./simulation/simulated-clock.ts";
import type { Reply, Task } from "./worker-protocol.ts";

const HOST = "exao1";
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Hands that wait before a task, or do something in its place, when a test wants it. */
class HeldHands implements Hands {
  /** Undefined: the task is done. */
  instead: (task: Task) => Promise<StalledReply | undefined> = async () => undefined;
  readonly begun: Task["kind"][] = [];

  constructor(private readonly inner: Hands) {}

  async run(task: Task, handlers?: TaskHandlers): Promise<Reply | StalledReply> {
    this.begun.push(task.kind);
    return (await this.instead(task)) ?? this.inner.run(task, handlers);
  }

  stop(): void {
    this.inner.stop();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

class LoopWorld extends Scratch {
  readonly clock = new SimulatedClock(Date.parse("2026-11-01T22:00:00.000Z"));
  /** What the replica waits for before it copies. */
  afterLocal: () => Promise<void> = async () => undefined;

  write(name: string, content = name): void {
    makeTree(this.path("data"), [{ path: name, content }]);
  }

  copyOf(name: string): string | undefined {
    const path = `${this.path("backup")}/${HOST}${this.path("data")}/${name}`;
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  }

  /** Runs the loop as long as the action lasts. */
  async withLoop(action: (loop: ReplicaLoop, agent: Agent, hands: HeldHands) => Promise<void>): Promise<void> {
    mkdirSync(this.path("backup"));
    this.write("first");
    const text = `hostname = "${HOST}"\ndatabase = "${this.path("inventory.db")}"\nstatus_file = "${this.path("status.json")}"
[scan]\nsettle = "0s"\nwatch = false\n[hosts.${HOST}]\ndata_dirs = ["${this.path("data")}"]\n[replicas."${this.path("backup")}"]\n`;
    const environment = { hostname: HOST, variables: {}, uid: 0, home: "/root", exists: () => false };
    const state = parseConfiguration(text, this.path("xtelemdb.toml"), environment)._unsafeUnwrap();
    const hands = new HeldHands(new InProcessHands(state.database));
    const { clock } = this;
    const signal = new AbortController().signal;
    const options = { command: "test", version: "0", signal, log: quiet, clock, random: () => 0.5, hands };
    const done = await withAgent(state, options, (agent) =>
      ResultAsync.fromPromise(
        this.#run(agent, hands, action),
        (thrown): AgentError => ({ kind: "worker", detail: String(thrown) }),
      ),
    );
    done._unsafeUnwrap();
  }

  async #run(
    agent: Agent,
    hands: HeldHands,
    action: (loop: ReplicaLoop, agent: Agent, hands: HeldHands) => Promise<void>,
  ): Promise<void> {
    const [replica] = agent.state.replicas;
    if (replica === undefined) throw new Error("no replica is declared");
    await scan(agent);
    const stop = new AbortController();
    const broken: AgentError[] = [];
    const loop = new ReplicaLoop(replica.id, {
      agent: () => agent,
      signal: stop.signal,
      hosts: new HostsAway(() => agent, { loops: [] }, { loops: [] }),
      ready: () => [],
      draining: () => [],
      afterLocal: () => this.afterLocal(),
      alone: (one) => one(),
      onChanged: () => undefined,
      onPass: () => undefined,
      onBroken: (error) => void broken.push(error),
    });
    const running = loop.run();
    try {
      await until("the first file is copied", () => this.copyOf("first") !== undefined && !loop.isCopying);
      await action(loop, agent, hands);
    } finally {
      stop.abort();
      await running;
    }
    expect(broken).toEqual([]);
  }
}

const scan = async (agent: Agent): Promise<void> => {
  (await scanPass(agent, { acceptLoss: [] }))._unsafeUnwrap();
};

test("a replica whose worker was given up while a look was under way is looked at again as soon as that lets go", async () => {
  using world = new LoopWorld();
  const [look, manifest, release] = [
    Promise.withResolvers<undefined>(),
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
  ];
  await world.withLoop(async (loop, _agent, hands) => {
    const begins = (kind: Task["kind"]): Promise<true> =>
      until(`${kind} is begun`, () => {
        world.clock.step(world.clock.monotonicMilliseconds() + 60_000);
        return hands.begun.includes(kind);
      });
    hands.instead = async ({ kind }) => {
      if (kind === "check-replica") return look.promise;
      if (kind !== "write-manifests") return undefined;
      await manifest.promise;
      return { kind: "stalled", detail: "it hangs", released: release.promise };
    };
    await begins("write-manifests");
    hands.begun.length = 0;
    await begins("check-replica");
    const before = loop.checked;
    manifest.resolve();
    await until("the hang is told", () => loop.problem?.reason === "WorkerStalled");
    look.resolve(undefined);
    await until("the look is over", () => loop.checked !== before);
    expect(loop.problem?.reason).toBe("WorkerStalled");
    release.resolve();
    await until("it is well", () => loop.problem === undefined);
  });
});

test("what was left behind is looked for although that was asked for while the replica waited for others", async () => {
  using world = new LoopWorld();
  await world.withLoop(async (loop, agent) => {
    world.write("first", "changed");
    await scan(agent);
    const row = agent.inventory.readNow((session) => declaredReplicas(session))._unsafeUnwrap()[0];
    if (row === undefined) throw new Error("the replica has no row");
    (await setReconciledRevision(agent.inventory, row.id, agent.inventory.revision))._unsafeUnwrap();
    world.write("new");
    await scan(agent);
    const [waits, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    world.afterLocal = () => {
      waits.resolve();
      return goOn.promise;
    };
    loop.wake();
    await waits.promise;
    loop.wake(true);
    goOn.resolve();
    await until("the new one is copied", () => world.copyOf("new") !== undefined);
    await until("the other as well", () => world.copyOf("first") === "changed");
  });
});
