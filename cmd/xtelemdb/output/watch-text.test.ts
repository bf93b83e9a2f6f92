/** The view of `status --watch`: rates and times from successive readings, lines that fit, news told from no news. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { EventDocument, ReplicaStatus, StatusDocument } from "../../../internal/agent/mod.ts";
import { drawing } from "./screen.ts";
import { fitted, millisecondsLeft, newsOf, paceOf, type Reading, remember, watchText } from "./watch-text.ts";

const MIB = 2 ** 20;
const NOTHING = { files: 0, bytes: 0 };
const REPLICA: ReplicaStatus = {
  url: "/mnt/backup",
  declared: true,
  ready: false,
  conditions: [
    {
      type: "Ready",
      status: "False",
      reason: "FilesPending",
      message: "m",
      help: "",
      lastTransition: "2026-11-01T08:00:00.000Z",
      observedGeneration: 1,
    },
  ],
  current: NOTHING,
  pending: NOTHING,
  growing: NOTHING,
  failed: NOTHING,
  kept: NOTHING,
  tombstones: NOTHING,
  oldestPending: { since: "2026-11-01T08:00:00.000Z", ageSeconds: 3 },
  failures: [],
  verification: null,
  lastError: null,
};
const STATUS: StatusDocument = {
  format: 1,
  writtenAt: "2026-11-01T08:00:00.000Z",
  agent: {
    version: "1.2.3",
    hostname: "exao1",
    state: "running",
    process: { pid: 7, command: "xtelemdb sync continuous=true", since: "2026-11-01T07:00:00.000Z" },
    phase: "copying",
  },
  configuration: { file: "/etc/xtelemdb/xtelemdb.toml", generation: 1, observedGeneration: 1 },
  converged: false,
  conditions: [],
  hosts: [],
  replicas: [REPLICA],
  runs: { total: 0, last: null },
};
const EVENT: EventDocument = {
  subject: "replica /mnt/backup",
  severity: "warning",
  reason: "NoSpace",
  message: "full",
  count: 3,
  first: "2026-11-01T07:00:00.000Z",
  last: "2026-11-01T07:30:00.000Z",
};

/** A reading in which the replica has so many files of 1 MiB, of 100. */
const reading = (at: number, files: number, growing = 0, events: readonly EventDocument[] = []): Reading => ({
  at,
  events,
  status: {
    ...STATUS,
    replicas: [
      {
        ...REPLICA,
        current: { files, bytes: files * MIB },
        pending: { files: 100 - files, bytes: (100 - files) * MIB },
        growing: { files: growing, bytes: growing * MIB },
      },
    ],
  },
});
const readings = (...all: readonly Reading[]): readonly Reading[] => all.reduce(remember, [] as readonly Reading[]);
const plain = (lines: readonly string[]): string => Bun.stripANSI(lines.join("\n"));

test("the view says who works, what it does, and of each replica its state, amounts, rate and time left; and what happened", () => {
  const text = plain(watchText(readings(reading(0, 10), reading(2_000, 30, 10, [EVENT]))));
  expect(text).toBe(
    `exao1  not converged yet  copying: xtelemdb sync continuous=true (process 7)

REPLICA      STATE         CURRENT      PENDING      RATE                  LEFT
/mnt/backup  FilesPending  30 (30 MiB)  70 (70 MiB)  10 MiB/s, 10 files/s  6s

NEWEST EVENTS
  2026-11-01T07:30:00.000Z  replica /mnt/backup: NoSpace: full (3 times)`,
  );
});

test("nobody at work, no replica, and a look that failed are told", () => {
  const idle: StatusDocument = {
    ...STATUS,
    agent: { version: "1", hostname: "exao1", state: "idle" },
    replicas: [],
    converged: true,
  };
  const text = plain(watchText([{ status: idle, events: [], at: 0 }], "the inventory is damaged\nhelp: move it"));
  expect(text).toBe("exao1  converged  no sync is running\nthe inventory is damaged help: move it\n\nno replica is declared");
});

test("a stalled replica is told as that", () => {
  const conditions = [...REPLICA.conditions, { ...REPLICA.conditions[0], type: "Stalled", status: "True" } as never];
  const status = { ...STATUS, replicas: [{ ...REPLICA, conditions }] };
  expect(plain(watchText([{ status, events: [], at: 0 }]))).toContain("stalled: FilesPending");
});

test("one reading gives no rate; what stands still, or shrinks because files changed, gives none either", () => {
  const url = REPLICA.url;
  expect(paceOf([], url)).toBeUndefined();
  expect(paceOf(readings(reading(0, 10)), url)).toBeUndefined();
  expect(paceOf(readings(reading(0, 10), reading(1_000, 10)), url)).toBeUndefined();
  expect(paceOf(readings(reading(0, 10), reading(1_000, 5)), url)).toBeUndefined();
  expect(paceOf(readings(reading(0, 10), reading(1_000, 11)), "/elsewhere")).toBeUndefined();
});

test("the rate forgets what was a minute ago", () => {
  const all = readings(...Array.from({ length: 200 }, (_, second) => reading(second * 1_000, Math.min(second, 100))));
  expect(all.length).toBeLessThanOrEqual(61);
  expect(paceOf(all, REPLICA.url)).toBeUndefined();
});

test("rates and times left are never negative and never endless, whatever was read", () => {
  const files = fc.nat(100);
  fc.assert(
    fc.property(fc.array(fc.record({ files, growing: files, after: fc.nat(90_000) }), { maxLength: 20 }), (steps) => {
      let at = 0;
      const all = readings(
        ...steps.map((step) => {
          at += step.after;
          return reading(at, step.files, Math.min(step.growing, 100 - step.files));
        }),
      );
      const replica = all.at(-1)?.status.replicas[0];
      if (replica === undefined) return;
      const pace = paceOf(all, replica.url);
      if (pace !== undefined) expect(pace.bytesPerSecond).toBeGreaterThanOrEqual(0);
      const left = millisecondsLeft(replica, pace);
      if (left !== undefined) expect(left >= 0 && Number.isFinite(left)).toBe(true);
    }),
  );
});

test("no line is wider than the terminal and there are never more than it has, whatever its size", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: "grapheme" }).map((text) => `\u001b[31m${text.replaceAll(/\p{C}/gu, "")}\u001b[39m`),
        { maxLength: 30 },
      ),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 20 }),
      (lines, columns, rows) => {
        const shown = fitted(lines, { columns, rows }, "hint");
        expect(shown.length).toBeLessThanOrEqual(rows);
        for (const line of shown) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
        if (lines.length < rows) expect(Bun.stripANSI(shown.at(-1) ?? "")).toBe("hint".slice(0, columns));
      },
    ),
  );
  expect(fitted(["a", "b", "c", "d"], { columns: 80, rows: 4 }, "hint").map(Bun.stripANSI)).toEqual([
    "a",
    "b",
    "... 2 more lines",
    "hint",
  ]);
});

test("a drawing begins at the top, clears what is right of and below it, and never scrolls", () => {
  expect(drawing(["a", "b"])).toBe("\u001b[Ha\u001b[K\r\nb\u001b[K\u001b[J");
});

test("the time of reading and the age of what waits are no news; anything else is", () => {
  const later = {
    ...STATUS,
    writtenAt: "2026-11-01T08:00:01.000Z",
    replicas: [{ ...REPLICA, oldestPending: { since: "2026-11-01T08:00:00.000Z", ageSeconds: 4 } }],
  };
  expect(newsOf(later)).toBe(newsOf(STATUS));
  expect(newsOf({ ...STATUS, converged: true })).not.toBe(newsOf(STATUS));
});
