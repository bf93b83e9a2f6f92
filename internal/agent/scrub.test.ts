/** Rounds of reading back, by a clock that is handed in: real copies, a real inventory, and hands that work in this thread. */
import { expect, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { ResultAsync } from "neverthrow";
import { parseConfiguration } from "../config/mod.ts";
import type { Session } from "../inventory/mod.ts";
import type { Clock } from "../sys/mod.ts";
import { makeTree, Scratch, until } from "../testing/mod.ts";
import { type Agent, type AgentOptions, withAgent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { sync } from "./commands.ts";
import type { Hands } from "./hands.ts";
import type { ReadyReplica } from "./pass-options.ts";
import { Performer } from "./perform.ts";
import { checkReplicaOf } from "./replica-pass.ts";
import { Scrub } from "./scrub.ts";
import type { Task } from "./worker-protocol.ts";

const DAY = 86_400_000;
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Two clocks that go together, and only when they are told to. */
class HandClock implements Clock {
  #now = Date.parse("2026-11-01T00:00:00.000Z");

  now(): number {
    return this.#now;
  }

  monotonicMilliseconds(): number {
    return this.#now;
  }

  after(): () => void {
    return () => undefined;
  }

  go(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

class ScrubWorld extends Scratch {
  readonly clock = new HandClock();
  readonly tasks: Task["kind"][] = [];
  problems = 0;
  judged = 0;

  constructor(readonly files: number) {
    super();
    mkdirSync(this.path("backup"));
    makeTree(
      this.path("data"),
      Array.from({ length: files }, (_, index) => ({ path: `many/${index}`, content: "12345678" })),
    );
  }

  #state(every: string) {
    const text = `hostname = "exao1"\ndatabase = "${this.path("inventory.db")}"\nstatus_file = "${this.path("status.json")}"
[scan]\nsettle = "0s"\n[verify]\nevery = "${every}"\n[hosts.exao1]\ndata_dirs = ["${this.path("data")}"]\n[replicas."${this.path("backup")}"]\n`;
    const environment = { hostname: "exao1", variables: {}, uid: 0, home: "/root", exists: () => false };
    return parseConfiguration(text, this.path("xtelemdb.toml"), environment)._unsafeUnwrap();
  }

  #options(): AgentOptions {
    const performer = new Performer(this.path("inventory.db"), () => false);
    const hands: Hands = {
      run: (task, handlers = {}) => {
        this.tasks.push(task.kind);
        let committed = Promise.resolve();
        const tell = {
          differences: (differences: Parameters<NonNullable<typeof handlers.onDifferences>>[0]) => {
            committed = committed.then(() => handlers.onDifferences?.(differences));
          },
          found: () => undefined,
          progress: () => undefined,
          alive: () => undefined,
        };
        return performer.perform(task, tell).then(async (reply) => {
          await committed;
          return reply;
        });
      },
      stop: () => undefined,
      close: async () => performer.close(),
    };
    const signal = new AbortController().signal;
    return { command: "test", version: "0", signal, log: quiet, clock: this.clock, random: () => 0.5, hands };
  }

  async copyAll(): Promise<void> {
    expect((await sync(this.#state("0s"), this.#options()))._unsafeUnwrap()).toMatchObject({ outcome: "converged" });
    this.tasks.length = 0;
  }

  /** Runs with an agent, and the rounds of its one replica. Each call is a restart. */
  async withScrub(every: string, action: (scrub: Scrub, ready: ReadyReplica, agent: Agent) => Promise<void>): Promise<void> {
    const done = await withAgent(this.#state(every), this.#options(), (agent) => {
      const work = async (): Promise<void> => {
        const [replica] = agent.state.replicas;
        const [row] = agent.declared.replicas;
        if (replica === undefined || row === undefined) throw new Error("no replica is declared");
        const checked = (await checkReplicaOf(agent, replica, row, true))._unsafeUnwrap();
        const { found } = checked;
        if (found.kind !== "ready") throw new Error(found.message);
        const scrub = new Scrub({
          agent: () => agent,
          signal: agent.options.signal,
          onDone: (judged) => {
            this.judged += Number(judged);
          },
          onProblem: () => {
            this.problems += 1;
          },
          onBroken: (error) => {
            throw new Error(JSON.stringify(error));
          },
        });
        await action(scrub, { ...checked, found }, agent);
      };
      return ResultAsync.fromPromise(work(), (thrown): AgentError => ({ kind: "worker", detail: String(thrown) }));
    });
    done._unsafeUnwrap();
  }

  /** Does what is due now, to its end. */
  async runDue(scrub: Scrub, ready: ReadyReplica): Promise<void> {
    while (scrub.nextAt(ready) <= this.clock.now()) {
      scrub.next(ready);
      await until("the task ends", () => Number.isFinite(scrub.nextAt(ready)));
    }
  }
}

const sessionOf = ({ inventory }: Agent): Session => inventory.readNow((session) => session)._unsafeUnwrap();

const read = (agent: Agent, before = Number.POSITIVE_INFINITY): number =>
  sessionOf(agent)
    .all(sessionOf(agent).kysely.selectFrom("file_replica").select("verified_at"))
    .filter(({ verified_at: at }) => at !== null && at < before).length;

test("a round is spread over the promised time, goes on after a restart, and comes again in time", async () => {
  using world = new ScrubWorld(1_000);
  await world.copyAll();
  let due = 0;
  await world.withScrub("30d", async (scrub, ready, agent) => {
    await world.runDue(scrub, ready);
    // One task of four.
    expect(read(agent)).toBe(256);
    due = scrub.nextAt(ready);
    expect((due - world.clock.now()) / DAY).toBeCloseTo(27 * 0.256, 3);
  });
  await world.withScrub("30d", async (scrub, ready, agent) => {
    expect(scrub.nextAt(ready)).toBe(due);
    const begun = world.clock.now();
    const ages: number[] = [];
    // A hundred days, looked at every six hours.
    for (let step = 0; step < 400; step++) {
      world.clock.go(DAY / 4);
      await world.runDue(scrub, ready);
      const session = sessionOf(agent);
      const oldest = session.first(
        session.kysely
          .selectFrom("file_replica")
          .select((select) => select.fn.min(select.fn.coalesce("verified_at", "copied_at")).as("at")),
      )?.at;
      ages.push((world.clock.now() - Number(oldest)) / DAY);
    }
    expect(read(agent)).toBe(1_000);
    expect(read(agent, begun + DAY)).toBe(0);
    expect(Math.max(...ages)).toBeLessThanOrEqual(30);
    // Four tasks a round of 27 days: it reads no more than it must.
    expect(world.tasks.filter((kind) => kind === "verify").length).toBeLessThanOrEqual(17);
  });
});

test("what is late is made up for at once", async () => {
  using world = new ScrubWorld(600);
  await world.copyAll();
  await world.withScrub("30d", async (scrub, ready, agent) => {
    world.clock.go(60 * DAY);
    await world.runDue(scrub, ready);
    world.clock.go(60 * DAY);
    await world.runDue(scrub, ready);
    expect(read(agent, world.clock.now())).toBe(0);
  });
});

test("without a promise nothing is asked and nothing is read", async () => {
  using world = new ScrubWorld(3);
  await world.copyAll();
  await world.withScrub("0s", async (scrub, ready, agent) => {
    const before = world.tasks.length;
    const asked = { times: 0 };
    const { inventory } = agent;
    const readNow = inventory.readNow.bind(inventory);
    inventory.readNow = (operation) => {
      asked.times += 1;
      return readNow(operation);
    };
    expect(scrub.nextAt(ready)).toBe(Number.POSITIVE_INFINITY);
    scrub.next(ready);
    expect([asked.times, world.tasks.length]).toEqual([0, before]);
  });
});

test("an older state of the volume gives no verdict, and the round goes on when the newest is back", async () => {
  using world = new ScrubWorld(3);
  cpSync(world.path("backup"), world.path("older"), { recursive: true });
  await world.copyAll();
  for (const name of readdirSync(world.path("backup")))
    if (name.endsWith(".json")) cpSync(world.path("backup", name), world.path("older", name));
  const [generation = ""] = readdirSync(world.path("older")).filter((name) => name.includes("-generation-"));
  const path = world.path("older", generation);
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), number: 0 }));
  await world.withScrub("30d", async (scrub, ready, agent) => {
    renameSync(world.path("backup"), world.path("newest"));
    renameSync(world.path("older"), world.path("backup"));
    scrub.next(ready);
    await until("the task ends", () => Number.isFinite(scrub.nextAt(ready)));
    expect([world.problems, world.judged, read(agent)]).toEqual([1, 0, 0]);
    expect(sessionOf(agent).all(sessionOf(agent).kysely.selectFrom("finding").selectAll())).toEqual([]);
    renameSync(world.path("backup"), world.path("older"));
    renameSync(world.path("newest"), world.path("backup"));
    await world.runDue(scrub, ready);
    expect(read(agent)).toBe(3);
  });
});

test("a root without its marker gives no verdict, and the round goes on when it is back", async () => {
  using world = new ScrubWorld(3);
  await world.copyAll();
  await world.withScrub("30d", async (scrub, ready, agent) => {
    renameSync(world.path("backup"), world.path("away"));
    mkdirSync(world.path("backup"));
    writeFileSync(world.path("backup", "x"), "another disk");
    scrub.next(ready);
    await until("the task ends", () => Number.isFinite(scrub.nextAt(ready)));
    expect([world.problems, world.judged, read(agent)]).toEqual([1, 0, 0]);
    expect(sessionOf(agent).all(sessionOf(agent).kysely.selectFrom("finding").selectAll())).toEqual([]);
    renameSync(world.path("backup"), world.path("other"));
    renameSync(world.path("away"), world.path("backup"));
    await world.runDue(scrub, ready);
    expect(read(agent)).toBe(3);
  });
});
