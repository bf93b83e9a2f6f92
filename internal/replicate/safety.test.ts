/** The judgement against an oracle that tries all subsets of the copies of a random world, and is written from the rules and not from the code. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FILE_REPLICA_STATES, ORIGIN_STATES } from "../inventory/mod.ts";
import { independentCount, marksBelow, marksOf, shareFate } from "./independence.ts";
import { type CopyFacts, judgeSafety, type OriginFacts, type SafetyQuestion } from "./safety.ts";
import { SAFETY_REASONS } from "./safety-reasons.ts";

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;

/** Where something lies: which disk of which machine, and what of it can be told. */
interface Spot {
  readonly machine: number;
  readonly disk: number;
  readonly number: boolean;
  readonly device: boolean;
  /** It may be any disk of the machine as well. */
  readonly unclear: boolean;
}

interface WorldReplica {
  readonly spot: Spot;
  readonly marker: number;
  readonly inMemory: boolean;
  readonly row: boolean;
  readonly state: (typeof FILE_REPLICA_STATES)[number];
  readonly sameVersion: boolean;
  readonly digest: boolean;
  /** Of what it holds, where that is known. */
  readonly contents: number;
  readonly imported: "made" | "unconfirmed" | "confirmed";
  readonly verifiedDaysAgo: number | null;
  readonly seen: "as recorded" | "touched" | "grown" | "a link" | "gone" | "unreadable" | "not ready";
}

interface RandomWorld {
  readonly origin: {
    readonly spot: Spot;
    readonly state: (typeof ORIGIN_STATES)[number];
    readonly seen: "as recorded" | "touched" | "grown" | "a link" | "gone" | "unreadable";
    readonly writers: "none" | "some" | "unknown";
    readonly excluded: boolean;
  };
  readonly replicas: readonly WorldReplica[];
  readonly copies: number;
  readonly withinDays: number | null;
}

/** Mostly what is good, so that "safe" is not a rare answer. */
const mostly = <Value>(good: Value, all: readonly Value[]): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(good) }, { weight: 1, arbitrary: fc.constantFrom(...all) });

const spot: fc.Arbitrary<Spot> = fc.record({
  machine: fc.nat(2),
  disk: fc.nat(4),
  number: mostly(true, [false]),
  device: fc.boolean(),
  unclear: mostly(false, [true]),
});

const replica: fc.Arbitrary<WorldReplica> = fc.record({
  spot,
  marker: fc.nat(9),
  inMemory: mostly(false, [true]),
  row: mostly(true, [false]),
  state: mostly("current", FILE_REPLICA_STATES),
  sameVersion: mostly(true, [false]),
  digest: mostly(true, [false]),
  contents: fc.oneof({ weight: 40, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(2) }),
  imported: mostly("made", ["unconfirmed", "confirmed"]),
  verifiedDaysAgo: fc.oneof(fc.constant(null), fc.integer({ min: -2, max: 60 })),
  seen: mostly("as recorded", ["touched", "grown", "a link", "gone", "unreadable", "not ready"]),
});

const world: fc.Arbitrary<RandomWorld> = fc.record({
  origin: fc.record({
    spot,
    state: mostly("settled", ORIGIN_STATES),
    seen: mostly("as recorded", ["touched", "grown", "a link", "gone", "unreadable"]),
    writers: mostly("none", ["some", "unknown"]),
    excluded: mostly(false, [true]),
  }),
  replicas: fc.array(replica, { maxLength: 6 }),
  copies: fc.integer({ min: 1, max: 4 }),
  withinDays: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 60 })),
});

const EVIDENCE = { size: 7, mtimeSeconds: 1_000, mtimeNanoseconds: 5 };
const LOOKS = {
  "as recorded": { kind: "file", ...EVIDENCE },
  touched: { kind: "file", ...EVIDENCE, mtimeNanoseconds: 6 },
  grown: { kind: "file", ...EVIDENCE, size: 8 },
  "a link": { kind: "symlink", ...EVIDENCE },
} as const;

const placeOf = ({ machine, disk, number, device, unclear }: Spot, marker?: number) => ({
  fate: {
    machine: `machine ${machine}`,
    ...(number ? { fileSystem: `number ${disk}` } : {}),
    parts: device ? [`device ${disk}`] : [],
    unclear,
  },
  ...(marker === undefined ? {} : { marker: String(marker) }),
});

/** The world as the program would have looked at it. */
function factsOf({ origin, replicas, copies, withinDays }: RandomWorld): [OriginFacts, CopyFacts[], SafetyQuestion] {
  const [marks = new Set<string>(), ...others] = marksOf([
    placeOf(origin.spot),
    ...replicas.map((one) => placeOf(one.spot, one.marker)),
  ]);
  const now = origin.seen === "gone" ? undefined : origin.seen === "unreadable" ? { unreadable: "denied" } : LOOKS[origin.seen];
  const { state, writers, excluded } = origin;
  const facts = replicas.map((one, index): CopyFacts => {
    const seen =
      one.seen === "gone"
        ? ({ kind: "gone" } as const)
        : one.seen === "unreadable"
          ? ({ kind: "unreadable", message: "" } as const)
          : one.seen === "not ready"
            ? ({ kind: "not-ready", message: "" } as const)
            : ({
                kind: "there",
                now: LOOKS[one.seen],
                marks: others[index] ?? new Set<string>(),
                inMemory: one.inMemory,
              } as const);
    const row = {
      state: one.state,
      evidence: one.sameVersion ? EVIDENCE : { ...EVIDENCE, mtimeSeconds: 999 },
      kept: EVIDENCE,
      ...(one.digest ? { digest: new Uint8Array(32).fill(one.contents) } : {}),
      ...(one.imported === "made" ? {} : { imported: one.imported }),
      ...(one.verifiedDaysAgo === null ? {} : { verifiedAt: NOW - one.verifiedDaysAgo * DAY }),
    };
    return { replica: `replica ${index}`, seen, ...(one.row ? { row } : {}) };
  });
  const within = withinDays === null ? {} : { verifiedWithinMilliseconds: withinDays * DAY };
  return [{ row: { evidence: EVIDENCE, state }, now, writers, excluded, marks }, facts, { copies, now: NOW, ...within }];
}

/** Might the two be lost together? Where it cannot be told, they might. */
function together(one: Spot, other: Spot): boolean {
  if (one.machine !== other.machine) return false;
  const told = (given: Spot) => (given.number || given.device) && !given.unclear;
  if (!told(one) || !told(other)) return true;
  return one.disk === other.disk && ((one.number && other.number) || (one.device && other.device));
}

/** Tries every choice of replicas. */
function oracle({ origin, replicas, copies, withinDays }: RandomWorld): boolean {
  if (origin.state !== "settled" || origin.seen !== "as recorded" || origin.writers === "some" || origin.excluded) return false;
  const recordedIn = (one: WorldReplica): boolean => one.row && one.state === "current" && one.sameVersion && one.digest;
  const known = replicas.filter(recordedIn);
  const made = known.filter((one) => one.imported === "made");
  const held = new Set((made.length > 0 ? made : known).map((one) => one.contents));
  const counts = (one: WorldReplica): boolean => {
    const recorded = recordedIn(one) && held.size === 1 && held.has(one.contents);
    const read = one.verifiedDaysAgo !== null;
    const trusted = one.imported === "made" || (one.imported === "confirmed" && read);
    const fresh =
      withinDays === null || (one.verifiedDaysAgo !== null && one.verifiedDaysAgo >= 0 && one.verifiedDaysAgo <= withinDays);
    return recorded && trusted && fresh && one.seen === "as recorded" && !one.inMemory && !together(one.spot, origin.spot);
  };
  for (let choice = 0; choice < 1 << replicas.length; choice++) {
    const chosen = replicas.filter((_one, index) => (choice >> index) & 1);
    if (chosen.length < copies || !chosen.every(counts)) continue;
    const apart = chosen.every((one, index) =>
      chosen.every((other, at) => at <= index || (one.marker !== other.marker && !together(one.spot, other.spot))),
    );
    if (apart) return true;
  }
  return false;
}

describe("safe", () => {
  test("says yes exactly where the oracle does", () => {
    let yes = 0;
    fc.assert(
      fc.property(world, (given) => {
        const verdict = judgeSafety(...factsOf(given));
        expect(verdict.kind).toBe(oracle(given) ? "safe" : "blocked");
        if (verdict.kind === "safe") yes += 1;
        else {
          expect(SAFETY_REASONS[verdict.reason]).toBeString();
          expect(verdict.counted).toBeLessThan(given.copies);
          expect(verdict.message).not.toBe("");
        }
      }),
      { numRuns: 20_000 },
    );
    expect(yes).toBeGreaterThan(500);
  });

  test("one more fault never makes a file safe", () => {
    const faults: readonly ((given: RandomWorld) => RandomWorld)[] = [
      (given) => ({ ...given, copies: given.copies + 1 }),
      (given) => ({ ...given, replicas: given.replicas.slice(1) }),
      (given) => ({ ...given, origin: { ...given.origin, writers: "some" } }),
      (given) => ({ ...given, replicas: given.replicas.map((one) => ({ ...one, digest: false })) }),
      (given) => ({ ...given, replicas: given.replicas.map((one) => ({ ...one, spot: given.origin.spot })) }),
      (given) => ({ ...given, withinDays: Math.min(given.withinDays ?? 60, 10) }),
    ];
    // But that two copies contradict each other is known only as long as both are.
    const agreeing = world.map((given) => ({ ...given, replicas: given.replicas.map((one) => ({ ...one, contents: 1 })) }));
    fc.assert(
      fc.property(agreeing, fc.constantFrom(...faults), (given, fault) => {
        if (judgeSafety(...factsOf(fault(given))).kind === "safe") expect(judgeSafety(...factsOf(given)).kind).toBe("safe");
      }),
      { numRuns: 5_000 },
    );
  });

  test("the reason is the one that tells most", () => {
    const good: WorldReplica = {
      spot: { machine: 0, disk: 1, number: true, device: true, unclear: false },
      marker: 1,
      inMemory: false,
      row: true,
      state: "current",
      sameVersion: true,
      digest: true,
      contents: 1,
      imported: "made",
      verifiedDaysAgo: 1,
      seen: "as recorded",
    };
    const other = { ...good, marker: 2, spot: { ...good.spot, disk: 2 } };
    const origin = {
      spot: { ...good.spot, disk: 0 },
      state: "settled",
      seen: "as recorded",
      writers: "none",
      excluded: false,
    } as const;
    const reasonOf = (replicas: readonly WorldReplica[], withinDays: number | null = null): string => {
      const verdict = judgeSafety(...factsOf({ origin, replicas, copies: 2, withinDays }));
      return verdict.kind === "safe" ? "safe" : verdict.reason;
    };
    expect(reasonOf([good, other])).toBe("safe");
    expect(reasonOf([good])).toBe("TooFewCopies");
    expect(reasonOf([good, { ...good, marker: 2 }])).toBe("NotIndependent");
    expect(reasonOf([good, { ...other, marker: 1 }])).toBe("NotIndependent");
    expect(reasonOf([good, { ...other, spot: { ...other.spot, unclear: true } }])).toBe("NotIndependent");
    expect(reasonOf([good, { ...other, inMemory: true }])).toBe("InMemory");
    expect(reasonOf([good, { ...other, state: "corrupt" }, { ...other, seen: "not ready" }])).toBe("CopyCorrupt");
    expect(reasonOf([good, { ...other, row: false }])).toBe("NotCopied");
    expect(reasonOf([good, { ...other, verifiedDaysAgo: null }], 30)).toBe("NotVerified");
    expect(reasonOf([good, { ...other, verifiedDaysAgo: 31 }], 30)).toBe("EvidenceTooOld");
    expect(reasonOf([good, { ...other, imported: "confirmed", verifiedDaysAgo: null }])).toBe("NotVerified");
  });
});

describe("independence", () => {
  test("what is mounted below a root belongs to both; where it cannot be told what it is, to all of its machine", () => {
    const fate = (machine: string, part: string) => ({ machine, parts: [part] });
    const all = marksOf([{ fate: fate("here", "a") }, { fate: fate("here", "b") }, { fate: fate("there", "c") }]);
    const [one = new Set(), other = new Set(), far = new Set()] = all;
    const told = marksBelow(one, fate("here", "d"), all);
    expect([one, other, far].map((marks) => shareFate(told, marks))).toEqual([true, false, false]);
    const untold = marksBelow(one, { ...fate("here", "d"), unclear: true }, all);
    expect([one, other, far].map((marks) => shareFate(untold, marks))).toEqual([true, true, false]);
  });

  test("the largest choice is found, and no more than is asked for", () => {
    const places = fc.array(fc.uniqueArray(fc.nat(6).map(String), { minLength: 1, maxLength: 3 }), { maxLength: 8 });
    fc.assert(
      fc.property(places, fc.nat(5), (given, enough) => {
        const marks = given.map((one) => new Set(one));
        let best = 0;
        for (let choice = 0; choice < 1 << marks.length; choice++) {
          const chosen = marks.filter((_one, index) => (choice >> index) & 1);
          const apart = chosen.every((one, index) => chosen.every((other, at) => at <= index || !shareFate(one, other)));
          if (apart) best = Math.max(best, chosen.length);
        }
        expect(independentCount(marks, enough)).toBe(Math.min(best, enough));
      }),
    );
  });
});
