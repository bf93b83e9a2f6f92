import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { systemClock } from "../sys/mod.ts";
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
