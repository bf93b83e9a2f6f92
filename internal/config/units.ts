/** Durations, sizes and shares as operators write them. Each parser answers with undefined for what it does not understand. */
const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

export const DURATION_EXAMPLES = '"10s", "10m", "1h30m", "30d"';
export const SIZE_EXAMPLES = '"500 MB", "1 GiB"';

/** Milliseconds of "1h30m": one or more whole numbers, each with a unit. */
export function parseDuration(text: string): number | undefined {
  const part = /(\d+)(ms|s|m|h|d|w)/g;
  if (!/^(\d+(ms|s|m|h|d|w))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, count = "", unit = ""] of text.matchAll(part)) total += Number(count) * (DURATION_UNITS[unit] ?? 0);
  return Number.isSafeInteger(total) ? total : undefined;
}

/** The shortest text that `parseDuration` reads back. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  let rest = milliseconds;
  let text = "";
  for (const [unit, size] of Object.entries(DURATION_UNITS).toSorted(([, a], [, b]) => b - a)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** Bytes of "1.5 GiB", "500MB"; "0" needs no unit. */
export function parseSize(text: string): number | undefined {
  if (text === "0") return 0;
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text);
  const unit = SIZE_UNITS[match?.[2] ?? ""];
  if (match === null || unit === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The share 0..1 of "20%"; up to six decimals, so that it can be written back to the same number. */
export function parseShare(text: string): number | undefined {
  const match = /^(\d+(?:\.\d{1,6})?)%$/.exec(text);
  const share = Number(match?.[1]) / 100;
  return match !== null && share <= 1 ? share : undefined;
}

/** The text that `parseShare` reads back; nine digits hold every share it reads. */
export const formatShare = (share: number): string => `${Number((share * 100).toPrecision(12))}%`;
