/** What the tests of this folder share: a status document as small as it can be, to be changed by each test. */
import { NOTHING } from "../inventory/mod.ts";
import type {
  ConditionStatusDocument,
  DataDirectoryStatus,
  HostStatus,
  ReplicaStatus,
  StatusDocument,
} from "./status-document.ts";

const AT = "2026-11-01T08:00:00.000Z";

export const condition = (
  type: string,
  status: ConditionStatusDocument["status"],
  reason: string,
  message = "m",
): ConditionStatusDocument => ({ type, status, reason, message, help: "", lastTransition: AT, observedGeneration: 1 });

export const directoryStatus = (changes: Partial<DataDirectoryStatus> = {}): DataDirectoryStatus => ({
  path: "/opt/MagAOX/logs",
  declared: true,
  growing: { files: 1, bytes: 10 },
  settled: { files: 2, bytes: 20 },
  absent: { files: 3, bytes: 30 },
  excluded: NOTHING,
  imported: NOTHING,
  lastFullScan: AT,
  scan: null,
  conditions: [condition("Scanned", "True", "Scanned")],
  ...changes,
});

export const hostStatus = (changes: Partial<HostStatus> = {}): HostStatus => ({
  name: "exao1",
  declared: true,
  scannedHere: true,
  dataDirectories: [directoryStatus()],
  ...changes,
});

export const replicaStatus = (changes: Partial<ReplicaStatus> = {}): ReplicaStatus => ({
  url: "/mnt/backup",
  declared: true,
  ready: true,
  conditions: [condition("Ready", "True", "Converged"), condition("Mounted", "True", "MarkerFound")],
  current: { files: 2, bytes: 20 },
  pending: { files: 1, bytes: 10 },
  growing: { files: 1, bytes: 10 },
  failed: NOTHING,
  kept: { files: 3, bytes: 30 },
  tombstones: { files: 2, bytes: 20 },
  oldestPending: { since: AT, ageSeconds: 90 },
  failures: [],
  verification: {
    promisedSeconds: 2_592_000,
    neededSeconds: null,
    total: { files: 2, bytes: 20 },
    round: { begunAt: AT, files: 1, bytes: 10, share: 0.5, bytesPerSecond: 1 },
    wholeSince: AT,
    oldestEvidence: AT,
    findings: { suspect: 0, corrupt: 1, lost: 0 },
  },
  lastError: null,
  ...changes,
});

export const statusDocument = (changes: Partial<StatusDocument> = {}): StatusDocument => ({
  format: 1,
  writtenAt: AT,
  agent: { version: "1.2.3", hostname: "exao1", state: "running", phase: "copying" },
  configuration: { file: "/etc/xtelemdb/xtelemdb.toml", generation: 4, observedGeneration: 3 },
  converged: false,
  conditions: [condition("Ready", "False", "FilesPending")],
  hosts: [hostStatus()],
  replicas: [replicaStatus()],
  runs: { total: 0, last: null },
  ...changes,
});
