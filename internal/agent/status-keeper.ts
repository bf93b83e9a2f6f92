/**
 * Says what is so, while the controller runs: conditions, events, runs, the status file. Asked as often as anything changes, it works at most once a second,
 * and writes nothing to the inventory that stands there already.
 */
import { errAsync, okAsync, type ResultAsync } from "neverthrow";
import {
  type Amount,
  beginRun,
  type ConditionRow,
  dataDirectoryScans,
  endRun,
  failureReasons,
  failuresOf,
  NOTHING,
  readConditions,
  readTallies,
  recordEvent,
  type Session,
  setConditions,
  sum,
} from "../inventory/mod.ts";
import { isCopyFailureReason } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import type { Agent } from "./agent.ts";
import { type AgentError, agentErrorMessage } from "./agent-error.ts";
import { replicaAmounts } from "./amounts.ts";
import type { Condition } from "./condition.ts";
import { agentConditions, type PendingOfReplica, replicaConditions } from "./conditions.ts";
import { independenceOf } from "./independent.ts";
import type { OriginLoop } from "./origin-loop.ts";
import type { CopyPassResult } from "./pass-options.ts";
import type { ReplicaLoop } from "./replica-loop.ts";
import type { ScanSummary, SyncSummary } from "./reports.ts";
import { AGENT_SUBJECT, buildStatus, replicaSubject } from "./status.ts";
import type { StatusDocument } from "./status-document.ts";
import { verificationOf, verifiedCondition } from "./verification.ts";

/** What the keeper looks at. */
export interface Watched {
  readonly agent: () => Agent;
  readonly origins: () => readonly OriginLoop[];
  readonly replicas: () => readonly ReplicaLoop[];
  /** Conditions of the agent that do not follow from the loops. */
  readonly ownConditions: () => readonly Condition[];
  readonly since: string;
  /** Everything that was under way has come to its end. */
  readonly onIdle: (summary: SyncSummary) => void;
  /** One line that says what is so. */
  readonly onText: (text: string) => void;
}

const COPIED_NOTHING = { copied: NOTHING, adopted: NOTHING, failed: NOTHING };

export class StatusKeeper {
  #run: { readonly id: number; readonly begun: number } | undefined;
  #totals: { copied: Amount; adopted: Amount; failed: Amount } = COPIED_NOTHING;
  /** The reason that was last told of each subject. */
  readonly #told = new Map<string, string>();

  constructor(private readonly watched: Watched) {}

  /** What a pass has done counts for the run. */
  add({ copied, adopted, failed }: CopyPassResult): void {
    const totals = this.#totals;
    this.#totals = {
      copied: sum(totals.copied, copied),
      adopted: sum(totals.adopted, adopted),
      failed: sum(totals.failed, failed),
    };
  }

  get phase(): string {
    if (this.watched.replicas().some(({ isCopying }) => isCopying)) return "copying";
    return this.watched.origins().some(({ isScanning }) => isScanning) ? "scanning" : "waiting";
  }

  get #isBusy(): boolean {
    return this.phase !== "waiting" || this.watched.origins().some(({ summary }) => summary === undefined);
  }

  /** Brings everything that is said up to date. `stopping`: for the last time. */
  async refresh(stopping = false): Promise<AgentError | undefined> {
    const agent = this.watched.agent();
    const converged = await this.#saveConditions(agent);
    if (converged.isErr()) return converged.error;
    const kept = await this.#keepRun(agent, converged.value, stopping);
    if (kept.isErr()) return kept.error;
    const document = this.document(!stopping);
    if (document.isErr()) return document.error;
    this.watched.onText(textOf(document.value, this.phase));
    const written = await agent.statusFile.write(document.value);
    // A status file that cannot be written is told, and stops no copy.
    if (written.isErr()) this.#tell("status file", agentErrorMessage(written.error), "error");
    else this.#told.delete("status file");
    return undefined;
  }

  /** The status as things stand. `running`: this process goes on. */
  document(running = true) {
    const { options, state, inventory, now } = this.watched.agent();
    const process_ = { pid: process.pid, command: options.command, since: this.watched.since };
    const doing = running ? { phase: this.phase, process: process_ } : {};
    return inventory
      .readNow((session) => buildStatus(session, state, { version: options.version, now: now(), ...doing }))
      .mapErr((error): AgentError => error);
  }

  #tell(subject: string, message: string, level: "warn" | "error" | "info"): void {
    if (this.#told.get(subject) === message) return;
    this.#told.set(subject, message);
    this.watched.agent().options.log[level](message);
  }

  /** Is everything declared so? */
  #saveConditions(agent: Agent): ResultAsync<boolean, AgentError> {
    const { inventory, declared, state } = agent;
    const read = inventory.readNow((session) =>
      this.watched.replicas().flatMap((loop) => {
        const { checked } = loop;
        if (checked === undefined) return [{ loop, conditions: [] }];
        return [{ loop, conditions: conditionsOf(agent, session, loop, checked.row.id) }];
      }),
    );
    if (read.isErr()) return errAsync(read.error);
    const scan = this.#scanSummary();
    const notReady = [
      ...scan.dataDirectories.filter(({ outcome }) => outcome.kind !== "scanned").map(({ path }) => path),
      ...read.value.filter(({ conditions }) => !isReady(conditions)).map(({ loop }) => loop.url),
    ];
    const complete = this.watched.origins().every(({ summary }) => summary !== undefined);
    const converged = complete && notReady.length === 0 && scan.dataDirectories.length > 0 && state.replicas.length > 0;
    const own = [...agentConditions(scan, state, converged, Math.max(1, notReady.length)), ...this.watched.ownConditions()];
    const wanted = [
      ...read.value
        .filter(({ conditions }) => conditions.length > 0)
        .map(({ loop, conditions }) => ({ subject: replicaSubject(loop.url), conditions })),
      // Before every data directory was scanned once nothing is known of the whole.
      ...(complete ? [{ subject: AGENT_SUBJECT, conditions: own }] : []),
    ];
    const at = agent.now();
    let done: ResultAsync<unknown, AgentError> = okAsync(undefined);
    for (const { subject, conditions } of wanted) {
      const observed = conditions.map((one) => ({ ...one, observedGeneration: declared.generation }));
      done = done.andThen(() => setChanged(agent, subject, observed, at)).andThen(() => this.#tellOf(agent, subject, conditions));
    }
    return done.map(() => converged);
  }

  #scanSummary(): ScanSummary {
    const dataDirectories = this.watched.origins().flatMap(({ summary }) => (summary === undefined ? [] : [summary]));
    const complete = dataDirectories.every(({ outcome }) => outcome.kind === "scanned");
    return { startedAt: this.watched.since, durationMilliseconds: 0, dataDirectories, complete };
  }

  /** A replica that is not ready any more, for another reason than before, is an event; the same one again is counted. */
  #tellOf(agent: Agent, subject: string, conditions: readonly Condition[]): ResultAsync<void, AgentError> {
    const ready = conditions.find(({ type }) => type === "Ready");
    if (ready === undefined || subject === AGENT_SUBJECT) return okAsync(undefined);
    const quiet = ready.status === "True" || ready.reason === "FilesGrowing" || ready.reason === "FilesPending";
    const reason = quiet ? "" : ready.reason;
    const before = this.#told.get(subject) ?? "";
    if (reason === before) return okAsync(undefined);
    // What waits for its copy is on its way back.
    if (quiet && ready.status !== "True") return okAsync(undefined);
    this.#told.set(subject, reason);
    const name = printable(subject);
    if (quiet) {
      agent.options.log.info(`${name}: ready again`);
      const event = { subject, severity: "info", reason: "Converged", message: "ready again" } as const;
      return recordEvent(agent.inventory, event, agent.now());
    }
    agent.options.log.warn(`${name}: ${ready.reason}: ${ready.message}`);
    const event = { subject, severity: "warning", reason: ready.reason, message: ready.message } as const;
    return recordEvent(agent.inventory, event, agent.now());
  }

  /** A run lasts from the first thing that is done to the moment when nothing is left to do. */
  #keepRun(agent: Agent, converged: boolean, stopping: boolean): ResultAsync<void, AgentError> {
    const busy = this.#isBusy && !stopping;
    if (busy && this.#run === undefined) {
      return beginRun(agent.inventory, "sync", agent.now()).andThen((id) => {
        this.#run = { id, begun: agent.elapsed() };
        return okAsync(undefined);
      });
    }
    if (busy || this.#run === undefined) return okAsync(undefined);
    const { id, begun } = this.#run;
    const { copied, adopted, failed } = this.#totals;
    this.#run = undefined;
    this.#totals = COPIED_NOTHING;
    const outcome = stopping ? "stopped" : converged ? "converged" : "not-converged";
    const totals = {
      copiedFiles: copied.files,
      copiedBytes: copied.bytes,
      adoptedFiles: adopted.files,
      failedFiles: failed.files,
    };
    this.watched.onIdle({ outcome, copied, adopted, failed, durationMilliseconds: agent.elapsed() - begun });
    return endRun(agent.inventory, id, outcome, totals, agent.now());
  }
}

const isReady = (conditions: readonly Condition[]): boolean =>
  conditions.some(({ type, status }) => type === "Ready" && status === "True");

/** @throws SQLiteError (the caller is inside `Session.read`) */
function conditionsOf(agent: Agent, session: Session, loop: ReplicaLoop, id: Parameters<typeof failuresOf>[1]): Condition[] {
  const { checked, problem } = loop;
  if (checked === undefined) return [];
  const wanted = new Set(dataDirectoryScans(session).flatMap((scan) => (scan.declared ? [scan.id] : [])));
  const failed = failuresOf(session, id);
  const tallies = readTallies(session);
  const amounts: PendingOfReplica = { ...replicaAmounts(tallies, id, wanted), failed };
  const failures = failed.files === 0 ? [] : failureReasons(session, id);
  agent.options.observer?.queued(loop.url, amounts.pending.files);
  const result: CopyPassResult = {
    url: loop.url,
    ...COPIED_NOTHING,
    failures: new Map(
      failures.flatMap(({ reason, files, example }) =>
        isCopyFailureReason(reason) ? [[reason, { files, example }] as const] : [],
      ),
    ),
    ...(problem === undefined ? {} : { problem }),
  };
  const verified = verifiedCondition(verificationOf(session, agent.state, id, tallies, agent.now()), agent.now(), loop.frozen);
  const conditions = [
    ...replicaConditions(checked, result, amounts, independenceOf(agent, session, checked)),
    ...(verified === undefined ? [] : [verified]),
  ];
  if (!loop.isReconciling) return conditions;
  const message = `${amounts.pending.files} files wait for their copy`;
  return [...conditions, { type: "Reconciling", status: "True", reason: "Copying", message }];
}

/** Without a transaction where nothing would change. */
function setChanged(agent: Agent, subject: string, wanted: readonly Omit<ConditionRow, "subject">[], at: number) {
  const known = agent.inventory.readNow((session) => readConditions(session).filter((one) => one.subject === subject));
  if (known.isErr()) return errAsync<void, AgentError>(known.error);
  const same =
    known.value.length === wanted.length &&
    wanted.every((one) =>
      known.value.some(
        ({ type, status, reason, message, observedGeneration }) =>
          type === one.type &&
          status === one.status &&
          reason === one.reason &&
          message === one.message &&
          observedGeneration === one.observedGeneration,
      ),
    );
  return same
    ? okAsync<void, AgentError>(undefined)
    : setConditions(agent.inventory, subject, wanted, at).mapErr((error): AgentError => error);
}

/** For `systemctl status`. */
function textOf(status: StatusDocument, phase: string): string {
  const declared = status.replicas.filter((replica) => replica.declared);
  const parts = declared.map(({ url, ready, current, pending, conditions }) => {
    const reason = conditions.find(({ type }) => type === "Ready")?.reason ?? "NotLookedAtYet";
    return ready ? `${printable(url)} ${current.files} current` : `${printable(url)} ${reason}, ${pending.files} pending`;
  });
  return `${status.converged ? "converged" : phase}: ${parts.join("; ") || "no replica is declared"}`;
}
