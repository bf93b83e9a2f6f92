import { expect, test } from "bun:test";
import type { Agent } from "./agent.ts";
import { HostsAway } from "./hosts-away.ts";

const MINUTE = 60_000;

/** One that notes what it tells, at a time that is set by hand. */
function hostsAway() {
  const told: string[] = [];
  const time = { now: 0 };
  const loop = { dataDirectory: { hostName: "icc" }, hostChanged: () => told.push("origin") };
  const replica = { wake: (whole: boolean) => told.push(`replica ${whole}`) };
  // As much of an agent as it asks.
  const agent = { elapsed: () => time.now, random: () => 0, state: { scan: { intervalMilliseconds: 10 * MINUTE } } } as Agent;
  const hosts = new HostsAway(() => agent, { loops: [loop] }, { loops: [replica] });
  /** How long it is left alone now. */
  const wait = (): number => (hosts.retryAt("icc") ?? Number.NaN) - time.now;
  return { hosts, time, told, wait };
}

test("a host that is away is left alone for longer and longer, up to the interval", () => {
  const { hosts, time, wait } = hostsAway();
  const waits: number[] = [];
  for (let tries = 0; tries < 8; tries++) {
    hosts.lost("icc", time.now, false);
    waits.push(wait());
    time.now += wait();
  }
  expect(waits.map((milliseconds) => milliseconds / 1000)).toEqual([10, 20, 40, 80, 160, 320, 600, 600]);
  expect(hosts.isAway("icc")).toBe(true);
  expect(hosts.isAway("rtc")).toBe(false);
});

test("a login ends that at once, whenever it comes, and everybody is told", () => {
  const { hosts, time, told, wait } = hostsAway();
  for (let tries = 0; tries < 3; tries++) hosts.lost("icc", time.now, false);
  time.now += 1;
  told.length = 0;
  const before = hosts.changes;
  hosts.reached("icc");
  expect(hosts.isAway("icc")).toBe(false);
  expect(told).toEqual(["origin", "replica true"]);
  expect(hosts.changes).toBe(before + 1);
  hosts.reached("icc");
  expect(told).toHaveLength(2);
  hosts.lost("icc", time.now, false);
  expect(wait()).toBe(10_000);
});

test("what was begun before it was known to be away, or back, says nothing new", () => {
  const { hosts, time, wait } = hostsAway();
  time.now = 1_000;
  hosts.lost("icc", 0, true);
  hosts.lost("icc", 500, true);
  expect(wait()).toBe(10_000);
  time.now += wait();
  hosts.reached("icc");
  hosts.lost("icc", 500, true);
  expect(hosts.isAway("icc")).toBe(false);
});

test("one that lets in and then breaks off is left alone for longer each time, until it has given a file", () => {
  const { hosts, time, wait } = hostsAway();
  hosts.lost("icc", time.now, true);
  time.now += 1;
  // A scan that goes on beside the copies.
  hosts.reached("icc");
  expect(hosts.isAway("icc")).toBe(true);
  time.now += wait();
  hosts.reached("icc");
  expect(hosts.isAway("icc")).toBe(false);
  hosts.lost("icc", time.now, true);
  expect(wait()).toBe(20_000);
  time.now += wait();
  hosts.reached("icc");
  hosts.served("icc");
  hosts.lost("icc", time.now, true);
  expect(wait()).toBe(10_000);
});
