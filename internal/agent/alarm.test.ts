import { expect, test } from "bun:test";
import { getEventListeners } from "node:events";
import { systemClock } from "../sys/mod.ts";
import { endedWithin } from "./alarm.ts";

const HOUR = 3_600_000;
const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

test("whoever waited for work, or as long as it was allowed, leaves nothing at a signal that lives on", async () => {
  const { signal } = new AbortController();
  const work = Promise.withResolvers<void>();
  const waiting = endedWithin(systemClock, HOUR, work.promise, signal);
  expect(listeners(signal)).toBe(1);
  work.resolve();
  await waiting;
  await endedWithin(systemClock, HOUR, Promise.reject(new Error("it failed")), signal);
  await endedWithin(systemClock, 1, new Promise(() => undefined), signal);
  expect(listeners(signal)).toBe(0);
});

test("the signal ends the waiting, also when it came before", async () => {
  const stop = new AbortController();
  const waiting = endedWithin(systemClock, HOUR, new Promise(() => undefined), stop.signal);
  stop.abort();
  await waiting;
  await endedWithin(systemClock, HOUR, new Promise(() => undefined), stop.signal);
});
