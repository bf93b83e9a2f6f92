/** Is a quantity flat? What was sampled is cut in three: the first third is the warming up; then the median of the last third may not be higher than that of the second, but for what is tolerated. */

export interface Tolerance {
  /** Of the second third's median. */
  readonly share: number;
  /** In the quantity's own unit. */
  readonly units: number;
}

export interface Judgement {
  readonly first: number;
  readonly middle: number;
  readonly last: number;
  readonly isFlat: boolean;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** `samples` in the order of time; at least three. */
export function judge(samples: readonly number[], { share, units }: Tolerance): Judgement {
  const third = Math.max(1, Math.floor(samples.length / 3));
  const middle = median(samples.slice(third, samples.length - third));
  const last = median(samples.slice(-third));
  return { first: median(samples.slice(0, third)), middle, last, isFlat: last - middle <= Math.max(units, middle * share) };
}
