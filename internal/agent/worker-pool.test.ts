import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { type Clock, systemClock } from "../sys/mod.ts";
import { Scratch, until } from "../testing/mod.ts";
import { localAddress, type VolumeAddress } from "../volume/mod.ts";
import { WorkerPool } from "./worker-pool.ts";

const workerThreads = (): number =>
  readdirSync("/proc/self/task").filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, "utf8").startsWith("Worker");
    } catch {
      return false;
    }
  }).length;

test("threads for other hosts are ended when they have had nothing to do for a while; those for this machine stay", async () => {
  using scratch = new Scratch();
  const before = workerThreads();
  const pool = new WorkerPool(scratch.path("inventory.db"), {
    size: 1,
    depth: 2,
    stallMilliseconds: 60_000,
    idleMilliseconds: 50,
    clock: systemClock,
  });
  // Nobody answers at this port.
  const far = (host: string): VolumeAddress => ({
    kind: "ssh",
    host,
    port: 1,
    path: "x",
    name: `ssh://${host}/x/`,
    options: ["BatchMode=yes"],
    connections: 1,
    timeoutMilliseconds: 10_000,
    mostEntries: 1000,
  });
  const addresses = [localAddress(scratch.folder), far("127.0.0.1"), far("127.0.0.2")];
  let most = 0;
  const looks = addresses.map(async (address) => {
    const looked = pool.run({ kind: "check-replica", request: { address, marker: null, reserveBytes: 0 } });
    most = Math.max(most, workerThreads());
    return (await looked).kind;
  });
  await until("each has a thread", () => {
    most = Math.max(most, workerThreads());
    return most === before + 3;
  });
  expect(await Promise.all(looks)).toEqual(["check-replica", "check-replica", "check-replica"]);
  await until("one is left", () => workerThreads() === before + 1);
  expect(
    (await pool.run({ kind: "check-replica", request: { address: localAddress(scratch.folder), marker: null, reserveBytes: 0 } }))
      .kind,
  ).toBe("check-replica");
  await pool.close();
});

/** Time goes on when it is told to, and who waits is called when that is asked for: later than he wanted, where a process was stopped. */
class LateClock implements Clock {
  #elapsed = 0;
  readonly #waiting = new Set<() => void>();

  now(): number {
    return this.#elapsed;
  }

  monotonicMilliseconds(): number {
    return this.#elapsed;
  }

  after(_milliseconds: number, action: () => void): () => void {
    this.#waiting.add(action);
    return () => void this.#waiting.delete(action);
  }

  goOn(milliseconds: number): void {
    this.#elapsed += milliseconds;
    const due = [...this.#waiting];
    this.#waiting.clear();
    for (const action of due) action();
  }
}

/** Asks for a look at a folder, and lets time pass in such steps before any answer can be heard. */
async function answerAfter(...steps: readonly number[]): Promise<string> {
  using scratch = new Scratch();
  const clock = new LateClock();
  const pool = new WorkerPool(scratch.path("inventory.db"), { size: 1, depth: 2, stallMilliseconds: 10_000, clock });
  const request = { address: localAddress(scratch.folder), marker: null, reserveBytes: 0 };
  const asked = pool.run({ kind: "check-replica", request });
  for (const step of steps) clock.goOn(step);
  const { kind } = await asked;
  const closed = pool.close();
  clock.goOn(60_000);
  await closed;
  return kind;
}

test("a worker that is silent for too long is given up", async () => {
  expect(await answerAfter(2_000, 2_000, 2_000, 2_000, 2_000)).toBe("stalled");
});

test("a worker that was not listened to, because the process was stopped, is not given up for that", async () => {
  expect(await answerAfter(2_000, 13_000)).toBe("check-replica");
  expect(await answerAfter(13_000, 2_000, 2_000, 2_000, 2_000)).toBe("check-replica");
});

test("a worker that stays silent after the process was stopped is given up", async () => {
  expect(await answerAfter(13_000, 2_000, 2_000, 2_000, 2_000, 2_000)).toBe("stalled");
});
