/** The status for a person who asks: from the inventory, or before the first run from the configuration alone. Takes no lock. */
import { errAsync, okAsync, type ResultAsync } from "neverthrow";
import type { DesiredState } from "../config/mod.ts";
import { NOTHING, openInventoryForReading, readHolder } from "../inventory/mod.ts";
import { isoTime, servedHosts } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { REASONS } from "./condition.ts";
import { buildStatus } from "./status.ts";
import { type ConditionStatusDocument, STATUS_FORMAT, type StatusDocument } from "./status-document.ts";
import { readStatusFile } from "./status-shape.ts";

export function readStatus(
  state: DesiredState,
  options: { readonly version: string; readonly now: () => number },
): ResultAsync<StatusDocument, AgentError> {
  const now = options.now();
  const opened = openInventoryForReading(state.database);
  if (opened.isErr()) {
    if (opened.error.kind === "inventory-missing") return okAsync(emptyStatus(state, options.version, now));
    // Another user's inventory: the status file is there for everybody.
    const fallback = opened.error.kind === "inventory-unusable" ? readStatusFile(state.statusFile) : undefined;
    return fallback === undefined ? errAsync(opened.error) : okAsync(fallback);
  }
  const session = opened.value;
  const holder = readHolder(state.database);
  const context = {
    version: options.version,
    now,
    ...(holder === undefined ? {} : { process: holder, phase: readStatusFile(state.statusFile)?.agent.phase ?? "starting" }),
  };
  const document = session.readNow(() => buildStatus(session, state, context));
  session.close();
  return document.isOk() ? okAsync(document.value) : errAsync(document.error);
}

function emptyStatus(state: DesiredState, version: string, now: number): StatusDocument {
  const notYet: ConditionStatusDocument = {
    type: "Ready",
    status: "Unknown",
    reason: "NotLookedAtYet",
    message: "nothing was looked at yet",
    help: REASONS.NotLookedAtYet,
    lastTransition: isoTime(now),
    observedGeneration: 0,
  };
  const served = servedHosts(state).map(({ name }) => name);
  const amounts = {
    current: NOTHING,
    pending: NOTHING,
    growing: NOTHING,
    failed: NOTHING,
    kept: NOTHING,
    tombstones: NOTHING,
  };
  return {
    format: STATUS_FORMAT,
    writtenAt: isoTime(now),
    agent: { version, hostname: state.hostname, state: "idle" },
    configuration: { file: state.file, generation: 0, observedGeneration: 0 },
    converged: false,
    conditions: [notYet],
    hosts: state.hosts.map((host) => ({
      name: host.name,
      declared: true,
      scannedHere: served.includes(host.name),
      dataDirectories: host.dataDirectories.map((path) => ({
        path,
        declared: true,
        growing: NOTHING,
        settled: NOTHING,
        absent: NOTHING,
        excluded: NOTHING,
        imported: NOTHING,
        lastFullScan: null,
        scan: null,
        conditions: [{ ...notYet, type: "Scanned" }],
      })),
    })),
    replicas: state.replicas.map((replica) => ({
      url: replica.id,
      declared: true,
      ready: false,
      conditions: [notYet],
      ...amounts,
      oldestPending: null,
      failures: [],
      verification: null,
      lastError: null,
    })),
    runs: { total: 0, last: null },
  };
}
