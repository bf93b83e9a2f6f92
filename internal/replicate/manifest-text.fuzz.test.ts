/** Manifests that somebody else has written, with checksums that are right: whatever a copy's lines say, what is read could have been written, however the file comes in pieces. */
import { expect } from "bun:test";
import fc from "fast-check";
import { FILE_REPLICA_STATES, IMPORT_STATES, type ManifestCopy } from "../inventory/mod.ts";
import { bytesOfText } from "../sys/mod.ts";
import { fuzzTest, mutated } from "../testing/mod.ts";
import { type ManifestPiece, ManifestReader, manifestEnd, manifestHead, manifestLines } from "./manifest-text.ts";

const SUBJECT = { host: "exao1", directory: "/data/a" };
const COPY: ManifestCopy = {
  name: "x.fits",
  place: "exao1/data/a",
  evidence: { size: 4096, mtimeSeconds: 1_795_528_247, mtimeNanoseconds: 123_456_789 },
  kept: { mtimeSeconds: 1_795_528_247, mtimeNanoseconds: 0 },
  digest: new Uint8Array(32).fill(7),
  state: "current",
  copiedAt: 1_795_528_250_000,
  verifiedAt: 1_795_528_260_000,
  imported: undefined,
  createdAt: undefined,
  held: true,
};
const BARE: ManifestCopy = {
  ...COPY,
  name: "a\\b\nc",
  kept: undefined,
  digest: undefined,
  verifiedAt: undefined,
  imported: "confirmed",
  createdAt: -5,
};

const textOf = (...copies: readonly ManifestCopy[]): Uint8Array =>
  Buffer.concat([
    manifestHead(SUBJECT),
    ...copies.map((copy) => bytesOfText(manifestLines(copy, `${copy.place}/${copy.name}`))),
    manifestEnd(copies.length),
  ]);

const WORDS = [
  "\n",
  "#: ",
  "# end 1\n",
  "  ",
  "-",
  "/",
  "..",
  "../../etc/passwd",
  "\0",
  "\\n",
  "\\",
  "9007199254740993",
  "9999999999999999",
  "-9999999999999999",
  ".999999999",
  "1e9",
  "stale",
  "corrupt",
  "pending",
];

/** Words in the place of a name, or of a folder. */
const strange = fc
  .tuple(fc.constantFrom(...WORDS, ".", "", "x"), fc.constantFrom(...WORDS, COPY.place))
  .map(([name, place]) => textOf({ ...COPY, name, place }, { ...BARE, place, name: `${name}/` }));

const KNOWN = "#: ";
const CRC_DIGITS = 8;

/** As who means harm would leave it: each checksum is that of what follows it. */
function withRightChecksums(bytes: Uint8Array): Uint8Array {
  const lines = Buffer.from(bytes).toString("latin1").split("\n");
  for (let index = 0; index + 1 < lines.length; index += 1) {
    const line = lines[index] ?? "";
    const from = KNOWN.length + CRC_DIGITS + 1;
    if (!line.startsWith(KNOWN) || line.length < from) continue;
    const checked = Buffer.from(`${line.slice(from)}\n${lines[index + 1]}`, "latin1");
    lines[index] = `${KNOWN}${Bun.hash.crc32(checked).toString(16).padStart(CRC_DIGITS, "0")} ${line.slice(from)}`;
    index += 1;
  }
  return Buffer.from(lines.join("\n"), "latin1");
}

function read(bytes: Uint8Array, piece: number): ManifestPiece[] {
  const reader = new ManifestReader(SUBJECT);
  const found: ManifestPiece[] = [];
  for (let at = 0; at < bytes.length; at += piece) found.push(...reader.take(bytes.subarray(at, at + piece)));
  return [...found, ...reader.end()];
}

function couldBeWritten({ name, evidence, kept, digest, state, copiedAt, verifiedAt, imported, createdAt }: ManifestCopy): void {
  expect(name).not.toBeOneOf(["", ".", ".."]);
  expect(name).not.toMatch(/[/\0]/);
  expect(evidence.size).toBeGreaterThanOrEqual(0);
  for (const time of [evidence, ...(kept === undefined ? [] : [kept])]) {
    expect(Number.isSafeInteger(time.mtimeSeconds)).toBe(true);
    expect(time.mtimeNanoseconds >= 0 && time.mtimeNanoseconds < 1e9).toBe(true);
  }
  for (const number of [evidence.size, copiedAt, verifiedAt ?? 0, createdAt ?? 0])
    expect(Number.isSafeInteger(number)).toBe(true);
  for (const moment of [copiedAt, verifiedAt ?? 0]) expect(new Date(moment).toISOString()).toBeString();
  expect(digest?.length ?? 32).toBe(32);
  expect(FILE_REPLICA_STATES).toContain(state);
  expect([undefined, ...IMPORT_STATES]).toContain(imported);
}

fuzzTest(
  "a manifest tells of copies that can be, or of damage",
  fc.property(
    fc.oneof(mutated([textOf(COPY, BARE), textOf(BARE), textOf()], WORDS), strange),
    fc.boolean(),
    fc.integer({ min: 1, max: 300 }),
    (bytes, isMended, piece) => {
      const manifest = isMended ? withRightChecksums(bytes) : bytes;
      const found = read(manifest, manifest.length + 1);
      expect(read(manifest, piece)).toEqual(found);
      for (const one of found) if (one.kind === "copy") couldBeWritten(one.copy);
    },
  ),
);
