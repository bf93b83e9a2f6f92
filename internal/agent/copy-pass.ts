/**
 * Brings one replica up to date: takes groups from its plan, has workers copy them, commits what came of each. A replica that fails as a whole stops its own
 * pass and nobody else's. While it runs it takes in what has changed since.
 */
import { err, ok, type Result } from "neverthrow";
import {
  beginCopies,
  commitOutcomes,
  type DirectoryId,
  type FailedAttempt,
  type FileOriginId,
  forgetWhereNothingIsPending,
  type PendingFile,
  type StoredCopy,
  setReconciledRevision,
} from "../inventory/mod.ts";
import {
  backoffMilliseconds,
  type CopyOutcome,
  PassPlan,
  type ReplicaProblem,
  replicaProblem,
  type WorkKind,
} from "../replicate/mod.ts";
import { type Agent, claimsOf, expectReply, servedHosts } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { type PackedResult, packGroup } from "./copy-messages.ts";
import { sourcesOf } from "./copy-sources.ts";
import { DirectoriesInFlight } from "./directories-in-flight.ts";
import { FAR_GROUP, nextKind } from "./lanes.ts";
import { observeCopies } from "./observer.ts";
import type { CopyPassOptions, CopyPassResult, ReadyReplica } from "./pass-options.ts";
import { PassTotals } from "./pass-totals.ts";
import { copyFromElsewhere, isRepair, repairSources } from "./repair-sources.ts";
import { addressOf } from "./volume-address.ts";

const PROGRESS_EVERY_MILLISECONDS = 200;

export class CopyPass {
  readonly #plan: PassPlan;
  readonly #begun: number;
  readonly #directories = new DirectoriesInFlight();
  readonly #filesInFlight = new Set<FileOriginId>();
  /** Tried in this pass, and not tried again in it: where every failed file is due, that would never end. */
  readonly #failedFiles = new Set<FileOriginId>();
  readonly #totals = new PassTotals();
  readonly #running: Record<WorkKind, number> = { small: 0, large: 0 };
  #last: WorkKind = "large";
  /** What the workers share of the replica's limit of bytes a second. */
  readonly #granted = new SharedArrayBuffer(8);
  #problem: ReplicaProblem | undefined;
  #error: AgentError | undefined;
  /** The lowest revision of a file that was planned and not tried. */
  #untried = Number.POSITIVE_INFINITY;
  #progressAt = 0;
  /** The inventory when the pass began: what has not changed since is as it was planned. */
  readonly #plannedAt: number;
  #released: Promise<void> | undefined;
  #pump: () => void = () => undefined;

  constructor(
    private readonly agent: Agent,
    private readonly checked: ReadyReplica,
    private readonly options: CopyPassOptions,
  ) {
    this.#begun = agent.elapsed();
    this.#plannedAt = agent.inventory.revision;
    this.#plan = new PassPlan(agent.inventory, checked.row, this.#plannedAt, {
      dueAt: options.dueAt,
      whole: options.whole,
      ...(options.overdueBefore === undefined ? {} : { overdueBefore: options.overdueBefore }),
      hosts: servedHosts(agent.state).map(({ name }) => name),
      ...(checked.replica.target.kind === "ssh" ? { group: FAR_GROUP } : {}),
      isBusy: (file) => this.#filesInFlight.has(file),
      hasFailed: (file) => this.#failedFiles.has(file),
    });
  }

  /** Takes in what has changed since it began, and what is due by now. `dueAt`: milliseconds since 1970. */
  extend(dueAt: number): void {
    this.#plan.extend(this.agent.inventory.revision, dueAt);
    this.#pump();
  }

  /** Is there anything to do at all? */
  hasWork(): boolean {
    return this.#read((plan) => plan.has("small") || plan.has("large")) !== false;
  }

  /** Of a pass that has no work: the next diff begins where this one ended. */
  async conclude(): Promise<Result<void, AgentError>> {
    return this.options.mayAdvance() ? this.#reconciled() : ok(undefined);
  }

  /** Runs it to the end of its plan. */
  async run(): Promise<Result<CopyPassResult, AgentError>> {
    await new Promise<void>((resolve, reject) => {
      this.#pump = (): void => {
        for (let kind = this.#nextKind(); kind !== undefined && !this.#stopped(); kind = this.#nextKind()) {
          const group = this.#read((plan) => plan.take(kind)) ?? [];
          if (group.length === 0) break;
          this.#running[kind] += 1;
          this.#last = kind;
          this.#copy(group).then(() => {
            this.#running[kind] -= 1;
            this.#pump();
          }, reject);
        }
        if (this.#runningGroups() === 0) resolve();
      };
      this.#pump();
    });
    this.#pump = () => undefined;
    if (this.#error !== undefined) return err(this.#error);
    const { agent, checked } = this;
    const settled = agent.brokenOff.takeUnsettled(checked.row.id);
    const forgotten = await forgetWhereNothingIsPending(agent.inventory, checked.row.id, settled);
    if (forgotten.isErr()) return err(forgotten.error);
    const reconciled = await this.conclude();
    return reconciled.map(() => this.#result());
  }

  #result(): CopyPassResult {
    const { copied, adopted, failed, failures } = this.#totals;
    const problem = this.#problem === undefined ? {} : { problem: this.#problem };
    const amounts = { copied: { ...copied }, adopted: { ...adopted }, failed: { ...failed } };
    const leftUntried = this.#untried !== Number.POSITIVE_INFINITY;
    const released = this.#released === undefined ? {} : { released: this.#released };
    return { url: this.checked.replica.id, ...amounts, failures, ...problem, ...released, leftUntried };
  }

  #runningGroups(): number {
    return this.#running.small + this.#running.large;
  }

  #nextKind(): WorkKind | undefined {
    const has = (kind: WorkKind): boolean => this.#read((plan) => plan.has(kind)) === true;
    return nextKind(this.#parallel(), this.#running, this.#last, has);
  }

  /**
   * Groups that are copied at a time: as many as the operator says, else one to a disk with one head or to another host (a group goes through several
   * connections), else one for each processor.
   */
  #parallel(): number {
    const { replica, found } = this.checked;
    if (replica.target.kind === "ssh") return replica.workers || 1;
    return replica.workers || (found.state.rotating ? 1 : this.agent.processors);
  }

  #stopped(): boolean {
    return this.#error !== undefined || this.#problem !== undefined || this.options.signal.aborted;
  }

  /** What the plan says; undefined when the inventory cannot be read, which ends the pass. */
  #read<Value>(ask: (plan: PassPlan) => Value): Value | undefined {
    const read = this.agent.inventory.readNow(() => ask(this.#plan));
    if (read.isErr()) this.#error ??= read.error;
    return read.unwrapOr(undefined);
  }

  async #copy(planned: readonly PendingFile[]): Promise<void> {
    const { agent, checked } = this;
    const { ready } = this.options;
    const repairs = repairSources(agent, planned.filter(isRepair), checked.row.id, ready());
    // What no replica that is there can give now is found again by the next whole diff.
    const group = planned.filter((file) => !isRepair(file) || repairs.has(file.id));
    if (group.length === 0) return;
    for (const { id } of group) this.#filesInFlight.add(id);
    const directories = [...new Set(group.map((file) => file.directory.id))];
    const fresh = this.#directories.enter(directories);
    agent.brokenOff.entered(checked.row.id, directories);
    if (fresh.length > 0) {
      const begun = await beginCopies(agent.inventory, checked.row.id, fresh);
      if (begun.isErr()) {
        this.#error ??= begun.error;
        return;
      }
    }
    const { marker } = checked.found;
    const { reserveBytes, bandwidthBytes } = checked.replica;
    const limit = bandwidthBytes > 0 ? { limit: { shared: this.#granted, bytesPerSecond: bandwidthBytes } } : {};
    const claims = { claimant: claimsOf(agent).claimant, hosts: [...new Set(group.map(({ directory }) => directory.host))] };
    const replica = { address: addressOf(this.agent.state, checked.replica), marker, claims, reserveBytes, ...limit };
    const usual = sourcesOf(agent, group, checked.row.id, ready());
    const sources = (file: PendingFile) => repairs.get(file.id) ?? usual(file);
    const reply = await agent.hands.run(
      { kind: "copy", group: packGroup(replica, group, sources, (directory) => agent.brokenOff.has(checked.row.id, directory)) },
      {
        onProgress: (files, bytes, path) => {
          this.#totals.onTheWay(group, { files, bytes, path });
          this.#progress();
        },
      },
    );
    this.#totals.arrived(group);
    if (reply.kind === "stalled") {
      this.#problem ??= replicaProblem("WorkerStalled", reply.detail);
      this.#released = Promise.all([this.#released, reply.released]).then(() => undefined);
      this.#untriedOf(group, () => false);
      return;
    }
    const copied = await expectReply(reply, "copy");
    if (copied.isErr()) this.#error ??= copied.error;
    else {
      const result = await copyFromElsewhere(agent, replica, group, copied.value.result, checked.row.id, ready);
      await this.#commit(group, directories, result);
    }
    for (const { id } of group) this.#filesInFlight.delete(id);
  }

  /** What has no outcome was not tried: the next diff must find it again. */
  #untriedOf(group: readonly PendingFile[], tried: (position: number) => boolean): void {
    group.forEach((file, position) => {
      if (!tried(position)) this.#untried = Math.min(this.#untried, file.revision);
    });
  }

  async #commit(group: readonly PendingFile[], directories: readonly DirectoryId[], result: PackedResult): Promise<void> {
    const { agent, checked } = this;
    const tried = new Uint8Array(group.length);
    const stored: StoredCopy[] = [];
    const failed: FailedAttempt[] = [];
    const fileAt = (position: number): PendingFile => {
      const file = group[position];
      if (file === undefined) throw new Error(`an outcome for file ${position} of a group of ${group.length}`);
      tried[position] = 1;
      return file;
    };
    const copied = Array.from(result.copied, fileAt);
    for (const { evidence } of copied) this.#totals.copied.add(evidence.size);
    const done = [...copied];
    for (const [position, outcome] of result.others) {
      const file = fileAt(position);
      if (outcome.kind === "stored") {
        const { id, evidence, digest, kept, prefix } = outcome;
        stored.push({ file: id, evidence, digest, ...(kept && { kept }), ...(prefix && { prefix }) });
        this.#totals[outcome.how].add(evidence.size);
        done.push(file);
      } else failed.push(this.#failedAttempt(file, outcome));
    }
    this.#untriedOf(group, (position) => tried[position] === 1);
    const left = this.#directories.leave(directories).filter((directory) => !result.leftovers.includes(directory));
    agent.brokenOff.tidied(checked.row.id, left);
    // Where a run was broken off, unrecorded copies may stand until nothing is pending any more.
    const finished = left.filter((directory) => !agent.brokenOff.has(checked.row.id, directory));
    const copies = { files: copied, digests: result.digests, revision: this.#plannedAt };
    const outcomes = { copied: copies, stored, failed, finished };
    const committed = await commitOutcomes(agent.inventory, checked.row.id, outcomes, agent.now());
    if (committed.isErr()) this.#error ??= committed.error;
    else observeCopies(agent, checked.replica.id, done);
    this.#problem ??= result.problem;
    this.#progress();
  }

  #failedAttempt(file: PendingFile, outcome: Extract<CopyOutcome, { kind: "failed" }>): FailedAttempt {
    const { id, domain, reason, message, observed } = outcome;
    const attempts = (file.attempt?.attempts ?? 0) + 1;
    // What moves or is open for writing grows: it is tried as soon as it has settled, and that holds it back enough.
    const wait = observed === undefined ? backoffMilliseconds(attempts, this.agent.random()) : 0;
    this.#totals.fail(file, reason);
    this.#failedFiles.add(id);
    this.agent.options.observer?.failed(domain, reason);
    return {
      file: id,
      domain,
      reason,
      message,
      nextAt: this.agent.now() + wait,
      ...(observed === undefined ? {} : { observed }),
    };
  }

  /** Everything up to here is current, or has an attempt that says why not. */
  async #reconciled(): Promise<Result<void, AgentError>> {
    const position = this.#read((plan) => plan.position());
    if (position === undefined || this.#error !== undefined) return this.#error === undefined ? ok(undefined) : err(this.#error);
    const revision = Math.min(this.#untried, position) - 1;
    if (revision <= this.checked.row.reconciledRevision) return ok(undefined);
    return setReconciledRevision(this.agent.inventory, this.checked.row.id, revision);
  }

  #progress(): void {
    const elapsedMilliseconds = this.agent.elapsed() - this.#begun;
    if (elapsedMilliseconds - this.#progressAt < PROGRESS_EVERY_MILLISECONDS) return;
    this.#progressAt = elapsedMilliseconds;
    const { pending } = this.options;
    this.agent.options.onProgress?.({
      phase: "copying",
      subject: this.checked.replica.id,
      current: this.#totals.current(),
      ...this.#totals.done(),
      totalFiles: pending?.files ?? null,
      totalBytes: pending?.bytes ?? null,
      elapsedMilliseconds,
    });
  }
}
