/**
 * Where the power is cut, and what becomes of what was not flushed at that moment. A disk keeps everything that it was told to flush; of the rest it may keep all, nothing,
 * or any part, in any order (a volatile cache writes out what it likes), and of one write some of its blocks only.
 */
import { chanceOf } from "./chance.ts";
import type { DiskLog, DiskRecord, Stretch } from "./disk-log.ts";
import { DISKS, type DiskName } from "./recorded-disks.ts";

/** What is kept of the writes that were not flushed. A disk's name: all of that disk's, none of the others'. */
export const KEPT = ["nothing", "everything", ...DISKS, "some-writes", "some-blocks"] as const;
export type Kept = (typeof KEPT)[number];

export interface Cut {
  readonly step: string;
  /** Right before the Nth flush of the step, counted from 1 over all disks; "end": when its command has ended. */
  readonly flush: number | "end";
  readonly kept: Kept;
}

/** "sync:12:some-writes". */
export const cutName = ({ step, flush, kept }: Cut): string => `${step}:${flush}:${kept}`;

export function cutOf(name: string): Cut | undefined {
  const [, step, flush, word] = /^([\w-]+):(\d+|end):([\w-]+)$/.exec(name) ?? [];
  const kept = KEPT.find((known) => known === word);
  if (step === undefined || flush === undefined || kept === undefined) return undefined;
  return { step, flush: flush === "end" ? "end" : Number(flush), kept };
}

export const beginMark = (step: string): string => `begin ${step}`;
export const endMark = (step: string): string => `end ${step}`;

function markAt(records: readonly DiskRecord[], text: string): number {
  const found = records.findIndex((one) => one.kind === "mark" && one.text === text);
  if (found < 0) throw new Error(`the log has no mark "${text}"`);
  return found;
}

/** The positions in the log of a step's flushes. */
function flushesOf(records: readonly DiskRecord[], step: string): number[] {
  const end = markAt(records, endMark(step));
  const positions: number[] = [];
  for (let position = markAt(records, beginMark(step)); position < end; position++)
    if (records[position]?.kind === "flush") positions.push(position);
  return positions;
}

/** Every cut of these steps that leaves the disks as no cut before it: of a moment at which one disk has one write to lose there are two, not seven. */
export function cutsOf(log: DiskLog, steps: readonly string[]): Cut[] {
  return steps.flatMap((step) => {
    const moments: Cut["flush"][] = flushesOf(log.records, step).map((_, index) => index + 1);
    const seen = new Set<string>();
    return [...moments, "end" as const].flatMap((flush) => {
      const writes = writesBefore(log, { step, flush });
      return KEPT.flatMap((kept): Cut[] => {
        // When the command has said that it was done, more is asked of the same disks.
        const left = `${flush === "end" ? "end " : ""}${leftBy(kept, writes)}`;
        if (seen.has(left)) return [];
        seen.add(left);
        return [{ step, flush, kept }];
      });
    });
  });
}

/** Writes to one disk until a moment: all, those that were flushed, and the blocks of the others. */
interface Writes {
  readonly all: number;
  readonly flushed: number;
  readonly loose: number;
}

function writesBefore(log: DiskLog, moment: Pick<Cut, "step" | "flush">): readonly Writes[] {
  const end = positionOf(log, moment) ?? log.records.length;
  return DISKS.map((_name, disk) => {
    let [all, flushed, loose] = [0, 0, 0];
    for (let position = 0; position < end; position++) {
      const one = log.records[position];
      if (one === undefined || one.kind === "mark" || one.disk !== disk) continue;
      if (one.kind === "flush") [flushed, loose] = [all, 0];
      else {
        all += 1;
        loose += blocksOf(one).length;
      }
    }
    return { all, flushed, loose };
  });
}

/** The same text for the same writes on the disks. By chance nothing or all is kept where there is but one to choose. */
function leftBy(kept: Kept, writes: readonly Writes[]): string {
  const total = (of: (one: Writes) => number): number => writes.reduce((sum, one) => sum + of(one), 0);
  const whole = (keeps: (index: number) => boolean): string =>
    writes.map(({ all, flushed }, index) => (keeps(index) ? all : flushed)).join(" ");
  const byChance = (choices: number): string =>
    choices < 2 ? whole(() => false) : `${kept} ${writes.map(({ all, flushed }) => `${flushed}-${all}`).join(" ")}`;
  switch (kept) {
    case "nothing":
      return whole(() => false);
    case "everything":
      return whole(() => true);
    case "some-writes":
      return byChance(total(({ all, flushed }) => all - flushed));
    case "some-blocks":
      return byChance(total(({ loose }) => loose));
    default:
      return whole((index) => DISKS[index] === kept);
  }
}

/** Where in the log that is; undefined where the step has no such flush. */
export function positionOf({ records }: DiskLog, { step, flush }: Pick<Cut, "step" | "flush">): number | undefined {
  return flush === "end" ? markAt(records, endMark(step)) : flushesOf(records, step)[flush - 1];
}

const BLOCK_BYTES = 4096;

/** The blocks of a write of which each is kept or not by itself. */
const blocksOf = ({ at, from, to }: Stretch): Stretch[] =>
  Array.from({ length: Math.ceil((to - from) / BLOCK_BYTES) }, (_, index) => {
    const begin = index * BLOCK_BYTES;
    return { at: at + begin, from: from + begin, to: Math.min(to, from + begin + BLOCK_BYTES) };
  });

export interface CutOptions {
  readonly seed: number;
  /** Disks whose flushes are taken for nothing: they keep nothing but what their cache happens to write out. */
  readonly deaf?: readonly DiskName[];
}

/** What each disk has in the end, beside what it had before the log began. */
export function keptOf(log: DiskLog, cut: Cut, { seed, deaf = [] }: CutOptions): readonly (readonly Stretch[])[] {
  const end = positionOf(log, cut);
  if (end === undefined) throw new Error(`there is no cut ${cutName(cut)}`);
  const before = log.records.slice(0, end);
  const begin = markAt(log.records, beginMark(cut.step));
  const chance = chanceOf(`${seed} ${cutName(cut)}`);
  return DISKS.map((name, disk) => {
    const flushed = before.findLastIndex(
      (one, at) => one.kind === "flush" && one.disk === disk && (at < begin || !deaf.includes(name)),
    );
    // Each disk is lucky in its own way.
    const share = chance();
    return before.flatMap((one, at): Stretch[] => {
      if (one.kind !== "write" || one.disk !== disk) return [];
      if (at < flushed || cut.kept === "everything" || cut.kept === name) return [one];
      if (cut.kept === "some-writes") return chance() < share ? [one] : [];
      if (cut.kept === "some-blocks") return blocksOf(one).filter(() => chance() < share);
      return [];
    });
  });
}
