/** The known word that a mistyped one most likely stands for. */

/** Levenshtein distance, with swapped neighbours as one step (Damerau; the "optimal string alignment" form). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      current.push(best);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_ ]/g, "");

/** A beginning as long as this is enough to be meant: "alias" for "aliases". */
const SHORTEST_BEGINNING = 4;

/** The nearest of the known words, if any is near enough to be meant, else one that begins so. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  const scored = known.map((candidate) => ({ candidate, score: distance(plain(word), plain(candidate)) }));
  const best = scored.toSorted((a, b) => a.score - b.score)[0];
  if (best !== undefined && best.score <= Math.max(1, Math.floor(word.length / 3))) return best.candidate;
  return word.length < SHORTEST_BEGINNING ? undefined : known.find((candidate) => plain(candidate).startsWith(plain(word)));
}
