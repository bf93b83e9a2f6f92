/** Choices that a name and a seed decide: the same case is the same case again. */

/** Mulberry32 (https://gist.github.com/tommyettinger/46a874533244883189143505d203312c), begun with a hash of the text. */
export function chanceOf(text: string): () => number {
  let state = Number(Bun.hash(text) & 0xffffffffn);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
