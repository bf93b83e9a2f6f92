/**
 * Brings one replica up to date: takes groups from its plan, has workers copy them, commits what came of each. A replica that fails as a whole stops its own
 * pass and nobody else's.
 */
import { err, ok, type Result, ResultAsync } from "neverthrow";
import {
  type Amount,
  beginCopies,
  commitOutcomes,
  type DirectoryId,
  type FailedAttempt,
  type PendingFile,
  type StoredCopy,
  setReconciledRevision,
} from "../inventory/mod.ts";
import {
  backoffMilliseconds,
  type CopyFailureReason,
  type CopyOutcome,
  ReplicaPlan,
  type ReplicaProblem,
} from "../replicate/mod.ts";
import { type Agent, expectReply } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { type PackedResult, packGroup } from "./copy-messages.ts";
import { sourcesOf } from "./copy-sources.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import { addressOf } from "./volume-address.ts";

const PROGRESS_EVERY_MILLISECONDS = 200;

export interface CopyPassResult {
  readonly url: string;
  readonly copied: Amount;
  readonly adopted: Amount;
  readonly failed: Amount;
  readonly failures: ReadonlyMap<CopyFailureReason, { readonly files: number; readonly example: string }>;
  /** Why the pass ended before its plan did. */
  readonly problem?: ReplicaProblem;
}

export interface CopyPassOptions {
  /** Only files whose next attempt is due; left out: every pending file is tried. */
  readonly dueAt?: number;
  /** What the tallies say is pending: for the progress display. */
  readonly pending: Amount;
  /** Replicas on this machine that are there: their copies can stand in for origins far away. */
  readonly nearby: readonly CheckedReplica[];
}

/** Runs the pass of a replica that is ready. */
export const copyPass = (
  agent: Agent,
  checked: CheckedReplica & { readonly found: { readonly kind: "ready" } },
  options: CopyPassOptions,
): ResultAsync<CopyPassResult, AgentError> => new ResultAsync(new CopyPass(agent, checked, options).run());

class CopyPass {
  readonly #plan: ReplicaPlan;
  readonly #begun: number;
  /** How many groups in flight have files in a directory. */
  readonly #inFlight = new Map<DirectoryId, number>();
  readonly #failures = new Map<CopyFailureReason, { files: number; example: string }>();
  readonly #copied = new Sum();
  readonly #adopted = new Sum();
  readonly #failed = new Sum();
  #running = 0;
  /** What the workers share of the replica's limit of bytes a second. */
  readonly #granted = new SharedArrayBuffer(8);
  #problem: ReplicaProblem | undefined;
  #error: AgentError | undefined;
  /** The lowest revision of a file that was planned and not tried. */
  #untried = Number.POSITIVE_INFINITY;
  /** What is known of the groups on the way. */
  readonly #groups = new Map<readonly PendingFile[], Amount & { readonly path: string }>();
  #progressAt = 0;

  constructor(
    private readonly agent: Agent,
    private readonly checked: CheckedReplica & { readonly found: { readonly kind: "ready" } },
    private readonly options: CopyPassOptions,
  ) {
    this.#begun = agent.elapsed();
    const due = {
      ...(options.dueAt === undefined ? {} : { dueAt: options.dueAt }),
      ...(checked.replica.target.kind === "ssh" ? { group: FAR_GROUP } : {}),
    };
    this.#plan = new ReplicaPlan(agent.inventory, checked.row, agent.inventory.revision, due);
  }

  async run(): Promise<Result<CopyPassResult, AgentError>> {
    await new Promise<void>((resolve, reject) => {
      const pump = (): void => {
        while (this.#running < this.#parallel() && !this.#stopped()) {
          const group = this.#takeGroup();
          if (group === undefined) break;
          this.#running += 1;
          this.#copy(group).then(() => {
            this.#running -= 1;
            pump();
          }, reject);
        }
        if (this.#running === 0) resolve();
      };
      pump();
    });
    if (this.#error !== undefined) return err(this.#error);
    const reconciled = await this.#reconciled();
    return reconciled.map(() => this.#result());
  }

  #result(): CopyPassResult {
    const amounts = { copied: { ...this.#copied }, adopted: { ...this.#adopted }, failed: { ...this.#failed } };
    const problem = this.#problem === undefined ? {} : { problem: this.#problem };
    return { url: this.checked.replica.id, ...amounts, failures: this.#failures, ...problem };
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
    return this.#error !== undefined || this.#problem !== undefined || this.agent.options.signal.aborted;
  }

  #takeGroup(): readonly PendingFile[] | undefined {
    let group: readonly PendingFile[] | undefined;
    const read = this.agent.inventory.readNow(() => {
      group = this.#plan.takeGroup();
    });
    if (read.isErr()) this.#error ??= read.error;
    return group;
  }

  async #copy(group: readonly PendingFile[]): Promise<void> {
    const { agent, checked } = this;
    const directories = [...new Set(group.map((file) => file.directory.id))];
    const fresh = directories.filter((directory) => !this.#inFlight.has(directory));
    for (const directory of directories) this.#inFlight.set(directory, (this.#inFlight.get(directory) ?? 0) + 1);
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
    const replica = { address: addressOf(checked.replica), marker, reserveBytes, ...limit };
    const reply = await agent.pool.run(
      { kind: "copy", group: packGroup(replica, group, sourcesOf(agent, group, checked.row.id, this.options.nearby)) },
      {
        onProgress: (files, bytes, path) => {
          this.#groups.set(group, { files, bytes, path });
          this.#progress();
        },
      },
    );
    this.#groups.delete(group);
    const copied = await expectReply(reply, "copy");
    if (copied.isErr()) this.#error ??= copied.error;
    else await this.#commit(group, directories, copied.value.result);
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
    for (const { evidence } of copied) this.#copied.add(evidence.size);
    for (const [position, outcome] of result.others) {
      const file = fileAt(position);
      if (outcome.kind === "stored") {
        const { id, evidence, digest, kept } = outcome;
        stored.push({ file: id, evidence, digest, ...(kept === undefined ? {} : { kept }) });
        (outcome.how === "copied" ? this.#copied : this.#adopted).add(evidence.size);
      } else failed.push(this.#failedAttempt(file, outcome));
    }
    // What has no outcome was not tried: the next diff must find it again.
    group.forEach((file, position) => {
      if (tried[position] === 0) this.#untried = Math.min(this.#untried, file.revision);
    });
    const finished = directories.filter((directory) => this.#leave(directory) && !result.leftovers.includes(directory));
    const outcomes = {
      copied: { files: copied, digests: result.digests, revision: this.#plan.newest },
      stored,
      failed,
      finished,
    };
    const committed = await commitOutcomes(agent.inventory, checked.row.id, outcomes, agent.now());
    if (committed.isErr()) this.#error ??= committed.error;
    this.#problem ??= result.problem;
    this.#progress();
  }

  #failedAttempt(file: PendingFile, outcome: Extract<CopyOutcome, { kind: "failed" }>): FailedAttempt {
    const { id, domain, reason, message, observed } = outcome;
    const attempts = (file.attempt?.attempts ?? 0) + 1;
    const nextAt = this.agent.now() + backoffMilliseconds(attempts, Math.random());
    this.#failed.add(file.evidence.size);
    const known = this.#failures.get(reason);
    if (known === undefined) this.#failures.set(reason, { files: 1, example: `${file.directory.path}/${file.name}` });
    else known.files += 1;
    return { file: id, domain, reason, message, nextAt, ...(observed === undefined ? {} : { observed }) };
  }

  /** True when no group in flight has files in the directory any more. */
  #leave(directory: DirectoryId): boolean {
    const left = (this.#inFlight.get(directory) ?? 1) - 1;
    if (left > 0) this.#inFlight.set(directory, left);
    else this.#inFlight.delete(directory);
    return left <= 0;
  }

  /** Everything up to here is current, or has an attempt that says why not. */
  async #reconciled(): Promise<Result<void, AgentError>> {
    let position = 0;
    const read = this.agent.inventory.readNow(() => {
      position = this.#plan.position();
    });
    if (read.isErr()) return err(read.error);
    const revision = Math.min(this.#untried, position) - 1;
    if (revision <= this.checked.row.reconciledRevision) return ok(undefined);
    return setReconciledRevision(this.agent.inventory, this.checked.row.id, revision);
  }

  #progress(): void {
    const elapsedMilliseconds = this.agent.elapsed() - this.#begun;
    if (elapsedMilliseconds - this.#progressAt < PROGRESS_EVERY_MILLISECONDS) return;
    this.#progressAt = elapsedMilliseconds;
    const { pending } = this.options;
    const done = [this.#copied, this.#adopted, ...this.#groups.values()];
    this.agent.options.onProgress?.({
      phase: "copying",
      subject: this.checked.replica.id,
      current: [...this.#groups.values()].flatMap(({ path }) => (path === "" ? [] : [path])),
      files: done.reduce((total, { files }) => total + files, 0),
      bytes: done.reduce((total, { bytes }) => total + bytes, 0),
      totalFiles: pending.files,
      totalBytes: pending.bytes,
      elapsedMilliseconds,
    });
  }
}

/** Where the way is long, the files of a group are copied side by side, several large ones too, and the guards of a group cost a while. */
const FAR_GROUP = { files: 16_384, bytes: 1 << 30 };

/** A sum that grows by a file at a time. */
class Sum implements Amount {
  files = 0;
  bytes = 0;

  add(bytes: number): void {
    this.files += 1;
    this.bytes += bytes;
  }
}
