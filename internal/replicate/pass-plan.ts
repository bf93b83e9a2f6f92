/**
 * The work of one pass of a replica, so that nothing starves: several streams that take turns. Small files never wait for a large one, files of one origin
 * host never wait for those of another, and what has failed before comes in a stream of its own, when it is due, so that it cannot fill the groups of
 * the rest.
 */
import { type DeclaredReplica, EVERYTHING, type FileOriginId, type PendingFile, type Session } from "../inventory/mod.ts";
import { type PlanOptions, ReplicaPlan } from "./plan.ts";

/** From this size on a file is large: it is copied alone. */
export const LARGE_BYTES = 256 << 20;

export type WorkKind = "small" | "large";

export interface PassPlanOptions {
  /** Milliseconds since 1970; attempts that are due later wait. */
  readonly dueAt: number;
  /** Growing since before this, and not copied since: as much is copied as there is. Left out: no growing file is. */
  readonly overdueBefore?: number;
  /** Look also for what earlier passes left behind without a failed attempt; that costs a look at every copy that is not current. */
  readonly whole: boolean;
  /** The origin hosts whose files take turns. */
  readonly hosts: readonly string[];
  readonly group?: PlanOptions["group"];
  readonly isBusy: (file: FileOriginId) => boolean;
  readonly hasFailed: (file: FileOriginId) => boolean;
  readonly withheld: NonNullable<PlanOptions["withheld"]>;
}

export class PassPlan {
  readonly #streams: Record<WorkKind, ReplicaPlan[]> = { small: [], large: [] };
  #newest: number;
  #dueAt: number;
  /** The lowest revision that a finished stream has not taken. */
  #position = Number.POSITIVE_INFINITY;
  /** The lowest revision that a finished stream has withheld. */
  #withheldFrom = Number.POSITIVE_INFINITY;

  constructor(
    private readonly session: Session,
    private readonly replica: DeclaredReplica,
    newest: number,
    private readonly options: PassPlanOptions,
  ) {
    this.#newest = newest;
    this.#dueAt = options.dueAt;
    this.#add(replica, options.whole, Number.MIN_SAFE_INTEGER);
    // Of whatever host: also of one that is not declared any more.
    if (options.whole) this.#addBoth(replica, { phases: ["repair"], dueAt: options.dueAt });
    if (options.overdueBefore !== undefined) {
      this.#addBoth(replica, { phases: ["overdue"], dueAt: options.dueAt, overdueBefore: options.overdueBefore });
    }
  }

  get newest(): number {
    return this.#newest;
  }

  /** Takes in what has changed, and what has become due, since the plan was made. */
  extend(newest: number, dueAt: number): void {
    if (newest === this.#newest && dueAt <= this.#dueAt) return;
    const since = { ...this.replica, reconciledRevision: this.#newest };
    const dueFrom = this.#dueAt + 1;
    this.#newest = newest;
    this.#dueAt = Math.max(dueAt, this.#dueAt);
    this.#add(since, false, dueFrom);
  }

  #add(since: DeclaredReplica, whole: boolean, dueFrom: number): void {
    for (const host of this.options.hosts.length > 1 ? this.options.hosts : [undefined]) {
      this.#addBoth(since, { phases: whole ? ["changed", "left-behind"] : ["changed"] }, host);
    }
    this.#addBoth(since, { phases: ["due"], dueAt: this.#dueAt, dueFrom });
  }

  #addBoth(since: DeclaredReplica, options: PlanOptions, host?: string): void {
    const { group, isBusy, hasFailed, withheld } = this.options;
    const common = { ...options, ...(group === undefined ? {} : { group }), isBusy, hasFailed, withheld };
    const ofHost = host === undefined ? {} : { host };
    const plan = (scope: PlanOptions["scope"]): ReplicaPlan =>
      new ReplicaPlan(this.session, since, this.#newest, { ...common, ...(scope === undefined ? {} : { scope }) });
    this.#streams.small.push(plan({ ...EVERYTHING, below: LARGE_BYTES, ...ofHost }));
    this.#streams.large.push(plan({ ...EVERYTHING, smallest: LARGE_BYTES, ...ofHost }));
  }

  /** Is there a file of this kind? @throws SQLiteError (the caller is inside `Session.read`) */
  has(kind: WorkKind): boolean {
    const streams = this.#streams[kind];
    for (let first = streams[0]; first !== undefined; first = streams[0]) {
      if (!first.isDone()) return true;
      const position = first.position();
      // Beyond its newest: all of it was taken.
      if (position <= first.newest) this.#position = Math.min(this.#position, position);
      this.#withheldFrom = Math.min(this.#withheldFrom, first.withheldFrom);
      streams.shift();
    }
    return false;
  }

  /** The next group of this kind: the streams take turns. @throws SQLiteError (the caller is inside `Session.read`) */
  take(kind: WorkKind): readonly PendingFile[] | undefined {
    if (!this.has(kind)) return undefined;
    const streams = this.#streams[kind];
    const stream = streams.shift();
    const group = stream?.takeGroup();
    if (stream !== undefined) streams.push(stream);
    return group;
  }

  /** The lowest revision that was neither taken nor withheld; one more than the newest when none is left. @throws SQLiteError */
  position(): number {
    const left = this.#left().map((stream) => stream.position());
    return Math.min(this.#position, this.#newest + 1, ...left);
  }

  /** The lowest revision of a change that was withheld so far; infinite when none was. */
  withheldFrom(): number {
    return Math.min(this.#withheldFrom, ...this.#left().map((stream) => stream.withheldFrom));
  }

  #left(): ReplicaPlan[] {
    return [...this.#streams.small, ...this.#streams.large];
  }
}
