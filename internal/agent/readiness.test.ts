import { expect, test } from "bun:test";
import { condition, directoryStatus, hostStatus, replicaStatus, statusDocument } from "./_for-tests.ts";
import { notReadyReasons } from "./readiness.ts";

const withReplica = (...conditions: ReturnType<typeof condition>[]) =>
  statusDocument({ replicas: [replicaStatus({ conditions })] });
const withDirectory = (...conditions: ReturnType<typeof condition>[]) =>
  statusDocument({ hosts: [hostStatus({ dataDirectories: [directoryStatus({ conditions })] })] });

test.each(["FilesPending", "FilesGrowing", "FilesFailed"])("a replica with %s is ready: it can take files", (reason) => {
  expect(notReadyReasons(withReplica(condition("Ready", "False", reason)))).toEqual([]);
});

test.each([
  ["is away", [condition("Ready", "False", "MarkerMissing", "no marker")], "replica /mnt/backup: MarkerMissing: no marker"],
  ["was not looked at yet", [condition("Ready", "Unknown", "NotLookedAtYet")], "replica /mnt/backup: was not looked at yet"],
  ["has no conditions", [], "replica /mnt/backup: was not looked at yet"],
  [
    "is stalled by single files",
    [condition("Ready", "False", "FilesFailed"), condition("Stalled", "True", "FilesFailed", "2 files")],
    "replica /mnt/backup: Stalled: FilesFailed: 2 files",
  ],
  [
    "is full",
    [condition("Ready", "False", "FilesFailed"), condition("SpaceAvailable", "False", "NoSpace", "1 file did not fit")],
    "replica /mnt/backup: NoSpace: 1 file did not fit",
  ],
])("a replica that %s is not ready", (_, conditions, reason) => {
  expect(notReadyReasons(withReplica(...conditions))).toEqual([reason]);
});

test("what only advises, and what is not declared any more, does not count", () => {
  expect(
    notReadyReasons(
      withReplica(
        condition("Ready", "True", "Converged"),
        condition("Independent", "False", "SameFileSystem"),
        condition("Guarded", "False", "WeakerGuards"),
      ),
    ),
  ).toEqual([]);
  const away = [condition("Ready", "False", "RootMissing")];
  expect(notReadyReasons(statusDocument({ replicas: [replicaStatus({ declared: false, conditions: away })] }))).toEqual([]);
});

test("every declared data directory must have been scanned; what is partly unreadable was", () => {
  expect(notReadyReasons(withDirectory())).toEqual(["data directory exao1:/opt/MagAOX/logs: was not looked at yet"]);
  expect(notReadyReasons(withDirectory(condition("Scanned", "False", "LossBrake", "frozen")))).toEqual([
    "data directory exao1:/opt/MagAOX/logs: LossBrake: frozen",
  ]);
  expect(notReadyReasons(withDirectory(condition("Scanned", "False", "PartlyUnreadable")))).toEqual([]);
  expect(notReadyReasons(statusDocument({ hosts: [hostStatus({ scannedHere: false })] }))).toEqual([
    "agent: no data directory is declared for this host",
  ]);
});

test("a reason is one line, and control characters of names reach no terminal", () => {
  const conditions = [condition("Ready", "False", "RootMissing", "first\nsecond")];
  expect(notReadyReasons(statusDocument({ replicas: [replicaStatus({ url: "/a\u001b[31m\nb", conditions })] }))).toEqual([
    "replica /a\\x1b[31m\\x0ab: RootMissing: first second",
  ]);
});
