/** Manifests as text: what is written is read again, by us and by sha256sum; what is damaged is known to be. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FILE_REPLICA_STATES, IMPORT_STATES, type ManifestCopy } from "../inventory/mod.ts";
import { bytesOfText, textOfBytes } from "../sys/mod.ts";
import { type ManifestPiece, ManifestReader, manifestEnd, manifestHead, manifestLines } from "./manifest-text.ts";

const SUBJECT = { host: "exao1", directory: "/data/a\\b" };
const FOLDER = "exao1/data/a\\b";

/** Any bytes but "/" and NUL, as text; no directory's own names. */
const name = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => textOfBytes(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x0a : byte))))
  .filter((text) => text !== "." && text !== "..");
const time = fc.record({
  mtimeSeconds: fc.integer({ min: -1_000_000, max: 2 ** 40 }),
  mtimeNanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
});
const moment = fc.integer({ min: 0, max: 2 ** 45 });
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const copy: fc.Arbitrary<ManifestCopy> = fc.record({
  name,
  place: fc.constant(FOLDER),
  evidence: fc.tuple(fc.integer({ min: 0, max: 2 ** 50 }), time).map(([size, at]) => ({ size, ...at })),
  kept: maybe(time),
  digest: maybe(fc.uint8Array({ minLength: 32, maxLength: 32 })),
  state: fc.constantFrom(...FILE_REPLICA_STATES),
  copiedAt: moment,
  verifiedAt: maybe(moment),
  imported: maybe(fc.constantFrom(...IMPORT_STATES)),
  createdAt: maybe(moment),
  held: fc.boolean(),
});
const copies = fc.array(copy, { maxLength: 6 });

const text = (all: readonly ManifestCopy[]): Uint8Array =>
  Buffer.concat([
    manifestHead(SUBJECT),
    ...all.map((one) => bytesOfText(manifestLines(one, `${FOLDER}/${one.name}`))),
    manifestEnd(all.length),
  ]);

function read(bytes: Uint8Array, piece = 1 << 20): ManifestPiece[] {
  const reader = new ManifestReader(SUBJECT);
  const found: ManifestPiece[] = [];
  for (let at = 0; at < bytes.length; at += piece) found.push(...reader.take(bytes.subarray(at, at + piece)));
  return [...found, ...reader.end()];
}

test("what was written is read, in pieces of any length", () => {
  fc.assert(
    fc.property(copies, fc.integer({ min: 1, max: 500 }), (all, piece) => {
      expect(read(text(all), piece)).toEqual(all.map((one) => ({ kind: "copy", copy: one })));
    }),
  );
});

test("whatever happens to one byte, no copy is read as another, and that something is wrong is told", () => {
  fc.assert(
    fc.property(copies, fc.nat(), fc.integer({ min: 1, max: 255 }), (all, position, change) => {
      const bytes = text(all);
      const at = position % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ change;
      const pieces = read(bytes);
      const known = all.map((one) => JSON.stringify({ kind: "copy", copy: one }));
      for (const piece of pieces) if (piece.kind === "copy") expect(known).toContain(JSON.stringify(piece));
      // What stands above is for people, too.
      if (at >= manifestHead(SUBJECT).length) expect(pieces.some(({ kind }) => kind === "damaged")).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("a manifest that was cut off says so, and what is left of it counts", () => {
  fc.assert(
    fc.property(copies, fc.nat(), (all, length) => {
      const whole = text(all);
      const pieces = read(whole.subarray(0, length % whole.length));
      expect(pieces.at(-1)?.kind).toBe("damaged");
      const found = pieces.flatMap((piece) => (piece.kind === "copy" ? [piece.copy] : []));
      expect(found).toEqual(all.slice(0, found.length));
    }),
  );
});

describe("a manifest of another directory", () => {
  test("tells nothing of this one", () => {
    const one = { ...SUBJECT, directory: "/data/other" };
    expect(read(Buffer.concat([manifestHead(one), manifestEnd(0)])).every(({ kind }) => kind === "damaged")).toBe(true);
  });
});

test("a line that never ends is given up, and nothing of it is held", () => {
  const reader = new ManifestReader(SUBJECT);
  const found: ManifestPiece[] = [...reader.take(manifestHead(SUBJECT))];
  let pieces = 0;
  for (; pieces < 100 && !reader.isGivenUp; pieces += 1) found.push(...reader.take(new Uint8Array(1 << 18)));
  expect(pieces).toBeLessThan(20);
  expect([...found, ...reader.end()]).toEqual([{ kind: "damaged", line: 5 }]);
});

test("a file that is no manifest is given up after its head", () => {
  const reader = new ManifestReader(SUBJECT);
  const found = [...reader.take(bytesOfText("one\ntwo\nthree\nfour\nfive\n"))];
  expect(found).toHaveLength(4);
  expect(reader.isGivenUp).toBe(true);
});

test("numbers that no double holds, and times that are none, are damage", () => {
  const good: ManifestCopy = {
    name: "x",
    place: FOLDER,
    evidence: { size: 1, mtimeSeconds: 2, mtimeNanoseconds: 3 },
    kept: undefined,
    digest: undefined,
    state: "current",
    copiedAt: 4,
    verifiedAt: 5,
    imported: undefined,
    createdAt: undefined,
    held: false,
  };
  expect(read(text([good])).map(({ kind }) => kind)).toEqual(["copy"]);
  for (const wrong of [
    { evidence: { ...good.evidence, size: 2 ** 53 } },
    { evidence: { ...good.evidence, mtimeSeconds: -(2 ** 53) } },
    { copiedAt: 8_640_000_000_000_001 },
    { verifiedAt: 8_640_000_000_000_001 },
  ])
    expect(read(text([{ ...good, ...wrong }])).map(({ kind }) => kind)).toEqual(["damaged"]);
});
