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
  type Session,
  setReconciledRevision,
} from "../inventory/mod.ts";
import { type CopyOutcome, PassPlan, type ReplicaProblem, replicaProblem, type WorkKind } from "../replicate/mod.ts";
import { type Agent, expectReply, servedHosts } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { hasCopies, type PackedResult, packGroup } from "./copy-messages.ts";
import { type Sources, tellHosts } from "./copy-sources.ts";
import { copyTargetOf, newShared } from "./copy-target.ts";
import { DirectoriesInFlight } from "./directories-in-flight.ts";
import { readBackDoubted } from "./doubted-copies.ts";
import { failedAttemptOf } from "./failed-attempt.ts";
import { sortOutcomes, storedCopyOf } from "./group-outcomes.ts";
import { hangsInSource } from "./held-up.ts";
import { toldOfKeptCopies } from "./kept-copies.ts";
import { FAR_GROUP, nextKind, parallelGroups } from "./lanes.ts";
import { LeftFiles } from "./left-files.ts";
import { observeCopies } from "./observer.ts";
import { PassGeneration, type RaiseOutcome } from "./pass-generation.ts";
import type { CopyPassOptions, CopyPassResult, ReadyReplica } from "./pass-options.ts";
import { PassTotals } from "./pass-totals.ts";
import { copyFromElsewhere } from "./repair-sources.ts";
import { SourceChoice } from "./source-choice.ts";
import { tellProgress } from "./tell-progress.ts";

export class CopyPass {
  /** Made by the first look at it. */
  #plan: PassPlan | undefined;
  readonly #directories = new DirectoriesInFlight();
  readonly #filesInFlight = new Set<FileOriginId>();
  /** Tried in this pass, and not tried again in it: where every failed file is due, that would never end. */
  readonly #failedFiles: Set<FileOriginId>;
  readonly #totals = new PassTotals();
  readonly #running: Record<WorkKind, number> = { small: 0, large: 0 };
  #last: WorkKind = "large";
  /** What the workers share. */
  readonly #shared = newShared();
  #problem: ReplicaProblem | undefined;
  #error: AgentError | undefined;
  /** The inventory when the pass began: what has not changed since is as it was planned. */
  readonly #plannedAt: number;
  /** What is done up to there is not planned. */
  readonly #since: number;
  readonly #choice: SourceChoice;
  readonly #left: LeftFiles;
  readonly #tell: () => void;
  readonly #generation: PassGeneration;
  #released: Promise<void> | undefined;
  #isBrokenOff = false;
  #pump: () => void = () => undefined;

  constructor(
    private readonly agent: Agent,
    private readonly checked: ReadyReplica,
    private readonly options: CopyPassOptions,
  ) {
    this.#plannedAt = agent.inventory.revision;
    this.#failedFiles = options.failedBefore ?? new Set();
    this.#since = Math.max(checked.row.reconciledRevision, options.doneUpTo ?? 0);
    this.#tell = tellProgress(agent, checked.replica.id, () => this.#totals.progress(options.pending));
    this.#choice = new SourceChoice(agent, checked.row.id, options);
    this.#left = new LeftFiles(this.#since, this.#choice.isLeftAlone);
    this.#generation = new PassGeneration(agent, { ...checked, marker: checked.found.marker });
  }

  #makePlan(session: Session): PassPlan {
    const { agent, checked, options } = this;
    return new PassPlan(session, { ...checked.row, reconciledRevision: this.#since }, this.#plannedAt, {
      dueAt: options.dueAt,
      whole: options.whole,
      ...(options.overdueBefore === undefined ? {} : { overdueBefore: options.overdueBefore }),
      hosts: servedHosts(agent.state).map(({ name }) => name),
      ...(checked.replica.target.kind === "ssh" ? { group: FAR_GROUP } : {}),
      isBusy: (file) => this.#filesInFlight.has(file),
      hasFailed: (file) => this.#failedFiles.has(file),
      withheld: (page) => this.#choice.withheld(page),
    });
  }

  /** Takes in what has changed since it began, and what is due by now. `dueAt`: milliseconds since 1970. */
  extend(dueAt: number): void {
    this.#read((plan) => plan.extend(this.agent.inventory.revision, dueAt));
    this.#pump();
  }

  /** Is there anything to do? */
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
    if (this.#error === undefined && this.#problem === undefined) this.#isRaised(await this.#generation.atEnd());
    if (this.#error !== undefined) return err(this.#error);
    const { agent, checked } = this;
    const settled = agent.brokenOff.takeUnsettled(checked.row.id);
    const forgotten = await forgetWhereNothingIsPending(agent.inventory, checked.row.id, settled);
    if (forgotten.isErr()) return err(forgotten.error);
    return (await this.conclude()).map(() => this.#result());
  }

  #result(): CopyPassResult {
    const { copied, adopted, failed, failures } = this.#totals;
    const problem = this.#problem === undefined ? {} : { problem: this.#problem };
    const amounts = { copied: { ...copied }, adopted: { ...adopted }, failed: { ...failed } };
    const leftUntried = this.#left.untried !== Number.POSITIVE_INFINITY;
    const released = this.#released === undefined ? {} : { released: this.#released };
    const brokenOff = this.#isBrokenOff ? { brokenOff: true } : {};
    return { url: this.checked.replica.id, ...amounts, failures, ...problem, ...released, ...brokenOff, leftUntried };
  }

  #runningGroups(): number {
    return this.#running.small + this.#running.large;
  }

  #nextKind(): WorkKind | undefined {
    const has = (kind: WorkKind): boolean => this.#read((plan) => plan.has(kind)) === true;
    return nextKind(parallelGroups(this.checked, this.agent.processors), this.#running, this.#last, has);
  }

  /** Also where a source hangs: the rest of its group is well, perhaps, and can be taken again only when what was begun is removed. */
  #stopped(): boolean {
    return this.#error !== undefined || this.#problem !== undefined || this.#isBrokenOff || this.options.signal.aborted;
  }

  /** What the plan says; undefined when the inventory cannot be read, which ends the pass. */
  #read<Value>(ask: (plan: PassPlan) => Value): Value | undefined {
    const read = this.agent.inventory.readNow((session) => {
      this.#plan ??= this.#makePlan(session);
      return ask(this.#plan);
    });
    if (read.isErr()) this.#error ??= read.error;
    return read.unwrapOr(undefined);
  }

  async #copy(planned: readonly PendingFile[]): Promise<void> {
    const { agent, checked } = this;
    const { hosts } = this.options;
    const sources = this.#choice.of(planned);
    // What could be had when it was planned, and cannot any more, is found again by the next whole diff.
    const group = planned.filter(sources.has);
    for (const file of planned) if (!sources.has(file)) this.#left.addWaiting(file);
    if (group.length === 0) return;
    for (const { id } of group) this.#filesInFlight.add(id);
    const directories = [...new Set(group.map((file) => file.directory.id))];
    const fresh = this.#directories.enter(directories);
    agent.brokenOff.entered(checked.row.id, directories);
    const begun = await beginCopies(agent.inventory, checked.row.id, fresh);
    // Whatever becomes of the volume while the group is on its way: clones of it that were made before are known by then.
    const isRaised = begun.isOk() && this.#isRaised(await this.#generation.beforeGroup());
    const target = begun.andThen(() => copyTargetOf(agent, checked, group, this.#shared));
    if (target.isErr()) {
      this.#error ??= target.error;
      return;
    }
    if (!isRaised) {
      this.#left.addUntried(group, sources);
      return;
    }
    const begunAt = agent.elapsed();
    const reply = await agent.hands.run(
      {
        kind: "copy",
        group: packGroup(target.value, group, sources.of, (directory) => agent.brokenOff.has(checked.row.id, directory)),
      },
      {
        onProgress: (files, bytes, path) => {
          this.#totals.onTheWay(group, { files, bytes, path });
          this.#tell();
        },
      },
    );
    this.#totals.arrived(group);
    if (reply.kind === "stalled") {
      if (hangsInSource(agent.heldUp, group, sources, reply)) this.#isBrokenOff = true;
      else this.#failAsAWhole(replicaProblem("WorkerStalled", reply.detail), reply.released);
      this.#left.addUntried(group, sources);
      return;
    }
    const copied = await expectReply(reply, "copy");
    if (copied.isErr()) this.#error ??= copied.error;
    else {
      if (hosts !== undefined) tellHosts(hosts, group, sources, copied.value.result, begunAt);
      const result = await copyFromElsewhere(
        agent,
        target.value,
        group,
        copied.value.result,
        checked.row.id,
        this.#choice.replicas,
      );
      if (result.problem !== undefined) this.#failAsAWhole(result.problem, result.released);
      await this.#commit(group, directories, sources, result);
      const readBack = await readBackDoubted(agent, group, copied.value.result, sources.of, this.#choice.replicas());
      if (readBack.isErr()) this.#error ??= readBack.error;
    }
    for (const { id } of group) this.#filesInFlight.delete(id);
  }

  #failAsAWhole(problem: ReplicaProblem, released?: Promise<void>): void {
    this.#problem ??= problem;
    if (released !== undefined) this.#released = Promise.all([this.#released, released]).then(() => undefined);
  }

  #isRaised(raised: Result<RaiseOutcome, AgentError>): boolean {
    if (raised.isErr()) this.#error ??= raised.error;
    else if (raised.value.problem !== undefined) this.#failAsAWhole(raised.value.problem, raised.value.released);
    return raised.isOk() && raised.value.problem === undefined;
  }

  async #commit(
    group: readonly PendingFile[],
    directories: readonly DirectoryId[],
    sources: Sources,
    result: PackedResult,
  ): Promise<void> {
    const { agent, checked } = this;
    // Before the directories are left: from then on nothing may come between. Where it fails, the volume has been taken away since: what is durable there is so all the same, and nobody could tell later whose it is.
    if (hasCopies(result)) this.#isRaised(await this.#generation.beforeCommit());
    const { copied, stored, failed, untried } = sortOutcomes(group, result);
    for (const { evidence } of copied) this.#totals.copied.add(evidence.size);
    for (const [, { how, evidence }] of stored) this.#totals[how].add(evidence.size);
    this.#left.addUntried(untried, sources);
    const left = this.#directories.leave(directories, result.leftovers);
    agent.brokenOff.tidied(checked.row.id, left);
    // Where a run was broken off, unrecorded copies may stand until nothing is pending any more.
    const finished = left.filter((directory) => !agent.brokenOff.has(checked.row.id, directory));
    const outcomes = {
      copied: { files: copied, digests: result.digests, revision: this.#plannedAt },
      stored: stored.map(([, outcome]) => storedCopyOf(outcome)),
      failed: failed.map(([file, outcome]) => this.#failed(file, outcome)),
      finished,
    };
    const committed = await commitOutcomes(agent.inventory, checked.row.id, outcomes, agent.now());
    if (committed.isErr()) this.#error ??= committed.error;
    else observeCopies(agent, checked.replica.id, [...copied, ...stored.map(([file]) => file)]);
    this.#tell();
  }

  #failed(file: PendingFile, found: Extract<CopyOutcome, { kind: "failed" }>): FailedAttempt {
    const outcome = toldOfKeptCopies(this.agent, this.checked.row, file, found);
    this.#totals.fail(file, outcome.reason);
    this.#failedFiles.add(outcome.id);
    this.agent.options.observer?.failed(outcome.domain, outcome.reason);
    return failedAttemptOf(this.agent, file, outcome);
  }

  /** Everything up to here is current, has an attempt that says why not, or waits for a host that is away. */
  doneUpTo(): number {
    return Math.min(this.#left.untried, this.#read((plan) => plan.position()) ?? 0) - 1;
  }

  /** Everything up to here is current, or has an attempt that says why not. */
  async #reconciled(): Promise<Result<void, AgentError>> {
    const withheld = this.#read((plan) => plan.withheldFrom()) ?? 0;
    const revision = Math.min(this.doneUpTo() + 1, this.#left.waiting, withheld) - 1;
    if (this.#error !== undefined) return err(this.#error);
    const { row } = this.checked;
    // What waits below where this pass has begun was not looked at.
    if (this.#since > row.reconciledRevision || revision <= row.reconciledRevision) return ok(undefined);
    return setReconciledRevision(this.agent.inventory, row.id, revision);
  }
}
