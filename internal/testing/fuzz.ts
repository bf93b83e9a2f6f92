/**
 * Fuzzing: properties that must hold for whatever comes from outside, and the inputs that are most likely to break them: right ones with something wrong in them.
 *
 * `XTELEMDB_FUZZ=1000000` runs so many cases of each target and tells how many it were; without it there are few enough for every run of the tests. What fails is printed with its seed
 * and the smallest input; `XTELEMDB_SEED` runs the same cases again.
 */
import { test } from "bun:test";
import fc from "fast-check";

const USUAL_RUNS = 2_000;
/** A full run takes as long as it takes. */
const FULL_RUN_MILLISECONDS = 24 * 3_600_000;
const USUAL_MILLISECONDS = 60_000;

const asked = Number(process.env.XTELEMDB_FUZZ ?? 0);
const seed = Number(process.env.XTELEMDB_SEED);

/** How many cases. `share`: of a target whose cases cost more (or less) than others. */
export const fuzzRuns = (share = 1): number => Math.max(1, Math.round((asked || USUAL_RUNS) * share));

/** Declares a test in which a property holds for every case. */
export function fuzzTest<Case>(
  name: string,
  property: fc.IPropertyWithHooks<Case> | fc.IAsyncPropertyWithHooks<Case>,
  share = 1,
): void {
  const numRuns = fuzzRuns(share);
  const run = async (): Promise<void> => {
    const begun = performance.now();
    await fc.assert(property as fc.IAsyncProperty<Case>, { numRuns, ...(Number.isSafeInteger(seed) ? { seed } : {}) });
    const seconds = (performance.now() - begun) / 1000;
    if (asked > 0) console.log(`fuzz\t${numRuns} cases\t${seconds.toFixed(1)} s\t${name}`);
  };
  test(name, run, asked > 0 ? FULL_RUN_MILLISECONDS : USUAL_MILLISECONDS);
}

/** Numbers at which lengths, signs and limits turn. */
const EDGES = [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10_0000, 0x10_0001, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
];

/** One thing done to bytes: what, where, how much of it, and a number that it needs. */
export type Mutation = readonly [kind: number, at: number, length: number, number: number];

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const mutation: fc.Arbitrary<Mutation> = fc.tuple(fc.nat(8), u32, fc.nat(64), u32);

/** Up to `most` things to do. */
export const mutations = (most: number): fc.Arbitrary<readonly Mutation[]> => fc.array(mutation, { maxLength: most });

/** Does them, one after the other. */
export const mutate = (bytes: Uint8Array, what: readonly Mutation[], pieces: readonly Uint8Array[]): Uint8Array =>
  what.reduce<Buffer>(
    (whole, one) => mutateOnce(whole, one, pieces),
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  );

function mutateOnce(bytes: Buffer, [kind, place, length, number]: Mutation, pieces: readonly Uint8Array[]): Buffer {
  const at = bytes.length === 0 ? 0 : place % (bytes.length + 1);
  const end = Math.min(bytes.length, at + length);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  const piece = pieces[number % pieces.length] ?? Buffer.alloc(0);
  switch (kind) {
    case 0: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << (number % 8));
      return flipped;
    }
    case 1: {
      const edged = Buffer.concat([bytes, Buffer.alloc(4)]);
      edged.writeUInt32BE(EDGES[number % EDGES.length] ?? 0, at);
      return edged.subarray(0, bytes.length);
    }
    case 2:
      return before;
    case 3:
      return Buffer.concat([before, bytes.subarray(end)]);
    case 4:
      return Buffer.concat([before, bytes.subarray(at, end), after]);
    case 5:
      return Buffer.concat([before, Buffer.from([number & 0xff]), after]);
    case 6:
      return Buffer.concat([before, piece, after]);
    case 7:
      return Buffer.concat([before, piece, bytes.subarray(end)]);
    default:
      return Buffer.concat([
        before,
        Buffer.alloc(Math.min(1 << 14, bytes.subarray(at, end).length * (number % 200)), bytes.subarray(at, end)),
        after,
      ]);
  }
}

/**
 * Right inputs with up to `most` things done to them: bits flipped, numbers replaced, cut short, cut out, doubled, repeated many times, spliced with each other and with `pieces` (words of
 * the format). Shrinks to the right input.
 */
export function mutated(
  corpus: readonly (Uint8Array | string)[],
  pieces: readonly (Uint8Array | string)[] = [],
  most = 6,
): fc.Arbitrary<Uint8Array> {
  const inputs = corpus.map((one) => Buffer.from(one));
  const words = [...pieces.map((one) => Buffer.from(one)), ...inputs];
  return fc
    .tuple(fc.nat(inputs.length - 1), mutations(most))
    .map(([index, what]) => mutate(inputs[index] ?? Buffer.alloc(0), what, words));
}

/** The same, as text; what is not UTF-8 becomes U+FFFD. */
export const mutatedText = (corpus: readonly string[], pieces: readonly string[] = [], most = 6): fc.Arbitrary<string> =>
  mutated(corpus, pieces, most).map((bytes) => Buffer.from(bytes).toString("utf8"));
