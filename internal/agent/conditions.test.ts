/** Conditions follow from findings, and keep their rules whatever the findings are. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Replica } from "../config/mod.ts";
import type { DeclaredReplica, ReplicaId } from "../inventory/mod.ts";
import { COPY_FAILURES, type CopyFailureReason, type ReplicaProblemReason, replicaProblem } from "../replicate/mod.ts";
import { REASONS } from "./condition.ts";
import { agentConditions, dataDirectoryConditions, replicaConditions } from "./conditions.ts";
import { independence } from "./independent.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import type { DataDirectorySummary } from "./reports.ts";

const PROBLEMS: readonly ReplicaProblemReason[] = [
  "RootMissing",
  "RootUnreadable",
  "MarkerMissing",
  "MarkerUnreadable",
  "MarkerOfAnotherReplica",
  "StillInUse",
  "ReadOnly",
  "NoSpace",
  "NoInodes",
  "NotPermitted",
  "VolumeFailed",
  "SftpMissing",
];

const amount = fc.record({ files: fc.nat(3), bytes: fc.nat(100) });
const row: DeclaredReplica = { id: 1 as ReplicaId, url: "/r", marker: "m", reconciledRevision: 0 };
// The conditions read nothing of the declaration but its name.
const replica = { id: "/r", written: "/r" } as unknown as Replica;
const SPACE = { freeBytes: 1, totalBytes: 2, freeInodes: 1, totalInodes: 2, readOnly: false };

const found = fc.oneof(
  fc.constantFrom(...PROBLEMS).map((reason) => replicaProblem(reason, "m")),
  fc.record({
    kind: fc.constant("ready" as const),
    state: fc.record({
      marker: fc.constant("m"),
      markerWritten: fc.boolean(),
      space: fc.constant(SPACE),
      rotating: fc.boolean(),
      device: fc.constantFrom("1", "2"),
      onThisHost: fc.boolean(),
      weaknesses: fc.constantFrom([], ["it cannot flush"]),
    }),
    marker: fc.constant("m"),
  }),
);

// Object.keys forgets that these are the closed list.
const reason = fc.constantFrom(...(Object.keys(COPY_FAILURES) as CopyFailureReason[]));
const copied = fc.record(
  {
    url: fc.constant("/r"),
    copied: amount,
    adopted: amount,
    failed: amount,
    failures: fc
      .uniqueArray(reason, { maxLength: 3 })
      .map((all) => new Map(all.map((one) => [one, { files: 1, example: "/data/x" }]))),
    problem: fc.constantFrom(...PROBLEMS).map((one) => replicaProblem(one, "m")),
  },
  { requiredKeys: ["url", "copied", "adopted", "failed", "failures"] },
);

const amounts = fc
  .record({ current: amount, pending: amount, growing: fc.nat(3), failed: fc.nat(3) })
  .map(({ current, pending, growing, failed }) => ({
    current,
    pending,
    growing: { files: Math.min(growing, pending.files), bytes: 0 },
    failed: { files: Math.min(failed, pending.files), bytes: 0 },
  }));

test("a replica has one Ready, which is true only when nothing is wrong and nothing is pending; Stalled is never beside it", () => {
  fc.assert(
    fc.property(found, fc.option(copied, { nil: undefined }), amounts, (state, pass, counts) => {
      const checked: CheckedReplica = { replica, row, found: state };
      const known = state.kind === "ready" ? independence(state.state, ["/data"], new Map([["/data", "1"]])) : undefined;
      const conditions = replicaConditions(checked, pass, counts, known === undefined ? [] : [known]);
      const types = conditions.map(({ type }) => type);
      expect(new Set(types).size).toBe(types.length);
      const ready = conditions.find(({ type }) => type === "Ready");
      const problem = pass?.problem ?? (state.kind === "ready" ? undefined : state);
      expect(ready?.status).toBe(problem === undefined && counts.pending.files === 0 ? "True" : "False");
      if (types.includes("Stalled")) expect(ready?.status).toBe("False");
      if (problem !== undefined) expect(ready?.reason).toBe(problem.reason);
      for (const condition of conditions) {
        expect(condition.reason in REASONS).toBe(true);
        expect(condition.message).not.toBe("");
        // What is wrong comes with something to do.
        if (condition.status !== "True" && condition.type !== "Independent") expect(REASONS[condition.reason]).not.toBe("");
      }
    }),
    { numRuns: 1_000 },
  );
});

test("a replica is on its own file system only once every data directory was looked at", () => {
  const reasonOf = (device: string, devices: readonly (readonly [string, string])[]) =>
    independence({ device, onThisHost: true }, ["/a", "/b"], new Map(devices))?.reason;
  expect(reasonOf("1", [["/a", "2"]])).toBeUndefined();
  expect(reasonOf("1", [["/b", "1"]])).toBe("SameFileSystem");
  expect(
    reasonOf("1", [
      ["/a", "2"],
      ["/b", ""],
    ]),
  ).toBe("OwnFileSystem");
});

const summary = (outcome: DataDirectorySummary["outcome"]): DataDirectorySummary => ({
  host: "exao1",
  path: "/data",
  files: 3,
  bytes: 10,
  symlinks: 0,
  special: 0,
  added: 0,
  changed: 0,
  absent: 0,
  excludedByPattern: [{ pattern: "*.tmp", matches: outcome.kind === "scanned" ? 0 : 1 }],
  outcome,
});

test.each([
  [{ kind: "scanned" }, "True", "Scanned"],
  [{ kind: "partly", unreadable: 2, example: "open /data/x: denied" }, "False", "PartlyUnreadable"],
  [{ kind: "frozen", lost: 3, known: 4, help: "h" }, "False", "LossBrake"],
  [{ kind: "failed", reason: "DataDirectoryMissing", message: "m", help: "h" }, "False", "DataDirectoryMissing"],
  [{ kind: "failed", reason: "HostUnreachable", message: "m", help: "h" }, "False", "HostUnreachable"],
  [{ kind: "failed", reason: "DataDirectoryUnreadable", message: "m", help: "h" }, "False", "DataDirectoryUnreadable"],
] as const)("a data directory that was %p", (outcome, status, conditionReason) => {
  expect(dataDirectoryConditions(summary(outcome))).toMatchObject([{ type: "Scanned", status, reason: conditionReason }]);
});

test("the agent is ready when everything is; an exclude pattern that matches nothing is told", () => {
  const scan = { dataDirectories: [summary({ kind: "scanned" })], complete: true, startedAt: "", durationMilliseconds: 1 };
  const declared = { hostname: "exao1", replicas: [replica] };
  expect(agentConditions(scan, declared, true, 0)).toMatchObject([
    { type: "Ready", status: "True" },
    { type: "PatternsMatch", status: "False", reason: "PatternMatchesNothing", message: expect.stringContaining("*.tmp") },
  ]);
  const nothing = { dataDirectories: [], complete: true, startedAt: "", durationMilliseconds: 1 };
  expect(agentConditions(nothing, declared, false, 0)[0]).toMatchObject({ status: "False", reason: "HostNotDeclared" });
  const nowhere = { ...declared, replicas: [] };
  expect(agentConditions(scan, nowhere, false, 0)[0]).toMatchObject({ status: "False", reason: "ReplicaNotDeclared" });
});
