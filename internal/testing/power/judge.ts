/** What must hold on the disks after a cut, whatever was lost of what was not flushed. */
import type { CurrentRow, Look } from "./look.ts";
import type { Recorded } from "./recording.ts";

export interface Judgement {
  readonly torn: readonly string[];
  readonly lost: readonly string[];
  readonly falseCurrent: readonly string[];
  readonly other: readonly string[];
}

const isTrue = ({ path, sha256, size }: CurrentRow, { copies, sizes }: Look): boolean =>
  sizes[path] === size && (sha256 === null || sha256 === copies[path]);

/** A row without a digest was made from what lay there: what that was, the looks before and after say. */
const isAsItWas = ({ path, sha256 }: CurrentRow, { copies }: Look, { before, after }: Recorded): boolean =>
  sha256 !== null || [before.copies[path], after.copies[path]].includes(copies[path]);

/** Files that have none of the contents that they had before or after. */
const strange = (
  now: Readonly<Record<string, string>>,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] => Object.keys(now).filter((path) => now[path] !== before[path] && now[path] !== after[path]);

const missing = (now: Readonly<Record<string, string>>, then: Readonly<Record<string, string>>): string[] =>
  Object.keys(then).filter((path) => now[path] === undefined);

/** `ended`: the command had said that it was done. */
export function judge(now: Look, recorded: Recorded, ended: boolean): Judgement {
  const { before, after, step } = recorded;
  const foreign = step.foreign === true;
  const origins = step.freshOrigin === true ? { torn: [], lost: [] } : originsOf(now, recorded, ended);
  const must = ended ? after : before;
  const damagedBefore = new Set(before.rows.filter((row) => !isTrue(row, before)).map(({ path }) => path));
  const falseCurrent = now.rows
    .filter((row) => !isTrue(row, now) || !isAsItWas(row, now, recorded))
    // What a step's beginning has damaged is known to be wrong only when the step is done.
    .filter(({ path }) => !damagedBefore.has(path) || now.copies[path] !== before.copies[path] || ended)
    .map(({ path, sha256 }) => `${path}: ${now.copies[path] ?? "nothing"} is there, ${sha256 ?? "no digest"} is recorded`);
  return {
    torn: [...(foreign ? [] : strange(now.copies, before.copies, after.copies)), ...origins.torn],
    lost: [...(foreign ? [] : missing(now.copies, must.copies)), ...origins.lost],
    falseCurrent,
    other: [...ownFiles(now, recorded, ended), ...databases(now, recorded, ended), ...configuration(now, recorded, ended)],
  };
}

const originsOf = (now: Look, { before, after }: Recorded, ended: boolean): Pick<Judgement, "torn" | "lost"> => ({
  torn: strange(now.origin, before.origin, after.origin),
  lost: missing(now.origin, (ended ? after : before).origin),
});

function ownFiles(now: Look, { before, after }: Recorded, ended: boolean): string[] {
  return [
    ...strange(now.own, before.own, after.own)
      .filter((path) => !isBetween(now.own[path], before.own[path], after.own[path]))
      .map((path) => `${path} at the replica's root says ${JSON.stringify(now.own[path])}`),
    ...missing(now.own, (ended ? after : before).own).map((path) => `${path} at the replica's root is gone`),
    ...now.unfinished.map((path) => `a manifest without its end: ${path}`),
  ];
}

/** A generation is raised more than once in a run: it may be any of those between. */
function isBetween(now: string | undefined, before: string | undefined, after: string | undefined): boolean {
  const numberOf = (text = ""): number => Number(/^\{"format":1,"number":(\d+),.*\}\n$/.exec(text)?.[1] ?? Number.NaN);
  return numberOf(now) >= (before === undefined ? 0 : numberOf(before)) && numberOf(now) < numberOf(after);
}

function databases(now: Look, { before, after }: Recorded, ended: boolean): string[] {
  return [
    ...Object.entries(now.databases).flatMap(([path, said]) => (said === "ok" ? [] : [`${path}: ${said}`])),
    ...missing(now.databases, (ended ? after : before).databases).map((path) => `${path} is gone`),
  ];
}

function configuration(now: Look, { before, after }: Recorded, ended: boolean): string[] {
  const may = ended ? [after.configuration] : [before.configuration, after.configuration];
  return may.includes(now.configuration) ? [] : [`the configuration says ${JSON.stringify(now.configuration)}`];
}

/** Everything that is wrong, in words. */
export const failuresOf = ({ torn, lost, falseCurrent, other }: Judgement): string[] => [
  ...torn.map((path) => `torn: ${path}`),
  ...lost.map((path) => `lost: ${path}`),
  ...falseCurrent.map((text) => `current, and it is not: ${text}`),
  ...other,
];
