/** Which conditions follow from what a pass found. Pure functions: the same findings give the same conditions. */
import type { Amount } from "../inventory/mod.ts";
import { COPY_FAILURES, type CopyFailureReason } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import type { Condition } from "./condition.ts";
import type { CopyPassResult } from "./pass-options.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import type { DataDirectorySummary, ScanSummary } from "./reports.ts";

export interface PendingOfReplica {
  readonly current: Amount;
  readonly pending: Amount;
  readonly growing: Amount;
  readonly failed: Amount;
}

/** Reasons that only a person can mend: the replica is `Stalled`. The others heal when the world does. */
const STALLING = [
  "MarkerUnreadable",
  "MarkerOfAnotherReplica",
  "WrittenByAnotherInventory",
  "ReplicaWentBack",
  "TakingUnfinished",
  "NotPermitted",
  "HostKeyUnknown",
  "HostKeyChanged",
  "LoginRefused",
  "SftpMissing",
  "ProtocolBroken",
];

const NOT_MOUNTED = [
  "RootMissing",
  "RootUnreadable",
  "MarkerMissing",
  "MarkerUnreadable",
  "MarkerOfAnotherReplica",
  "VolumeFailed",
  "WorkerStalled",
  "HostUnreachable",
  "HostKeyUnknown",
  "HostKeyChanged",
  "LoginRefused",
  "SftpMissing",
  "ConnectionLost",
  "NoProgress",
  "ProtocolBroken",
];

const files = (count: number): string => `${count} ${count === 1 ? "file" : "files"}`;

/** `copied`: left out when nothing was tried. `independent`: what is known of that (`independent.ts`). */
export function replicaConditions(
  checked: CheckedReplica,
  copied: CopyPassResult | undefined,
  amounts: PendingOfReplica,
  independent: readonly Condition[],
): Condition[] {
  const problem = copied?.problem ?? (checked.found.kind === "ready" ? undefined : checked.found);
  const failures = copied?.failures ?? new Map<CopyFailureReason, { files: number; example: string }>();
  const conditions = [readiness(problem, failures, amounts)];
  const stalled =
    problem !== undefined
      ? STALLING.includes(problem.reason)
      : amounts.failed.files > 0 && [...failures.keys()].some((reason) => COPY_FAILURES[reason].action === "stall");
  const ready = conditions[0];
  if (stalled && ready !== undefined) conditions.push({ ...ready, type: "Stalled", status: "True" });
  if (problem !== undefined && NOT_MOUNTED.includes(problem.reason)) {
    conditions.push({ type: "Mounted", status: "False", reason: problem.reason, message: problem.message });
  } else if (checked.found.kind === "ready") {
    const { markerWritten } = checked.found.state;
    const reason = markerWritten ? "MarkerWritten" : "MarkerFound";
    conditions.push({ type: "Mounted", status: "True", reason, message: `marker ${checked.found.marker}` });
    conditions.push(space(problem, failures), ...independent, guards(checked.found.state.weaknesses));
  }
  return conditions;
}

function readiness(
  problem: CopyPassResult["problem"],
  failures: CopyPassResult["failures"],
  { current, pending, growing, failed }: PendingOfReplica,
): Condition {
  const notReady = { type: "Ready", status: "False" } as const;
  if (problem !== undefined) return { ...notReady, reason: problem.reason, message: problem.message };
  if (pending.files === 0) {
    return { type: "Ready", status: "True", reason: "Converged", message: `${files(current.files)} current` };
  }
  if (failed.files > 0) {
    const [reason, failure] = [...failures][0] ?? [];
    const example = failure === undefined ? "" : `; ${reason}: ${printable(failure.example)}`;
    return { ...notReady, reason: "FilesFailed", message: `${files(failed.files)} could not be copied${example}` };
  }
  if (growing.files === pending.files) {
    const caught = failures.get("SourceChanged");
    const example = caught === undefined ? "" : `; changed while it was copied: ${printable(caught.example)}`;
    return { ...notReady, reason: "FilesGrowing", message: `${files(growing.files)} may still be written${example}` };
  }
  return { ...notReady, reason: "FilesPending", message: `${files(pending.files)} wait for their copy` };
}

function space(problem: CopyPassResult["problem"], failures: CopyPassResult["failures"]): Condition {
  for (const reason of ["NoSpace", "NoInodes"] as const) {
    const failure = failures.get(reason);
    if (failure !== undefined) {
      const message = `${files(failure.files)} did not fit; the first: ${printable(failure.example)}`;
      return { type: "SpaceAvailable", status: "False", reason, message };
    }
    if (problem?.reason === reason) return { type: "SpaceAvailable", status: "False", reason, message: problem.message };
  }
  return { type: "SpaceAvailable", status: "True", reason: "EnoughSpace", message: "everything that was tried has fitted" };
}

function guards(weaknesses: readonly string[]): Condition {
  return weaknesses.length === 0
    ? { type: "Guarded", status: "True", reason: "AllGuards", message: "the volume keeps every promise" }
    : { type: "Guarded", status: "False", reason: "WeakerGuards", message: printable(weaknesses.join("; ")) };
}

export function dataDirectoryConditions(scanned: DataDirectorySummary): Condition[] {
  const { outcome } = scanned;
  const failed = { type: "Scanned", status: "False" } as const;
  switch (outcome.kind) {
    case "scanned":
      return [{ type: "Scanned", status: "True", reason: "Scanned", message: `${files(scanned.files)}` }];
    case "partly":
      return [
        { ...failed, reason: "PartlyUnreadable", message: `${outcome.unreadable} entries could not be read; ${outcome.example}` },
      ];
    case "frozen": {
      const { former } = outcome;
      const whose = former === undefined ? "" : ` of ${printable(former)}, which was a data directory of its own,`;
      const message = `${outcome.lost} of ${files(outcome.known)}${whose} were not seen any more, more than max_loss allows: nothing was taken as deleted`;
      return [{ ...failed, reason: "LossBrake", message }];
    }
    case "failed":
      return [{ ...failed, reason: outcome.reason, message: outcome.message }];
  }
}

/** Conditions of the agent itself. What is declared nowhere is nowhere: without a data directory, or a replica, nothing is as anybody would want it. */
export function agentConditions(
  scan: ScanSummary,
  { hostname, replicas }: { readonly hostname: string; readonly replicas: readonly unknown[] },
  converged: boolean,
  notReady: number,
): Condition[] {
  const conditions: Condition[] = [];
  if (scan.dataDirectories.length === 0) {
    const message = `no data directory is declared for this host (${hostname})`;
    conditions.push({ type: "Ready", status: "False", reason: "HostNotDeclared", message });
  } else if (replicas.length === 0) {
    const message = "no replica is declared: nothing is copied anywhere";
    conditions.push({ type: "Ready", status: "False", reason: "ReplicaNotDeclared", message });
  } else if (converged) {
    conditions.push({
      type: "Ready",
      status: "True",
      reason: "Converged",
      message: "every replica holds every file of the data directories",
    });
  } else {
    const message = `${notReady} of what is declared is not so yet`;
    conditions.push({ type: "Ready", status: "False", reason: "FilesPending", message });
  }
  const idle = idlePatterns(scan);
  const pattern = idle[0];
  conditions.push(
    pattern === undefined
      ? { type: "PatternsMatch", status: "True", reason: "PatternsMatch", message: "every exclude pattern matches something" }
      : {
          type: "PatternsMatch",
          status: "False",
          reason: "PatternMatchesNothing",
          message: `no file matches ${idle.map((p) => JSON.stringify(p)).join(", ")}`,
        },
  );
  return conditions;
}

/** Exclude patterns that matched nothing in any data directory: most often a slip of the pen. */
export function idlePatterns(scan: ScanSummary): string[] {
  const matches = new Map<string, number>();
  for (const { excludedByPattern } of scan.dataDirectories) {
    for (const { pattern, matches: count } of excludedByPattern) matches.set(pattern, (matches.get(pattern) ?? 0) + count);
  }
  return [...matches].filter(([, count]) => count === 0).map(([pattern]) => pattern);
}
