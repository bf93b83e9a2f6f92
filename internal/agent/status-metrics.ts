/**
 * What the status document says, as Prometheus gauges. Made anew for every answer, so that what is not declared any more is gone at once. Labels are hosts,
 * data directories, replicas and words of closed lists, never a path of a file: their number is that of the declarations.
 */
import { Gauge, Registry } from "prom-client";
import type { Amount } from "../inventory/mod.ts";
import { AGENT_SUBJECT, dataDirectorySubject, replicaSubject } from "./status.ts";
import type { ConditionStatusDocument, DataDirectoryStatus, ReplicaStatus, StatusDocument } from "./status-document.ts";

const ORIGIN_STATES = ["growing", "settled", "absent", "excluded", "imported"] as const;
const REPLICA_STATES = ["current", "pending", "growing", "failed", "kept"] as const;

/** The data directories that this agent scans, each with its host. */
const scannedHere = ({ hosts }: StatusDocument): { host: string; directory: DataDirectoryStatus }[] =>
  hosts
    .filter((host) => host.scannedHere)
    .flatMap(({ name, dataDirectories }) =>
      dataDirectories.filter(({ declared }) => declared).map((directory) => ({ host: name, directory })),
    );

export const declaredReplicasOf = ({ replicas }: StatusDocument): ReplicaStatus[] => replicas.filter(({ declared }) => declared);

/** The gauges of one document, as the text that Prometheus reads. */
export function statusMetrics(status: StatusDocument, inventoryBytes: number): Promise<string> {
  const registry = new Registry();
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const one = (name: string, help: string, value: number): void => gauge(name, help, []).set(value);

  one("xtelemdb_converged", "1 when every declared replica holds a current copy of every file, else 0", Number(status.converged));
  one(
    "xtelemdb_configuration_generation",
    "How often the meaning of the configuration has changed",
    status.configuration.generation,
  );
  one(
    "xtelemdb_configuration_observed_generation",
    "The oldest generation of the configuration that a condition rests on",
    status.configuration.observedGeneration,
  );
  one("xtelemdb_inventory_size_bytes", "Size of the inventory's database", inventoryBytes);
  one("xtelemdb_status_timestamp_seconds", "When what is shown here was read", Date.parse(status.writtenAt) / 1000);
  gauge("xtelemdb_build_info", "1; its labels say which xtelemdb this is", ["version", "bun_version"]).set(
    { version: status.agent.version, bun_version: Bun.version },
    1,
  );
  addOrigins(status, gauge);
  addReplicas(status, gauge);
  addVerification(status, gauge);
  addConditions(status, gauge);
  return registry.metrics();
}

type MakeGauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) => Gauge<Label>;

function addOrigins(status: StatusDocument, gauge: MakeGauge): void {
  const labels = ["host", "data_directory", "state"] as const;
  const files = gauge("xtelemdb_origin_files", "Files at their origin, by what was last seen of them", labels);
  const bytes = gauge("xtelemdb_origin_bytes", "Bytes of the files at their origin, by what was last seen of them", labels);
  const scanned = gauge("xtelemdb_last_scan_timestamp_seconds", "When the data directory was last scanned wholly; 0: never", [
    "host",
    "data_directory",
  ]);
  for (const { host, directory } of scannedHere(status)) {
    for (const state of ORIGIN_STATES) set(files, bytes, { host, data_directory: directory.path, state }, directory[state]);
    const at = directory.lastFullScan === null ? 0 : Date.parse(directory.lastFullScan) / 1000;
    scanned.set({ host, data_directory: directory.path }, at);
  }
}

function addReplicas(status: StatusDocument, gauge: MakeGauge): void {
  const labels = ["replica", "state"] as const;
  const files = gauge("xtelemdb_replica_files", "Files of the replica; growing and failed ones are among the pending", labels);
  const bytes = gauge("xtelemdb_replica_bytes", "Bytes of the replica's files; growing and failed are among the pending", labels);
  const oldest = gauge("xtelemdb_replica_oldest_pending_seconds", "How long the oldest pending file has waited; 0: none waits", [
    "replica",
  ]);
  for (const replica of declaredReplicasOf(status)) {
    for (const state of REPLICA_STATES) set(files, bytes, { replica: replica.url, state }, replica[state]);
    oldest.set({ replica: replica.url }, replica.oldestPending?.ageSeconds ?? 0);
  }
}

function addVerification(status: StatusDocument, gauge: MakeGauge): void {
  const findings = gauge("xtelemdb_replica_findings", "Copies that were found wrong and not replaced yet, by what they are", [
    "replica",
    "state",
  ]);
  const one = (name: string, help: string) => gauge(name, help, ["replica"]);
  const share = one(
    "xtelemdb_replica_verified_share",
    "Share of the round of reading back that is done; 1 while none is under way",
  );
  const oldest = one(
    "xtelemdb_replica_oldest_evidence_seconds",
    "Since when the copy whose turn is next was not read; 0: no copy",
  );
  for (const { url, verification } of declaredReplicasOf(status)) {
    if (verification === null) continue;
    for (const [state, files] of Object.entries(verification.findings)) findings.set({ replica: url, state }, files);
    share.set({ replica: url }, verification.round?.share ?? 1);
    const at = verification.oldestEvidence;
    oldest.set({ replica: url }, at === null ? 0 : Math.max(0, Date.parse(status.writtenAt) - Date.parse(at)) / 1000);
  }
}

function set<Label extends string>(
  files: Gauge<Label>,
  bytes: Gauge<Label>,
  labels: Record<Label, string>,
  amount: Amount,
): void {
  files.set(labels, amount.files);
  bytes.set(labels, amount.bytes);
}

function addConditions(status: StatusDocument, gauge: MakeGauge): void {
  const condition = gauge("xtelemdb_condition", "1 for each condition that there is, with its status and its reason", [
    "subject",
    "type",
    "status",
    "reason",
  ]);
  const add = (subject: string, conditions: readonly ConditionStatusDocument[]): void => {
    for (const { type, status: value, reason } of conditions) condition.set({ subject, type, status: value, reason }, 1);
  };
  add(AGENT_SUBJECT, status.conditions);
  for (const { host, directory } of scannedHere(status)) add(dataDirectorySubject(host, directory.path), directory.conditions);
  for (const replica of declaredReplicasOf(status)) add(replicaSubject(replica.url), replica.conditions);
}
