/** The worlds as a kind of fault: what is done to disks, to the way to a far end, to the agent and to its clock in the middle of a run. */
import { chosenCases } from "../chosen-cases.ts";
import type { FaultKind, FaultOptions, FaultRow } from "../fault-row.ts";
import { whyNot } from "../requirement.ts";
import { agentCase, MEETING_WORDS, MEETINGS } from "./agent-case.ts";
import { clockCase, JUMP_WORDS } from "./clock-case.ts";
import { DISK_KINDS, DISK_NEEDS } from "./disk.ts";
import { DEED_WORDS, DEEDS, type Deed, type DiskCase, diskCaseName, diskCaseOf, isPossible, runDiskCase } from "./disk-case.ts";
import { HANG_WORDS, HANGS, hangCase } from "./hang-case.ts";
import { lateCase } from "./late-case.ts";
import { RUNNING_DEEDS, runningCase } from "./running-case.ts";
import { WAY_WORDS, WAYS, wayCase } from "./way-case.ts";
import { type WorldCase, worldRow } from "./world-result.ts";

/** So many files have arrived when it happens. */
const MOMENTS = [1, 5, 12, 20] as const;
/** How far the seeds of deeds lie apart. */
const DEED_SEEDS = 1000;
/** Two agents meet so many times. */
const ROUNDS = 16;

const asCase = (one: DiskCase): WorldCase => ({ name: diskCaseName(one), run: () => runDiskCase(one) });

function diskCases(deed: Deed): readonly DiskCase[] {
  return DISK_KINDS.filter((kind) => isPossible(kind, deed) && whyNot(DISK_NEEDS[kind]) === undefined).flatMap((kind) =>
    MOMENTS.map((after) => ({ kind, deed, after })),
  );
}

/** Of each deed: every disk at every moment; quickly: one of them. */
export function diskSample(options: Pick<FaultOptions, "quick" | "cases" | "seed" | "part">, deed: Deed): readonly DiskCase[] {
  const all = diskCases(deed);
  // Else a quick run would see one kind of disk only.
  return chosenCases(all, 1, { ...options, seed: options.seed + DEEDS.indexOf(deed) * DEED_SEEDS });
}

const kindsIn = (cases: readonly DiskCase[]): string =>
  DISK_KINDS.filter((kind) => cases.some((one) => one.kind === kind)).join(", ");

export const worlds: FaultKind = async (options) => {
  const rows: FaultRow[] = [];
  for (const deed of DEEDS) {
    const cases = diskSample(options, deed);
    rows.push(await worldRow(`disk ${DEED_WORDS[deed]} in the middle (${kindsIn(cases)})`, cases.map(asCase), options));
  }
  if (whyNot(DISK_NEEDS.ext4) === undefined)
    rows.push(
      await worldRow(
        "a disk gone, read-only or full while an agent keeps running (ext4)",
        chosenCases(RUNNING_DEEDS.map(runningCase), 1, options),
        options,
      ),
    );
  if (whyNot(["fuse"]) === undefined)
    for (const hang of HANGS)
      rows.push(
        await worldRow(
          `${HANG_WORDS[hang]} in the middle (FUSE)`,
          chosenCases(
            MOMENTS.map((after) => hangCase(hang, after)),
            1,
            options,
          ),
          options,
        ),
      );
  if (whyNot(["sshd"]) === undefined) {
    for (const way of WAYS)
      rows.push(
        await worldRow(
          `${WAY_WORDS[way]} in the middle`,
          chosenCases(
            MOMENTS.map((after) => wayCase(way, after)),
            1,
            options,
          ),
          options,
        ),
      );
    const late = chosenCases(MOMENTS.map(lateCase), 1, options);
    rows.push(await worldRow("ssh server stopped, and going on in the middle of the next run", late, options));
  }
  for (const meeting of MEETINGS) {
    const cases = Array.from({ length: ROUNDS }, (_, after) => agentCase(meeting, after));
    rows.push(await worldRow(MEETING_WORDS[meeting], chosenCases(cases, 1, options), options));
  }
  if (whyNot(["faketime"]) === undefined)
    rows.push(await worldRow("the clock jumps", chosenCases(JUMP_WORDS.map(clockCase), 1, options), options));
  return rows;
};

/** Cases that are no disk's: "way:cut:5", "agent:stopped:3", "clock:to-1970:0", "hang:origin:5", "late:far-end:5". */
export function otherCaseOf(name: string): WorldCase | undefined {
  const [, group, word, after] = /^(way|agent|clock|running|hang|late):([\w-]+):(\d+)$/.exec(name) ?? [];
  const way = WAYS.find((one) => group === "way" && one === word);
  const meeting = MEETINGS.find((one) => group === "agent" && one === word);
  const jump = JUMP_WORDS.find((one) => group === "clock" && one === word);
  const deed = RUNNING_DEEDS.find((one) => group === "running" && one === word);
  const hang = HANGS.find((one) => group === "hang" && one === word);
  if (hang !== undefined) return hangCase(hang, Number(after));
  if (group === "late" && word === "far-end") return lateCase(Number(after));
  if (deed !== undefined) return runningCase(deed);
  if (way !== undefined) return wayCase(way, Number(after));
  if (meeting !== undefined) return agentCase(meeting, Number(after));
  return jump === undefined ? undefined : clockCase(jump);
}

/** One case by its name ("disk:ext4:unmounted:5"); undefined for what is none. */
export function worldCase(name: string): FaultKind | undefined {
  const disk = diskCaseOf(name);
  const one = disk === undefined ? otherCaseOf(name) : asCase(disk);
  return one === undefined ? undefined : async (options) => [await worldRow("one case", [one], options)];
}
