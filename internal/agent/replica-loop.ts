/**
 * Keeps one replica up to date, for ever: looks whether it is there, copies what it lacks, waits until something has changed or is due. What to do is always
 * asked of the inventory; a ring only says to ask again.
 *
 * Promises: nothing that happens to this replica holds up another; what fails as a whole is tried again, later and later, and how often is kept over restarts.
 */
import type { Replica } from "../config/mod.ts";
import { type DeclaredReplica, declaredReplicas, nextAttemptAt, replicaAttempts, setReplicaAttempts } from "../inventory/mod.ts";
import type { ReplicaProblem } from "../replicate/mod.ts";
import { Alarm } from "./alarm.ts";
import { CopyPass } from "./copy-pass.ts";
import { HungWorkers } from "./hung-workers.ts";
import { FirstSight } from "./import-first-sight.ts";
import { AGAIN_AFTER, lookAgainAfter, waitAfter } from "./look-times.ts";
import { OverdueLooks } from "./overdue-looks.ts";
import type { ReadyReplica } from "./pass-options.ts";
import { RecordKeeper } from "./record-keeper.ts";
import type { ReplicaLoopEnvironment } from "./replica-loop-environment.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import { Scrub } from "./scrub.ts";
import { checkUnlessInUse, stillInUse } from "./still-in-use.ts";

/** A pass that lasts longer than this is shown. */
const SHOWN_AFTER = 1_000;

export class ReplicaLoop {
  readonly #alarm: Alarm;
  #checked: CheckedReplica | undefined;
  /** The row of which a look is under way. */
  #lookingAt: DeclaredReplica | undefined;
  #problem: ReplicaProblem | undefined;
  #pass: CopyPass | undefined;
  #passStop = new AbortController();
  #passSince: number | undefined;
  #whole = true;
  #checkAt = 0;
  #retryAt = 0;
  #againAt = Number.POSITIVE_INFINITY;
  #idle = Promise.resolve();
  readonly #hung: HungWorkers;
  readonly #overdue: OverdueLooks;
  /** How far everything is done that waits for no host; only as long as the same hosts are away. */
  #done = { upTo: 0, hosts: -1 };
  readonly #scrub: Scrub;
  readonly #firstSight: FirstSight;
  readonly #records: RecordKeeper;

  constructor(
    readonly url: Replica["id"],
    private readonly environment: ReplicaLoopEnvironment,
  ) {
    this.#alarm = new Alarm(environment.agent().clock, environment.signal);
    this.#overdue = new OverdueLooks(environment.agent);
    const onProblem = (problem: ReplicaProblem, released: Promise<void> | undefined): Promise<void> =>
      this.#failed(problem, released).then(environment.onChanged);
    this.#hung = new HungWorkers(environment.agent, onProblem);
    this.#firstSight = new FirstSight({ ...environment, onProblem });
    const records = { ready: () => this.#ready(), isCopying: () => this.isCopying, onProblem };
    this.#records = new RecordKeeper({ ...environment, ...records });
    this.#scrub = new Scrub({
      ...environment,
      onDone: (judged) => {
        this.wake(judged);
        environment.onChanged();
      },
      onProblem: (problem, released) => void onProblem(problem, released),
    });
  }

  /** What was last found at its root; undefined before the first look. */
  get checked(): CheckedReplica | undefined {
    return this.#checked;
  }

  /** Why nothing can be written to it now. */
  get problem(): ReplicaProblem | undefined {
    return this.#problem;
  }

  /** Why too many of its copies are gone at once for anything to be judged. */
  get frozen(): string | undefined {
    return this.#scrub.frozen;
  }

  get isCopying(): boolean {
    return this.#pass !== undefined;
  }

  /** A pass has gone on for long enough to be spoken of. */
  get isReconciling(): boolean {
    return this.#passSince !== undefined && this.environment.agent().elapsed() - this.#passSince >= SHOWN_AFTER;
  }

  /** Resolves when the pass that runs now, if one does, has ended. */
  get idle(): Promise<void> {
    return this.#idle;
  }

  /** Rows have changed: a running pass takes them in. `whole`: look also for what passes have left behind. */
  wake(whole = false): void {
    this.#whole ||= whole;
    this.#pass?.extend(this.environment.agent().now());
    this.#alarm.ring();
  }

  /** Settings have changed: a running pass ends after its groups, and the next one begins with them. */
  restart(): void {
    this.#passStop.abort();
    this.#checkAt = 0;
    this.#retryAt = 0;
    this.wake(true);
  }

  /** The former loop of this replica has not ended yet. */
  waits(): void {
    const row = this.environment.agent().declared.replicas.find(({ url }) => url === this.url);
    const replica = this.#replica;
    if (row !== undefined && replica !== undefined) this.#checked = { replica, row, found: stillInUse(this.url) };
  }

  /** It looks at the volume with this marker, or works on it. */
  worksOn(marker: string): boolean {
    return this.#checked?.row.marker === marker || this.#lookingAt?.marker === marker;
  }

  /** Every worker that has hung in it has let go. */
  get letGo(): Promise<unknown> {
    return this.#hung.letGo;
  }

  async run(): Promise<void> {
    const records = this.#records.run();
    while (!this.#stopped) {
      await this.#turn();
      this.#records.wake();
      if (!this.#stopped) await this.#alarm.wait(this.#nextAt());
    }
    await records;
    this.#hung.follow(undefined);
  }

  get #stopped(): boolean {
    return this.environment.signal.aborted;
  }

  get #replica(): Replica | undefined {
    return this.environment.agent().state.replicas.find(({ id }) => id === this.url);
  }

  async #turn(): Promise<void> {
    const agent = this.environment.agent();
    const now = agent.elapsed();
    if (now < this.#retryAt || this.#hung.any) return;
    this.#againAt = Number.POSITIVE_INFINITY;
    // A look that began before something hung has cleared nothing.
    if (now >= this.#checkAt || this.#problem !== undefined || this.#checked?.found.kind !== "ready") await this.#check();
    const ready = this.#ready();
    if (ready === undefined || this.#stopped || !(await this.#firstSight.isOver(ready)) || this.#stopped) return;
    const whole = this.#whole;
    const pass = this.#newPass(ready);
    // Who asks for a whole one from now on, while this one waits, asks for another one.
    this.#whole = false;
    if (!pass.hasWork()) {
      const concluded = await pass.conclude();
      if (concluded.isErr()) this.environment.onBroken(concluded.error);
      this.#done = { ...this.#done, upTo: pass.doneUpTo() };
      this.#scrub.next(ready);
      return;
    }
    await this.environment.afterLocal(this);
    if (!this.#stopped) await this.#run(pass, whole);
  }

  /** The replica with its row as it stands now: what is reconciled has moved on. */
  #ready(): ReadyReplica | undefined {
    const { inventory } = this.environment.agent();
    const checked = this.#checked;
    if (checked?.found.kind !== "ready" || this.#problem !== undefined) return undefined;
    const rows = inventory.readNow((session) => declaredReplicas(session));
    if (rows.isErr()) this.environment.onBroken(rows.error);
    const row = rows.unwrapOr([]).find(({ id }) => id === checked.row.id);
    return row === undefined ? undefined : { ...checked, row, found: checked.found };
  }

  async #check(): Promise<void> {
    const agent = this.environment.agent();
    const replica = this.#replica;
    const rows = agent.inventory.readNow((session) => declaredReplicas(session));
    if (rows.isErr()) return this.environment.onBroken(rows.error);
    const row = rows.value.find(({ url }) => url === this.url);
    if (replica === undefined || row === undefined) return;
    this.#lookingAt = row;
    const found = await checkUnlessInUse(agent, replica, row, this.environment);
    this.#lookingAt = undefined;
    if (found.isErr()) return this.environment.onBroken(found.error);
    const before = this.#checked?.found.kind === "ready" && this.#problem === undefined;
    // Another volume's rows: how far those of the former were done says nothing of them.
    const isOther = this.#checked !== undefined && this.#checked.row.id !== found.value.row.id;
    this.#whole ||= isOther;
    this.#checked = found.value;
    this.#hung.follow(found.value.row.id);
    this.#checkAt = agent.elapsed() + lookAgainAfter(replica, agent.state.scan.intervalMilliseconds);
    if (found.value.found.kind === "ready") await this.#well();
    else await this.#failed(found.value.found, found.value.released);
    if (!before || isOther || this.#problem !== undefined) this.environment.onChanged();
  }

  #newPass(ready: ReadyReplica): CopyPass {
    const { agent, signal, ready: others, hosts } = this.environment;
    const begun = agent();
    const overdueBefore = this.#overdue.take();
    this.#passStop = new AbortController();
    const doneUpTo = this.#whole || this.#done.hosts !== hosts.changes ? 0 : this.#done.upTo;
    this.#done = { upTo: 0, hosts: hosts.changes };
    return new CopyPass(begun, ready, {
      dueAt: begun.now(),
      whole: this.#whole,
      doneUpTo,
      ...(overdueBefore === undefined ? {} : { overdueBefore }),
      ready: others,
      hosts,
      signal: AbortSignal.any([signal, this.#passStop.signal]),
      mayAdvance: () => agent().declared.generation === begun.declared.generation,
    });
  }

  async #run(pass: CopyPass, whole: boolean): Promise<void> {
    const { agent, onPass, onChanged, onBroken } = this.environment;
    this.#pass = pass;
    this.#passSince = agent().elapsed();
    const cancelShow = agent().clock.after(SHOWN_AFTER, onChanged);
    const running = pass.run();
    this.#records.wake();
    this.#idle = running.then(() => undefined);
    const result = await running;
    cancelShow();
    this.#pass = undefined;
    this.#passSince = undefined;
    if (result.isErr()) return onBroken(result.error);
    this.#done = { ...this.#done, upTo: pass.doneUpTo() };
    const { problem, released, brokenOff, leftUntried } = result.value;
    if (brokenOff === true) this.#checkAt = 0;
    if (whole && (problem !== undefined || brokenOff === true || this.#passStop.signal.aborted)) this.#whole = true;
    if (problem !== undefined) await this.#failed(problem, released);
    else if (leftUntried === true) this.#againAt = agent().elapsed() + AGAIN_AFTER;
    onPass(result.value);
    onChanged();
  }

  async #well(): Promise<void> {
    // The look had begun before something hung.
    if (this.#hung.any) return;
    this.#problem = undefined;
    this.#retryAt = 0;
    await this.#saveAttempts(0, null);
  }

  /** A volume that hangs is left alone until it lets go; any other is tried again by the clock. */
  async #failed(problem: ReplicaProblem, released: Promise<void> | undefined): Promise<void> {
    const agent = this.environment.agent();
    this.#problem = problem;
    const row = this.#checked?.row;
    const known =
      row === undefined ? 0 : agent.inventory.readNow((session) => replicaAttempts(session, row.id).attempts).unwrapOr(0);
    const attempts = known + 1;
    const wait = waitAfter(attempts, this.#replica, agent);
    this.#retryAt = agent.elapsed() + wait;
    if (released !== undefined)
      this.#hung.add(released, () => {
        this.#retryAt = 0;
        this.#alarm.ring();
      });
    await this.#saveAttempts(attempts, this.#hung.any ? null : agent.now() + wait);
  }

  async #saveAttempts(attempts: number, nextAt: number | null): Promise<void> {
    const row = this.#checked?.row;
    if (row === undefined) return;
    const saved = await setReplicaAttempts(this.environment.agent().inventory, row.id, { attempts, nextAt });
    if (saved.isErr()) this.environment.onBroken(saved.error);
  }

  /** When there is something to do, if nobody rings before. */
  #nextAt(): number {
    const agent = this.environment.agent();
    const elapsed = agent.elapsed();
    const row = this.#checked?.row;
    if (this.#hung.any) return Number.POSITIVE_INFINITY;
    if (this.#problem !== undefined || row === undefined) return Math.max(this.#retryAt, elapsed + 1);
    const now = agent.now();
    const next = agent.inventory.readNow((session) => nextAttemptAt(session, row.id, now)).unwrapOr(undefined);
    const dueAt = next === undefined ? Number.POSITIVE_INFINITY : elapsed + (next - now) + 1;
    return Math.max(
      elapsed + 1,
      Math.min(this.#checkAt, this.#againAt, dueAt, this.#overdue.nextAt(), this.#scrub.nextAt({ row })),
    );
  }
}
