/** What is said of a replica's copies, and when the next of them is due. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { dueAt } from "./scrub.ts";
import type { VerificationStatus } from "./status-document.ts";
import { verifiedCondition } from "./verification.ts";
import { VerifyTotals } from "./verify-totals.ts";

const DAY = 86_400_000;
const NOW = Date.parse("2026-11-01T00:00:00.000Z");
const NOTHING_FOUND = { suspect: 0, corrupt: 0, lost: 0 };
const statusOf = (changes: Partial<VerificationStatus>): VerificationStatus => ({
  promisedSeconds: 30 * 86_400,
  neededSeconds: null,
  total: { files: 10, bytes: 1_000 },
  round: null,
  wholeSince: new Date(NOW - 20 * DAY).toISOString(),
  oldestEvidence: new Date(NOW - 20 * DAY).toISOString(),
  findings: NOTHING_FOUND,
  ...changes,
});
const ROUND = { begunAt: new Date(NOW - DAY).toISOString(), files: 4, bytes: 400, share: 0.4, bytesPerSecond: 1 };

describe("the condition Verified", () => {
  test.each<[string, Partial<VerificationStatus>, string | undefined, string, string]>([
    ["the promise is kept", {}, undefined, "True", "PromiseKept: every copy was read back within 30 d"],
    [
      "the bandwidth is too small",
      { neededSeconds: 63 * 86_400 },
      undefined,
      "False",
      "PromiseTooShort: 63 d needed, 30 d promised",
    ],
    ["nothing was read yet", { wholeSince: null }, undefined, "Unknown", "NeverVerified: no copy was read back yet"],
    [
      "the first round",
      { wholeSince: null, round: ROUND },
      undefined,
      "Unknown",
      "Verifying: 40 % were read back in the first round",
    ],
    [
      "evidence is too old",
      { oldestEvidence: new Date(NOW - 41 * DAY).toISOString() },
      undefined,
      "False",
      "PromiseBroken: evidence is 41 d old, 30 d promised",
    ],
    [
      "something was found",
      { findings: { ...NOTHING_FOUND, corrupt: 2, lost: 1 } },
      undefined,
      "False",
      "FindingsFound: copies that are not what they should be: 2 corrupt, 1 lost",
    ],
    ["too much is gone", {}, "why", "False", "TooMuchLost: why"],
  ])("%s", (_, changes, frozen, status, text) => {
    const condition = verifiedCondition(statusOf(changes), NOW, frozen);
    expect(condition).toMatchObject({ type: "Verified", status });
    expect(`${condition?.reason}: ${condition?.message}`).toBe(text);
  });

  test("there is none where nothing was promised, read or found", () => {
    expect(verifiedCondition(statusOf({ promisedSeconds: null, wholeSince: null }), NOW)).toBeUndefined();
    expect(verifiedCondition(statusOf({ promisedSeconds: null }), NOW)).toMatchObject({
      status: "True",
      reason: "RoundComplete",
    });
  });
});

describe("when the next copies are due", () => {
  const total = { files: 100, bytes: 1_000_000 };
  const round = { position: 0, begunAt: NOW, files: 0, bytes: 0, wholeSince: null };

  test("at once when nothing was ever read, and a round after the last one began, less a reserve", () => {
    expect(dueAt({ ...round, begunAt: null }, total, 30 * DAY)).toBe(Number.NEGATIVE_INFINITY);
    expect(dueAt({ ...round, begunAt: null, wholeSince: NOW }, total, 30 * DAY)).toBe(NOW + 27 * DAY);
  });

  test("a round begins at once, keeps its pace, and ends within the promise", () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(1_000_000), fc.nat(10), (files, bytes, more) => {
        const due = dueAt({ ...round, files, bytes }, total, 30 * DAY);
        const later = dueAt({ ...round, files: files + more, bytes }, total, 30 * DAY);
        expect(due).toBeGreaterThanOrEqual(NOW);
        expect(later).toBeGreaterThanOrEqual(due);
        expect(later).toBeLessThanOrEqual(NOW + 27 * DAY);
      }),
    );
    expect(dueAt(round, total, 30 * DAY)).toBe(NOW);
  });
});

test("the brake holds where much is gone or unreadable, and not for a handful", () => {
  const copies = Array.from({ length: 1_000 }, (_, id) => ({
    id: id as never,
    host: "exao1",
    directoryPath: "/data",
    name: String(id),
    kept: { size: 1, mtimeSeconds: 0, mtimeNanoseconds: 0 },
    copiedAt: 1,
  }));
  const outcomes = (bad: number, why: object) =>
    copies.map(({ id }, index) =>
      index < bad
        ? ({ kind: "finding", id, state: "lost", message: "m", ...why } as const)
        : ({ kind: "good", id, read: true } as const),
    );
  for (const [bad, why, held] of [
    [100, {}, false],
    [199, {}, false],
    [201, {}, true],
    [201, { state: "suspect", unreadable: true }, true],
    [1_000, { state: "suspect" }, false],
    [1_000, { state: "corrupt" }, false],
  ] as const) {
    const totals = new VerifyTotals();
    totals.add(copies, outcomes(bad, why));
    expect(totals.tooMuchLost(0.2) !== undefined).toBe(held);
    expect(totals.tooMuchLost(1)).toBeUndefined();
  }
});
