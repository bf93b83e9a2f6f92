/** The worlds as a kind of fault: what is done to disks in the middle of a run. */
import type { FaultKind, FaultOptions, FaultRow } from "../fault-row.ts";
import { sample } from "../faults/sweep.ts";
import { whyNot } from "../requirement.ts";
import { DISK_KINDS, DISK_NEEDS } from "./disk.ts";
import { DEED_WORDS, DEEDS, type Deed, type DiskCase, diskCaseName, diskCaseOf, isPossible, runDiskCase } from "./disk-case.ts";
import { type WorldCase, worldRow } from "./world-result.ts";

/** So many files have arrived when it happens. */
const MOMENTS = [1, 5, 12, 20] as const;

const asCase = (one: DiskCase): WorldCase => ({ name: diskCaseName(one), run: () => runDiskCase(one) });

function diskCases(deed: Deed): readonly DiskCase[] {
  return DISK_KINDS.filter((kind) => isPossible(kind, deed) && whyNot(DISK_NEEDS[kind]) === undefined).flatMap((kind) =>
    MOMENTS.map((after) => ({ kind, deed, after })),
  );
}

/** Of each deed: every disk at every moment; quickly: one of them. */
export function diskSample(options: Pick<FaultOptions, "quick" | "cases" | "seed">, deed: Deed): readonly DiskCase[] {
  const all = diskCases(deed);
  return sample(all, options.cases ?? (options.quick ? 1 : all.length), options.seed);
}

const kindsIn = (cases: readonly DiskCase[]): string =>
  DISK_KINDS.filter((kind) => cases.some((one) => one.kind === kind)).join(", ");

export const worlds: FaultKind = async (options) => {
  const rows: FaultRow[] = [];
  for (const deed of DEEDS) {
    const cases = diskSample(options, deed);
    rows.push(await worldRow(`disk ${DEED_WORDS[deed]} in the middle (${kindsIn(cases)})`, cases.map(asCase), options));
  }
  return rows;
};

/** One case by its name ("disk:ext4:unmounted:5"); undefined for what is none. */
export function worldCase(name: string): FaultKind | undefined {
  const disk = diskCaseOf(name);
  return disk === undefined ? undefined : async (options) => [await worldRow("one case", [asCase(disk)], options)];
}
