/**
 * Saves what a scan of a data directory came to, and tells what is new in it: in the log, and as an event.
 *
 * Promises: trouble is told when it begins or has another reason, and once more when it is over; in between nothing is, however often it is scanned: a host may be away for weeks.
 */
import { errAsync, okAsync, type ResultAsync } from "neverthrow";
import { readConditions, recordEvent, type StoredCondition, setConditions } from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { Condition } from "./condition.ts";
import { dataDirectoryConditions } from "./conditions.ts";
import { unlessHeldUp } from "./origin-hold.ts";
import type { DataDirectorySummary, ScanSummary } from "./reports.ts";
import { dataDirectorySubject } from "./status.ts";

export class ScanTeller {
  /** The reason that was last told of each data directory: whoever reads the log of a new process has not seen what the one before told. */
  readonly #told = new Map<string, string>();

  /** `level`: of trouble in the log. */
  constructor(private readonly level: "warn" | "info" = "warn") {}

  /** `more`: conditions of the data directory that do not follow from the scan. */
  save(agent: Agent, scanned: DataDirectorySummary, more: readonly Condition[] = []): ResultAsync<void, AgentError> {
    const { inventory, declared } = agent;
    const subject = dataDirectorySubject(scanned.host, scanned.path);
    const before = inventory.readNow((session) =>
      readConditions(session).find((one) => one.subject === subject && one.type === "Scanned"),
    );
    if (before.isErr()) return errAsync(before.error);
    const conditions = dataDirectoryConditions(scanned);
    const observed = [...conditions, ...more].map((one) => ({ ...one, observedGeneration: declared.generation }));
    // One that was stopped by an operator has met no trouble.
    const isStopped = agent.options.signal.aborted && scanned.outcome.kind === "failed";
    const told = isStopped ? undefined : conditions.find(({ type }) => type === "Scanned");
    return setConditions(inventory, subject, observed, agent.now())
      .mapErr((error): AgentError => error)
      .andThen(() => (told === undefined ? okAsync(undefined) : this.#tell(agent, subject, told, before.value)));
  }

  #tell(
    agent: Agent,
    subject: string,
    { status, reason, message }: Condition,
    before: StoredCondition | undefined,
  ): ResultAsync<void, AgentError> {
    const { log } = agent.options;
    const wasWrong = before?.status === "False";
    const name = printable(subject);
    if (status === "True") {
      this.#told.delete(subject);
      if (!wasWrong) return okAsync(undefined);
      log.info(`${name} is scanned again: ${message}`);
      return recordEvent(agent.inventory, { subject, severity: "info", reason, message: "scanned again" }, agent.now());
    }
    if (wasWrong && this.#told.get(subject) === reason) return okAsync(undefined);
    this.#told.set(subject, reason);
    log[this.level](`${name}: ${reason}: ${message}`);
    return recordEvent(agent.inventory, { subject, severity: "warning", reason, message }, agent.now());
  }
}

/** Saves and tells what one pass over all data directories came to. `acceptLoss`: those whose losses the operator has accepted with it. */
export function saveScans(agent: Agent, scan: ScanSummary, acceptLoss: readonly string[]): ResultAsync<void, AgentError> {
  // Who asked for the pass is shown what came of it.
  const teller = new ScanTeller("info");
  return scan.dataDirectories.reduce<ResultAsync<void, AgentError>>(
    (done, scanned) =>
      done
        .andThen(() => (acceptLoss.includes(scanned.path) ? tellAccepted(agent, scanned) : okAsync(undefined)))
        .andThen(() => teller.save(agent, scanned)),
    okAsync(undefined),
  );
}

/** Those in which something hangs that did not when they were scanned are told as such; the scan as it stands by now. */
export function saveHangs(agent: Agent, scan: ScanSummary): ResultAsync<ScanSummary, AgentError> {
  const now = scan.dataDirectories.map((one) => unlessHeldUp(agent.heldUp, one));
  const hung = now.filter((one, index) => one.outcome.kind !== scan.dataDirectories[index]?.outcome.kind);
  if (hung.length === 0) return okAsync(scan);
  return saveScans(agent, { ...scan, dataDirectories: hung }, []).map(() => ({ ...scan, dataDirectories: now, complete: false }));
}

/** Who has said that so much is gone is asked for later. */
function tellAccepted(agent: Agent, { host, path, absent }: DataDirectorySummary): ResultAsync<void, AgentError> {
  if (absent === 0) return okAsync(undefined);
  const subject = dataDirectorySubject(host, path);
  const files = `${absent} ${absent === 1 ? "file" : "files"}`;
  const message = `the loss of ${files} was accepted by "${printable(agent.options.command)}": their copies are kept`;
  agent.options.log.info(`${printable(subject)}: ${message}`);
  return recordEvent(agent.inventory, { subject, severity: "info", reason: "LossAccepted", message }, agent.now());
}
