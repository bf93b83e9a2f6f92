/**
 * Which copies share a fate. Everything here is pure: a place is a set of marks, and two places that have one in common may be lost together. Where it cannot be told
 * whether two are apart, they have a mark in common.
 */
import type { Fate } from "../volume/mod.ts";

export type Marks = ReadonlySet<string>;

export interface Place {
  readonly fate: Fate;
  /** Of a replica: its marker's UUID, the same wherever it is reached. */
  readonly marker?: string;
}

/** The marks of places that are to be told apart, in their order. */
export function marksOf(places: readonly Place[]): Marks[] {
  const clear = places.map(({ fate: { machine, fileSystem, parts } }) => [
    ...parts.map((part) => `${machine}: ${part}`),
    ...(fileSystem === undefined ? [] : [`${machine}: file system ${fileSystem}`]),
  ]);
  return places.map(({ fate: { machine, unclear = false }, marker }, index) => {
    const own = clear[index] ?? [];
    // A file system that cannot be told may be any of its machine.
    const any = places.flatMap(({ fate }, other) => (fate.machine === machine ? (clear[other] ?? []) : []));
    const blurred = own.length === 0 || unclear ? [machine, ...any] : [];
    return new Set([...own, ...blurred, ...(marker === undefined ? [] : [`marker ${marker}`])]);
  });
}

/** The marks of what is mounted below a root: it belongs to both. `all`: of every place that it is to be told apart from. */
export function marksBelow(root: Marks, { machine, parts, unclear = false }: Fate, all: readonly Marks[]): Marks {
  const own = parts.map((part) => `${machine}: ${part}`);
  const any = all.flatMap((marks) => [...marks].filter((mark) => mark.startsWith(`${machine}: `)));
  return new Set([...root, ...own, ...(unclear ? [machine, ...any] : [])]);
}

export const shareFate = (one: Marks, other: Marks): boolean => !one.isDisjointFrom(other);

/** How many of these places are there at most that share nothing with each other; no more than `enough` are looked for. */
export function independentCount(places: readonly Marks[], enough: number): number {
  if (enough <= 0) return 0;
  const [first, ...rest] = places;
  if (first === undefined) return 0;
  const apart = rest.filter((other) => !shareFate(first, other));
  const taken = 1 + independentCount(apart, enough - 1);
  // One that is in nobody's way is always among them.
  return taken >= enough || apart.length === rest.length ? taken : Math.max(taken, independentCount(rest, enough));
}
