/** Builds the status document from the inventory and the desired state: reads a few rows, asks no disk. */
import type { DesiredState } from "../config/mod.ts";
import {
  type Amount,
  allReplicas,
  type DataDirectoryScan,
  dataDirectoryScans,
  declaredReplicas,
  failureReasons,
  failuresOf,
  generationOf,
  NOTHING,
  oldestPending,
  type Run,
  readConditions,
  readRuns,
  readTallies,
  type Session,
  type StoredCondition,
  type Tallies,
} from "../inventory/mod.ts";
import { isoTime, servedHosts } from "./agent.ts";
import { replicaAmounts } from "./amounts.ts";
import { isReason, REASONS } from "./condition.ts";
import type {
  ConditionStatusDocument,
  DataDirectoryStatus,
  HostStatus,
  ReplicaStatus,
  RunStatus,
  StatusDocument,
} from "./status-document.ts";
import { STATUS_FORMAT } from "./status-document.ts";

import { verificationOf } from "./verification.ts";

export const AGENT_SUBJECT = "agent";
export const replicaSubject = (url: string): string => `replica ${url}`;
export const dataDirectorySubject = (host: string, path: string): string => `data directory ${host}:${path}`;

export interface StatusContext {
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What the process that writes this does now; left out when none works on the inventory. */
  readonly process?: { readonly pid: number; readonly command: string; readonly since: string };
  readonly phase?: string;
}

export function buildStatus(session: Session, state: DesiredState, context: StatusContext): StatusDocument {
  const conditions = readConditions(session);
  const of = (subject: string) => conditions.filter((condition) => condition.subject === subject).map(conditionDocument);
  const tallies = readTallies(session);
  const scans = dataDirectoryScans(session);
  const hosts = hostStatuses(state, scans, tallies, of);
  const replicas = replicaStatuses(session, state, scans, tallies, of, context.now);
  const runs = readRuns(session, 1);
  const last = runs.newest[0];
  const scanned = hosts.filter((host) => host.scannedHere).flatMap((host) => host.dataDirectories.filter((one) => one.declared));
  const allScanned = scanned.length > 0 && scanned.every((one) => isTrue(one.conditions, "Scanned"));
  const wanted = replicas.filter((replica) => replica.declared);
  const allReady = wanted.length > 0 && wanted.every((replica) => replica.ready && replica.pending.files === 0);
  const generation = generationOf(session);
  return {
    format: STATUS_FORMAT,
    writtenAt: isoTime(context.now),
    agent: {
      version: context.version,
      hostname: state.hostname,
      state: context.process === undefined ? "idle" : "running",
      ...(context.process === undefined ? {} : { process: context.process }),
      ...(context.phase === undefined ? {} : { phase: context.phase }),
    },
    configuration: {
      file: state.file,
      generation,
      observedGeneration: Math.min(...conditions.map((condition) => condition.observedGeneration), generation),
    },
    converged: allScanned && allReady,
    conditions: of(AGENT_SUBJECT),
    hosts,
    replicas,
    runs: { total: runs.total, last: last === undefined ? null : runStatus(last) },
  };
}

const isTrue = (conditions: readonly ConditionStatusDocument[], type: string): boolean =>
  conditions.some((condition) => condition.type === type && condition.status === "True");

function conditionDocument(row: StoredCondition): ConditionStatusDocument {
  const { type, status, reason, message, observedGeneration } = row;
  const help =
    status !== (type === "Stalled" || type === "Reconciling" ? "False" : "True") && isReason(reason) ? REASONS[reason] : "";
  return { type, status, reason, message, help, lastTransition: isoTime(row.lastTransitionAt), observedGeneration };
}

const amountIn = (tallies: Tallies, scan: DataDirectoryScan | undefined, state: string): Amount => {
  const found = tallies.origins.find((tally) => tally.dataDirectory === scan?.id && tally.state === state);
  return found === undefined ? NOTHING : { files: found.files, bytes: found.bytes };
};

type ConditionsOf = (subject: string) => readonly ConditionStatusDocument[];

/** Declared hosts first, as the configuration orders them; then those that are only known from before. */
function hostStatuses(
  state: DesiredState,
  scans: readonly DataDirectoryScan[],
  tallies: Tallies,
  of: ConditionsOf,
): HostStatus[] {
  const served: readonly string[] = servedHosts(state).map((host) => host.name);
  const names = [...new Set<string>([...state.hosts.map((host) => host.name), ...scans.map((scan) => scan.host)])];
  return names.map((name) => {
    const declaredPaths: readonly string[] = state.hosts.find((host) => host.name === name)?.dataDirectories ?? [];
    const known = scans.filter((scan) => scan.host === name);
    const paths = [...new Set([...declaredPaths, ...known.map((scan) => scan.path)])];
    return {
      name,
      declared: state.hosts.some((host) => host.name === name),
      scannedHere: served.includes(name),
      dataDirectories: paths.map((path) => {
        const scan = known.find((one) => one.path === path);
        return dataDirectoryStatus(path, declaredPaths.includes(path), scan, tallies, of(dataDirectorySubject(name, path)));
      }),
    };
  });
}

function dataDirectoryStatus(
  path: string,
  declared: boolean,
  scan: DataDirectoryScan | undefined,
  tallies: Tallies,
  conditions: readonly ConditionStatusDocument[],
): DataDirectoryStatus {
  const report = scan?.report;
  return {
    path,
    declared,
    growing: amountIn(tallies, scan, "growing"),
    settled: amountIn(tallies, scan, "settled"),
    absent: amountIn(tallies, scan, "absent"),
    excluded: amountIn(tallies, scan, "excluded"),
    imported: amountIn(tallies, scan, "imported"),
    lastFullScan: scan?.scannedAt ? isoTime(scan.scannedAt) : null,
    scan: report
      ? {
          durationMilliseconds: Math.round(report.durationMilliseconds),
          directories: report.directories,
          symlinks: report.symlinks,
          special: report.special,
          excludedByPattern: report.excluded,
          unreadable: report.unreadable,
          problems: report.problems.map(({ path: at, message }) => ({ path: at, message })),
        }
      : null,
    conditions,
  };
}

function replicaStatuses(
  session: Session,
  state: DesiredState,
  scans: readonly DataDirectoryScan[],
  tallies: Tallies,
  of: ConditionsOf,
  now: number,
): ReplicaStatus[] {
  const wanted = new Set(scans.filter((scan) => scan.declared).map((scan) => scan.id));
  const rows = allReplicas(session);
  const declaredRows = declaredReplicas(session);
  const declaredUrls: readonly string[] = state.replicas.map((replica) => replica.id);
  const urls = [...new Set([...declaredUrls, ...rows.map((row) => row.url)])];
  return urls.map((url) => {
    const declared = declaredUrls.includes(url);
    const row = rows.find((one) => one.url === url);
    const conditions = of(replicaSubject(url));
    const common = { url, declared, ready: declared && isTrue(conditions, "Ready"), conditions };
    if (row === undefined) {
      const nothing = {
        current: NOTHING,
        pending: NOTHING,
        growing: NOTHING,
        failed: NOTHING,
        kept: NOTHING,
        tombstones: NOTHING,
      };
      return { ...common, ...nothing, oldestPending: null, failures: [], verification: null, lastError: null };
    }
    const amounts = replicaAmounts(tallies, row.id, declared ? wanted : new Set());
    const failures = declared ? failuresOf(session, row.id) : { files: 0, bytes: 0 };
    const declaredRow = declaredRows.find((one) => one.url === url);
    const oldest = declaredRow && oldestPending(session, declaredRow, Number.MAX_SAFE_INTEGER);
    const last = "last" in failures ? failures.last : undefined;
    return {
      ...common,
      ...amounts,
      tombstones: replicaAmounts(tallies, row.id, wanted).tombstones,
      pending: declared ? amounts.pending : NOTHING,
      growing: declared ? amounts.growing : NOTHING,
      failed: { files: failures.files, bytes: failures.bytes },
      oldestPending:
        oldest === undefined ? null : { since: isoTime(oldest), ageSeconds: Math.max(0, Math.round((now - oldest) / 1000)) },
      failures: declared ? failureReasons(session, row.id) : [],
      verification: verificationOf(session, state, row.id, tallies, now),
      lastError: last === undefined ? null : { ...last, at: isoTime(last.at) },
    };
  });
}

const runStatus = (run: Run): RunStatus => ({
  kind: run.kind,
  startedAt: isoTime(run.startedAt),
  endedAt: run.endedAt === null ? null : isoTime(run.endedAt),
  outcome: run.outcome,
  copiedFiles: run.copiedFiles,
  copiedBytes: run.copiedBytes,
  adoptedFiles: run.adoptedFiles,
  failedFiles: run.failedFiles,
});
