import { expect, test } from "bun:test";
import fc from "fast-check";
import { must, withInventory } from "./_for-tests.ts";
import { type EventFilter, keepConditionsOf, readConditions, readEvents, recordEvent, setConditions } from "./conditions.ts";
import { beginRun, endRun, readRuns } from "./runs.ts";

const condition = fc.record({
  type: fc.constantFrom("Ready", "Mounted", "Stalled"),
  status: fc.constantFrom("True", "False", "Unknown"),
  reason: fc.constantFrom("A", "B"),
  message: fc.constantFrom("m", "n"),
  observedGeneration: fc.nat(2),
});
const unique = fc.uniqueArray(condition, { selector: ({ type }) => type });

test("after every change: what was set is there, and the time of transition moves only when the status does", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(unique, { maxLength: 10 }), async (history) => {
      await withInventory([], async (inventory) => {
        for (const [index, conditions] of history.entries()) {
          const before = readConditions(inventory);
          const at = 1_000 * (index + 1);
          await must(setConditions(inventory, "replica /r", conditions, at));
          const after = readConditions(inventory);
          expect(after.map(({ lastTransitionAt: _, subject: __, ...rest }) => rest)).toEqual(
            conditions.toSorted((a, b) => (a.type < b.type ? -1 : 1)),
          );
          for (const now of after) {
            const old = before.find(({ type }) => type === now.type);
            expect(now.lastTransitionAt).toBe(old?.status === now.status ? old.lastTransitionAt : at);
          }
        }
      });
    }),
    { numRuns: 25 },
  );
}, 30_000);

test("conditions of a subject that is not declared any more are forgotten", async () => {
  await withInventory([], async (inventory) => {
    const ready = { type: "Ready", status: "True", reason: "A", message: "", observedGeneration: 1 } as const;
    for (const subject of ["agent", "replica /r", "replica /s"]) await must(setConditions(inventory, subject, [ready], 1));
    await must(keepConditionsOf(inventory, ["agent", "replica /s"]));
    expect(readConditions(inventory).map(({ subject }) => subject)).toEqual(["agent", "replica /s"]);
  });
});

test("the same event again is counted, and another one is another", async () => {
  await withInventory([], async (inventory) => {
    const event = { subject: "replica /r", severity: "warning", reason: "NoSpace", message: "full" } as const;
    for (const at of [1, 2, 3]) await must(recordEvent(inventory, event, at));
    await must(recordEvent(inventory, { ...event, message: "fuller" }, 4));
    expect(readEvents(inventory, { limit: 10 })).toEqual([
      { ...event, message: "fuller", count: 1, firstAt: 4, lastAt: 4 },
      { ...event, count: 3, firstAt: 1, lastAt: 3 },
    ]);
    expect(readEvents(inventory, { limit: 1 })).toHaveLength(1);
  });
});

test("events are chosen by all that the filter says, the newest first", async () => {
  await withInventory([], async (inventory) => {
    const severities = ["info", "warning", "error"] as const;
    for (const at of Array.from({ length: 30 }, (_, index) => index)) {
      const subject = at % 2 === 0 ? "replica /r" : "replica /s";
      const severity = severities[at % 3] ?? "info";
      await must(
        recordEvent(inventory, { subject, severity, reason: at % 5 === 0 ? "NoSpace" : "ReadOnly", message: `${at}` }, at),
      );
    }
    const times = (filter: Omit<EventFilter, "limit">, limit = 100) =>
      readEvents(inventory, { limit, ...filter }).map(({ lastAt }) => lastAt);
    expect(times({}, 3)).toEqual([29, 28, 27]);
    expect(times({ subject: "/s", since: 26 })).toEqual([29, 27]);
    expect(times({ severities: ["error"], since: 20 })).toEqual([29, 26, 23, 20]);
    expect(times({ severities: ["warning", "error"] })).toHaveLength(20);
    expect(times({ reason: "NoSpace", subject: "replica /r" })).toEqual([20, 10, 0]);
    expect(times({ subject: "%" })).toEqual([]);
    expect(times({ severities: [] })).toEqual([]);
  });
});

test("a run without an end was killed; all of them are counted", async () => {
  await withInventory([], async (inventory) => {
    const totals = { copiedFiles: 1, copiedBytes: 2, adoptedFiles: 3, failedFiles: 4 };
    const first = await must(beginRun(inventory, "sync", 10));
    await must(endRun(inventory, first, "converged", totals, 20));
    await must(beginRun(inventory, "sync", 30));
    expect(readRuns(inventory, 5)).toMatchObject({
      total: 2,
      newest: [
        { kind: "sync", startedAt: 30, endedAt: null, outcome: null },
        { kind: "sync", startedAt: 10, endedAt: 20, outcome: "converged", ...totals },
      ],
    });
  });
});
