/** Which of all cases a run tries: all, a part of them, or a sample that the seed chooses. */
import type { FaultOptions } from "./fault-row.ts";

/** Mulberry32: the same seed gives the same numbers (https://gist.github.com/tommyettinger/46a874533244883189143505d203312c). */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many of the items, chosen by the seed. */
export function sample<Item>(items: readonly Item[], count: number, seed: number): Item[] {
  const next = chance(seed);
  return items
    .map((item) => ({ item, at: next() }))
    .toSorted((a, b) => a.at - b.at)
    .slice(0, count)
    .map(({ item }) => item);
}

const SEED = Number(process.env.XTELEMDB_SEED ?? 1);

/** What every run of the tests tries of many cases: a few, chosen by the seed (`XTELEMDB_SEED`); with `XTELEMDB_CASES=all`, as scripts/faults sets it, all. */
export const usualCases = <Case>(all: readonly Case[], few: number): readonly Case[] =>
  process.env.XTELEMDB_CASES === "all" ? all : sample(all, few, SEED);

/** `few`: how many a quick run tries. Parts share no case and together have all, so that a long run can be made in several. In order, unless it is a sample. */
export function chosenCases<Case>(
  all: readonly Case[],
  few: number,
  { quick, cases, seed, part }: Pick<FaultOptions, "quick" | "cases" | "seed" | "part">,
): readonly Case[] {
  const mine = part === undefined ? all : all.filter((_, index) => index % part.of === part.number - 1);
  const count = cases ?? (quick ? few : mine.length);
  return count < mine.length ? sample(mine, count, seed) : mine;
}
