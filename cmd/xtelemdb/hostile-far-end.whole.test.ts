/**
 * A far end that means harm, or is broken beyond belief: whatever it says, a run comes to its end in time and memory, writes and reads nothing elsewhere, and the other replicas
 * have everything. Once it is honest again, so has it.
 */
import { expect } from "bun:test";
import { usualCases } from "../../internal/testing/chosen-cases.ts";
import { DISTORTIONS, type Distortion, HostileWorld, type Tree, wholeTest } from "../../internal/testing/mod.ts";

/** Far more than a good run needs here, far less than what a hostile length asks for. */
const MOST_MEGABYTES = 400;

/** What acts on a terminal. */
const ACTING = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Who lies about what is in a file, and keeps to it, is believed: only somebody who has the file could know. */
const LIES: readonly Distortion[] = ["files that never end", "other bytes every time"];

/** What is said of the replica and of the data directory there. */
const REASONS: Partial<Record<Distortion, readonly [replica: string, dataDirectory: string]>> = {
  honest: ["Converged", "Scanned"],
  "version 0": ["SftpMissing", "SftpMissing"],
  "version 99": ["SftpMissing", "SftpMissing"],
  "a greeting without end": ["SftpMissing", "SftpMissing"],
  "a length of 4 GiB": ["ProtocolBroken", "PartlyUnreadable"],
  "a packet that stops in its middle": ["ConnectionLost", "PartlyUnreadable"],
  "wrong numbers": ["ProtocolBroken", "PartlyUnreadable"],
  "each answer twice": ["ProtocolBroken", "ProtocolBroken"],
  "every answer in bytes": ["Converged", "Scanned"],
  "names that lead out": ["Converged", "PartlyUnreadable"],
  "the same names for ever": ["FilesFailed", "PartlyUnreadable"],
  "new files for ever": ["FilesFailed", "TooManyEntries"],
  "new directories for ever": ["Converged", "PartlyUnreadable"],
  "a listing of nothing for ever": ["Converged", "PartlyUnreadable"],
  "a directory in itself": ["MarkerUnreadable", "TooManyEntries"],
  "files of exabytes": ["Converged", "PartlyUnreadable"],
  "more bytes than were asked for": ["ProtocolBroken", "Scanned"],
  "a byte at a time": ["ProtocolBroken", "Scanned"],
  "no space": ["FilesFailed", "Scanned"],
  "space without end": ["Converged", "Scanned"],
  "limits of 1": ["Converged", "Scanned"],
  "handles of 200 KB": ["ProtocolBroken", "Scanned"],
  "writes that are forgotten": ["FilesFailed", "Scanned"],
  "it talks without end beside": ["Converged", "Scanned"],
};

function expectReasons(world: HostileWorld, expected: readonly [string, string]): void {
  const icc = world.statusFromFile()?.hosts.find(({ name }) => name === "icc")?.dataDirectories[0];
  const scanned = icc?.conditions.find(({ type }) => type === "Scanned");
  expect([world.readyReason(world.far), scanned?.reason ?? ""]).toEqual([...expected]);
}

/** The contents of every file. SFTP keeps no more of the times than seconds. */
const contentsOf = (tree: Tree): Record<string, string> =>
  Object.fromEntries([...tree].flatMap(([path, { kind, sha256 }]) => (kind === "file" ? [[path, sha256]] : [])));

async function expectNoHarm(distortion: Distortion): Promise<void> {
  using world = new HostileWorld();
  const canary = world.tree("canary");
  const begun = await world.sync();
  expect(begun.code, begun.stdout + begun.stderr).toBe(0);
  world.goOn();
  world.become(distortion);
  for (const words of [["sync"], ["verify"], ["import_origins", `prefix=${world.far}`]]) {
    const outcome = await world.measured(...words);
    const said = `${words.join(" ")}: ${outcome.stdout}${outcome.stderr}`;
    expect(outcome.code, said).toBeOneOf([0, 3]);
    expect(said).not.toMatch(ACTING);
    expect(outcome.megabytes).toBeLessThan(MOST_MEGABYTES);
    const reasons = REASONS[distortion];
    if (words[0] === "sync" && reasons !== undefined) expectReasons(world, reasons);
  }
  expect(world.copiedFiles("backup")).toEqual(world.originFiles());
  const origin = contentsOf(world.tree("data"));
  expect(contentsOf(world.tree(world.copies("honest")))).toEqual(origin);
  expect(world.tree("canary")).toEqual(canary);
  world.become("honest");
  const healed = await world.run("sync");
  expect(healed.code, healed.stdout + healed.stderr).toBeOneOf([0, 3]);
  const far = contentsOf(world.tree(world.copies("far")));
  if (distortion !== "writes that are forgotten") expect(far).toEqual(origin);
  // What it did not write stands there as it was left, and is named; but no good copy of before was given up for it.
  else expect(far).toMatchObject({ old: origin.old, "deep/changed": origin["deep/changed"] });
  if (!LIES.includes(distortion)) {
    expect(contentsOf(world.tree(world.copies("backup", "remote", "icc")))).toEqual(contentsOf(world.tree("remote")));
  }
  expect(world.tree("canary")).toEqual(canary);
}

// The list's own keys.
const all = Object.keys(DISTORTIONS) as Distortion[];
const FEW = 2;

/** All of them take minutes: `scripts/faults hostile` tries them; every run of the tests some, chosen by the seed. */
for (const distortion of usualCases(all, FEW)) {
  wholeTest(`a far end with ${distortion} does no harm`, ["sshd"], () => expectNoHarm(distortion));
}
