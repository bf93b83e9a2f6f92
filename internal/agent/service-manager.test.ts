import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { NOTIFY_MESSAGE_BYTES, sendDatagram } from "../sys/mod.ts";
import { DatagramReceiver, Scratch } from "../testing/mod.ts";
import type { Log } from "./agent.ts";
import { ServiceManager } from "./service-manager.ts";

function logged(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const write = (text: string): void => {
    lines.push(text);
  };
  return { log: { debug: write, info: write, warn: write, error: write }, lines };
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

describe("the service manager", () => {
  test("gets what systemd expects, each in a message of its own", async () => {
    using scratch = new Scratch();
    const socket = scratch.path("notify");
    using receiver = await DatagramReceiver.listen(socket, scratch.path("log"));
    const { log, lines } = logged();
    const manager = ServiceManager.of({ NOTIFY_SOCKET: socket }, log);
    const before = uptimeMicroseconds();
    manager.ready();
    manager.status("copying 5 files");
    manager.status("copying 5 files");
    manager.status("idle\nREADY=1\u0007");
    manager.reloading();
    manager.alive();
    manager.stopping();
    const received = await receiver.many(6);
    const reloading = received[3] ?? "";
    expect(received.toSpliced(3, 1)).toEqual([
      "READY=1",
      "STATUS=copying 5 files",
      "STATUS=idle READY=1 ",
      "WATCHDOG=1",
      "STOPPING=1",
    ]);
    const microseconds = Number(/^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(reloading)?.[1]);
    expect(microseconds).toBeGreaterThanOrEqual(before);
    expect(microseconds).toBeLessThanOrEqual(uptimeMicroseconds() + 100_000);
    expect(lines).toEqual([]);
  });

  test("is reached at an abstract name", async () => {
    using scratch = new Scratch();
    const socket = `@xtelemdb-test/${process.pid}`;
    using receiver = await DatagramReceiver.listen(socket, scratch.path("log"));
    ServiceManager.of({ NOTIFY_SOCKET: socket }, logged().log).ready();
    expect(await receiver.many(1)).toEqual(["READY=1"]);
  });

  test("is not there without NOTIFY_SOCKET: nothing is sent, nothing is said, nothing is watched", () => {
    const { log, lines } = logged();
    for (const variables of [{}, { NOTIFY_SOCKET: "" }, { WATCHDOG_USEC: "1000000" }]) {
      const manager = ServiceManager.of(variables, log);
      manager.ready();
      manager.alive();
      expect(manager.watchdogMilliseconds).toBeUndefined();
    }
    expect(lines).toEqual([]);
  });

  test.each([
    ["/nowhere/notify", "no such file or directory"],
    ["vsock:2:1234", "this kind of address is not supported"],
    ["relative", "this kind of address is not supported"],
    [`/${"x".repeat(108)}`, "name too long"],
    ["@nobody-listens-here", "nobody listens there"],
  ])("that cannot be reached at %p is complained of once", (socket, why) => {
    const { log, lines } = logged();
    const manager = ServiceManager.of({ NOTIFY_SOCKET: socket }, log);
    manager.ready();
    manager.alive();
    manager.reloading();
    expect(lines).toEqual([`the service manager cannot be told at ${socket} (NOTIFY_SOCKET): ${why}; this is said once`]);
  });

  test("that does not read holds nobody up for long", async () => {
    using scratch = new Scratch();
    const socket = scratch.path("notify");
    using _receiver = await DatagramReceiver.listen(socket, scratch.path("log"), 0);
    const began = performance.now();
    for (;;) {
      const sent = sendDatagram(socket, "x".repeat(4000));
      if (sent.isOk()) continue;
      expect(sent.error.code).toBe("EAGAIN");
      break;
    }
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test.each([
    [{ WATCHDOG_USEC: "120000000" }, 60_000],
    [{ WATCHDOG_USEC: "120000000", WATCHDOG_PID: String(process.pid) }, 60_000],
    [{ WATCHDOG_USEC: "120000000", WATCHDOG_PID: "1" }, undefined],
    [{ WATCHDOG_USEC: "1" }, 1],
    [{ WATCHDOG_USEC: "0" }, undefined],
    [{ WATCHDOG_USEC: "-5" }, undefined],
    [{ WATCHDOG_USEC: "soon" }, undefined],
    [{ WATCHDOG_USEC: "9".repeat(19) }, 2 ** 31 - 1],
    [{}, undefined],
  ])("with %p wants to hear every %p milliseconds that all is well", (variables, milliseconds) => {
    const manager = ServiceManager.of({ NOTIFY_SOCKET: "/nowhere", ...variables }, logged().log);
    expect(manager.watchdogMilliseconds).toBe(milliseconds);
  });

  test("gets every status as one field of one message that it takes, cut between two characters", async () => {
    using scratch = new Scratch();
    const socket = scratch.path("notify");
    using receiver = await DatagramReceiver.listen(socket, scratch.path("log"));
    const { log, lines } = logged();
    const manager = ServiceManager.of({ NOTIFY_SOCKET: socket }, log);
    const texts = fc.sample(fc.string({ unit: "binary", minLength: 1, maxLength: 6000, size: "max" }), 50);
    let sent = 0;
    for (const [index, text] of [...texts, "é".repeat(4000), "😀".repeat(2000)].entries()) {
      manager.status(`${index} ${text}`);
      sent++;
    }
    for (const message of await receiver.many(sent)) {
      expect(bytesOf(message)).toBeLessThanOrEqual(NOTIFY_MESSAGE_BYTES);
      expect(message).toMatch(/^STATUS=\d+ [^\n]*$/);
      expect(message).not.toContain("\ufffd".repeat(2));
    }
    expect(receiver.received()[51]).toBe(`STATUS=51 ${"😀".repeat(Math.floor((NOTIFY_MESSAGE_BYTES - 10) / 4))}`);
    expect(lines).toEqual([]);
  });
});

/** /proc/uptime counts hundredths of the same clock (with the time asleep, of which a test has none). */
const uptimeMicroseconds = (): number => {
  const [seconds = ""] = readFileSync("/proc/uptime", "utf8").split(" ");
  return (Number(seconds) - 0.02) * 1e6;
};
