/**
 * The controller of `sync continuous=true`: one loop for each data directory and one for each replica, a watch on the data directories, and the desired state,
 * which can change while they run. It is level-triggered: what to do is always computed from the inventory; events only say to look sooner.
 *
 * Promises: what is wrong with one disk, host or file stays with its loop; a bad edit changes nothing; a stop ends everything within seconds, and the next run goes on.
 */
import type { Result } from "neverthrow";
import type { ConfigError, DesiredState } from "../config/mod.ts";
import { type DataDirectoryId, type DeclaredDataDirectory, keepConditionsOf, moveTimes, recordEvent } from "../inventory/mod.ts";
import { type Agent, declareState, isoTime } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { endedWithin, Throttled } from "./alarm.ts";
import { ClockWatch, timeBounds } from "./clock-watch.ts";
import type { Condition } from "./condition.ts";
import { acceptable, fixedKeysThatDiffer, LOADED, rejected, withFixedKeys } from "./configuration-state.ts";
import { HostsAway } from "./hosts-away.ts";
import { OriginLoop } from "./origin-loop.ts";
import { ReplicaLoop } from "./replica-loop.ts";
import { afterLocal, readyOf } from "./replica-order.ts";
import type { SyncSummary } from "./reports.ts";
import { RunningLoops } from "./running-loops.ts";
import { ScanTeller } from "./scan-teller.ts";
import { AGENT_SUBJECT, dataDirectorySubject, replicaSubject } from "./status.ts";
import { StatusKeeper } from "./status-keeper.ts";
import { Watching } from "./watching.ts";

/** The status file is never older than this, and the clocks are compared this often. */
const HEARTBEAT_MILLISECONDS = 30_000;
const REFRESH_MILLISECONDS = 1_000;
/** A stop waits so long for what is under way. */
const STOP_MILLISECONDS = 3_500;

export interface ControllerOptions {
  /** Reads the configuration again. */
  readonly load: () => Promise<Result<DesiredState, ConfigError>>;
  readonly renderConfigError: (error: ConfigError) => string;
  readonly onIdle?: (summary: SyncSummary) => void;
  /** One line that says what is so, whenever it is another. */
  readonly onText?: (text: string) => void;
  readonly onReady?: () => void;
  readonly onReloading?: () => void;
}

export class Controller {
  #agent: Agent;
  readonly #origins = new RunningLoops<DataDirectoryId, OriginLoop>();
  readonly #replicas = new RunningLoops<ReplicaLoop["url"], ReplicaLoop>();
  readonly #keeper: StatusKeeper;
  readonly #teller = new ScanTeller();
  readonly #refresh: Throttled;
  readonly #hosts = new HostsAway(() => this.#agent, this.#origins, this.#replicas);
  readonly #clockWatch: ClockWatch;
  readonly #watching: Watching;
  #configuration: Condition = LOADED;
  #broken: AgentError | undefined;
  #end: () => void = () => undefined;
  #cancelBeat: () => void = () => undefined;
  #last: Promise<unknown> = Promise.resolve();
  #reload: Promise<void> = Promise.resolve();
  #beatAt: number;

  constructor(
    agent: Agent,
    private readonly options: ControllerOptions,
  ) {
    this.#agent = agent;
    this.#beatAt = agent.elapsed();
    this.#clockWatch = new ClockWatch(agent.clock);
    this.#watching = new Watching(
      (hint) => this.#origins.get(hint.dataDirectory)?.hint(hint),
      () => {
        agent.options.log.warn("changes were reported faster than they could be taken in: everything is scanned again");
        for (const loop of this.#origins.loops) if (loop.isWatched) loop.rescan();
      },
      (why) => {
        for (const loop of this.#origins.loops) loop.watchHealth.fail(why);
        this.#refresh.trigger();
      },
    );
    this.#keeper = new StatusKeeper({
      agent: () => this.#agent,
      origins: () => this.#origins.loops,
      replicas: () => this.#replicas.loops,
      ownConditions: () => [this.#configuration],
      since: isoTime(agent.now()),
      onIdle: (summary) => options.onIdle?.(summary),
      onText: (text) => options.onText?.(text),
    });
    this.#refresh = new Throttled(agent.clock, REFRESH_MILLISECONDS, async () => {
      const failed = await this.#keeper.refresh();
      if (failed !== undefined) this.#break(failed);
    });
  }

  /** Runs until the agent's signal, or until nothing can go on. */
  async run(): Promise<AgentError | undefined> {
    const { signal } = this.#agent.options;
    const ended = new Promise<void>((resolve) => {
      this.#end = resolve;
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    if (this.#agent.state.scan.watch) this.#watching.start();
    const failed = await this.#apply();
    if (failed !== undefined) this.#break(failed);
    else this.options.onReady?.();
    this.#beat();
    await ended;
    this.#cancelBeat();
    await this.#stop();
    return this.#broken;
  }

  /** Reads the configuration again, and makes it so if it is good. */
  reload(): Promise<void> {
    this.#reload = this.#reload.then(() => this.#reloadNow());
    return this.#reload;
  }

  status() {
    return this.#keeper.document();
  }

  /** Does the controller itself make progress? A stalled replica is no reason to say no. */
  health(): { readonly healthy: boolean; readonly detail: string } {
    const age = this.#agent.elapsed() - this.#beatAt;
    if (this.#broken !== undefined) return { healthy: false, detail: "the controller has broken off" };
    return age < 3 * HEARTBEAT_MILLISECONDS
      ? { healthy: true, detail: this.#keeper.phase }
      : { healthy: false, detail: `the controller has not come round for ${Math.round(age / 1000)} s` };
  }

  #break(error: AgentError): void {
    this.#broken ??= error;
    this.#end();
  }

  /** Now and then: the clocks are compared, and the status file shows that somebody is there. */
  #beat(): void {
    this.#cancelBeat = this.#agent.clock.after(HEARTBEAT_MILLISECONDS, () => {
      this.#beatAt = this.#agent.elapsed();
      this.#compareClocks();
      this.#refresh.trigger();
      this.#beat();
    });
  }

  /** A wall clock that was set moves every time that is kept by it, and nothing counts as quiet since before. */
  #compareClocks(): void {
    const moved = this.#clockWatch.moved();
    if (moved === 0) return;
    const { options, inventory } = this.#agent;
    const message = `the wall clock was set by ${Math.round(moved / 1000)} s; no wait gets longer or shorter by that`;
    options.log.warn(message);
    void this.#alone(async () => {
      const done = await moveTimes(inventory, moved, timeBounds(this.#agent.now())).andThen(() =>
        recordEvent(inventory, { subject: AGENT_SUBJECT, severity: "warning", reason: "ClockSet", message }, this.#agent.now()),
      );
      if (done.isErr()) this.#break(done.error);
      for (const loop of this.#replicas.loops) loop.wake();
    });
  }

  /** Makes the loops those of the desired state: the new ones begin, the others go on, what is not declared any more drains. */
  async #apply(): Promise<AgentError | undefined> {
    const { declared, inventory, state } = this.#agent;
    const dataDirectories = declared.dataDirectories.map(({ hostName, path }) => dataDirectorySubject(hostName, path));
    const subjects = [AGENT_SUBJECT, ...dataDirectories, ...state.replicas.map(({ id }) => replicaSubject(id))];
    const kept = await keepConditionsOf(inventory, subjects);
    if (kept.isErr()) return kept.error;
    this.#origins.apply(
      new Map(declared.dataDirectories.map((one) => [one.id, one])),
      (one, signal) => this.#originLoop(one, signal),
      (loop) => loop.rescan(),
    );
    this.#replicas.apply(
      new Map(state.replicas.map(({ id }) => [id, id])),
      (url, signal) => this.#replicaLoop(url, signal),
      (loop) => loop.restart(),
    );
    this.#refresh.trigger();
    return undefined;
  }

  #originLoop(dataDirectory: DeclaredDataDirectory, signal: AbortSignal): OriginLoop {
    const loop = new OriginLoop(dataDirectory, {
      agent: () => this.#agent,
      signal: AbortSignal.any([signal, this.#agent.options.signal]),
      hosts: this.#hosts,
      inotify: () => this.#watching.descriptor,
      onWatched: ({ id }, path, watch, when) => this.#watching.known(id, path, watch, when),
      clockSetAt: () => {
        this.#compareClocks();
        return this.#clockWatch.setAt;
      },
      onChanged: () => this.#rowsChanged(),
      onScanned: (scanned) => this.#scanned(scanned),
      onBroken: (error) => this.#break(error),
    });
    const { failure } = this.#watching;
    if (failure !== undefined) loop.watchHealth.fail(failure);
    return loop;
  }

  #replicaLoop(url: ReplicaLoop["url"], signal: AbortSignal): ReplicaLoop {
    return new ReplicaLoop(url, {
      agent: () => this.#agent,
      signal: AbortSignal.any([signal, this.#agent.options.signal]),
      hosts: this.#hosts,
      ready: () => readyOf(this.#replicas.loops),
      draining: () => this.#replicas.draining,
      afterLocal: (one) => afterLocal(this.#agent, one, this.#replicas.loops),
      alone: (action) => this.#alone(action),
      onChanged: () => this.#refresh.trigger(),
      onPass: (result) => this.#keeper.add(result),
      onBroken: (error) => this.#break(error),
    });
  }

  #rowsChanged(): void {
    for (const loop of this.#replicas.loops) loop.wake();
    this.#refresh.trigger();
  }

  async #scanned(loop: OriginLoop): Promise<void> {
    const { summary } = loop;
    if (summary === undefined) return;
    const isSpokenOf = loop.isWatched || this.#watching.failure !== undefined;
    const saved = await this.#teller.save(this.#agent, summary, isSpokenOf ? [loop.watchHealth.condition()] : []);
    if (saved.isErr()) this.#break(saved.error);
    for (const replica of this.#replicas.loops) replica.wake(true);
    this.#refresh.trigger();
  }

  #alone<Value>(action: () => Promise<Value>): Promise<Value> {
    const done = this.#last.then(action);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #reloadNow(): Promise<void> {
    this.options.onReloading?.();
    const loaded = await this.options.load();
    const next = acceptable(this.#agent.state, loaded.mapErr(this.options.renderConfigError));
    if (next.isErr()) await this.#reject(next.error);
    else await this.#accept(next.value);
    this.options.onReady?.();
  }

  async #reject(text: string): Promise<void> {
    const { options, inventory } = this.#agent;
    if (this.#configuration.message === text) return;
    this.#configuration = rejected(text);
    options.log.error(`the configuration is rejected, the last good one stays in force:\n${text}`);
    const event = { subject: AGENT_SUBJECT, severity: "error", reason: "ConfigurationRejected", message: text } as const;
    const recorded = await recordEvent(inventory, event, this.#agent.now());
    if (recorded.isErr()) this.#break(recorded.error);
    this.#refresh.trigger();
  }

  async #accept(next: DesiredState): Promise<void> {
    const { state: before, inventory, options } = this.#agent;
    this.#configuration = LOADED;
    this.#refresh.trigger();
    for (const key of fixedKeysThatDiffer(before, next))
      options.log.warn(`${key} has changed: that takes effect at the next start`);
    if (next.hash === before.hash) return;
    const state = withFixedKeys(next, before);
    const declared = await declareState(inventory, state);
    if (declared.isErr()) return this.#break(declared.error);
    this.#agent = { ...this.#agent, state, declared: declared.value };
    if (state.scan.watch) this.#watching.start();
    options.log.info(`configuration generation ${declared.value.generation} is in force`);
    const failed = await this.#apply();
    if (failed !== undefined) this.#break(failed);
  }

  /** What is under way gets a moment to end; then everything is left as it is: the next run finds what is to be done. */
  async #stop(): Promise<void> {
    const { hands, clock } = this.#agent;
    hands.stop();
    await endedWithin(clock, STOP_MILLISECONDS, Promise.all([this.#origins.stop(), this.#replicas.stop()]));
    await this.#refresh.close();
    const failed = await this.#keeper.refresh(true);
    if (failed !== undefined) this.#broken ??= failed;
    await this.#watching.close();
  }
}
