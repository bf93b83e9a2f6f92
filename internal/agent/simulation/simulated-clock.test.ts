import { describe, expect, test } from "bun:test";
import { SimulatedClock } from "./simulated-clock.ts";

describe("simulated time", () => {
  test("timers are called in the order of their time, and of their making, and not beyond where time is to go", () => {
    const clock = new SimulatedClock(1_000);
    const called: string[] = [];
    for (const [name, milliseconds] of [
      ["late", 30],
      ["first", 10],
      ["second", 10],
      ["beyond", 31],
    ] as const)
      clock.after(milliseconds, () => called.push(`${name} at ${clock.monotonicMilliseconds()}`));
    while (clock.step(30));
    expect(called).toEqual(["first at 10", "second at 10", "late at 30"]);
    expect(clock.monotonicMilliseconds()).toBe(30);
  });

  test("a timer that is called off is not called; one that is made on the way is", () => {
    const clock = new SimulatedClock(0);
    const called: number[] = [];
    const cancel = clock.after(5, () => called.push(5));
    clock.after(1, () => {
      cancel();
      clock.after(2, () => called.push(clock.monotonicMilliseconds()));
    });
    while (clock.step(10));
    expect(called).toEqual([3]);
  });

  test("a wall clock that is set moves no timer", () => {
    const clock = new SimulatedClock(1_000_000);
    const called: number[] = [];
    clock.after(10, () => called.push(clock.now()));
    clock.jump(-500_000);
    while (clock.step(10));
    expect(called).toEqual([500_010]);
    expect(clock.monotonicMilliseconds()).toBe(10);
  });
});
