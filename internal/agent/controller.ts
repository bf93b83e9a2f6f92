/**
 * The controller of `sync continuous=true`: one loop for each data directory and one for each replica, a watch on the data directories, and the desired state,
 * which can change while they run. It is level-triggered: what to do is always computed from the inventory; events only say to look sooner.
 *
 * Promises: what is wrong with one disk, host or file stays with its loop; a bad edit of the configuration changes nothing; after `stop` everything ends within
 * seconds, and what was not finished is found again by the next run.
 */
import type { Result } from "neverthrow";
import type { ConfigError, DesiredState } from "../config/mod.ts";
import { type DeclaredDataDirectory, keepConditionsOf, moveTimes, recordEvent, setConditions } from "../inventory/mod.ts";
import { WatchedDirectories } from "../scan/mod.ts";
import { errnoText } from "../sys/mod.ts";
import { type Agent, declareState, isoTime, servedHosts } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { Throttled } from "./alarm.ts";
import { ClockWatch } from "./clock-watch.ts";
import type { Condition } from "./condition.ts";
import { dataDirectoryConditions } from "./conditions.ts";
import { OriginLoop } from "./origin-loop.ts";
import { comesFromAfar, ReplicaLoop } from "./replica-loop.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import type { SyncSummary } from "./reports.ts";
import { AGENT_SUBJECT, dataDirectorySubject, replicaSubject } from "./status.ts";
import { StatusKeeper } from "./status-keeper.ts";
import { Watcher } from "./watcher.ts";

/** The status file is never older than this, and the clocks are compared this often. */
const HEARTBEAT_MILLISECONDS = 30_000;
const REFRESH_MILLISECONDS = 1_000;
/** A stop waits so long for what is under way. */
const STOP_MILLISECONDS = 3_500;
/** How long a replica on another host waits for the ones here, which fetch what comes from afar. */
const LOCAL_FIRST_MILLISECONDS = 600_000;

export interface ControllerOptions {
  /** Reads the configuration again. */
  readonly load: () => Promise<Result<DesiredState, ConfigError>>;
  readonly renderConfigError: (error: ConfigError) => string;
  readonly onIdle?: (summary: SyncSummary) => void;
  /** One line that says what is so, whenever it is another. */
  readonly onText?: (text: string) => void;
  /** Everything is set up: the first scans run. */
  readonly onReady?: () => void;
  readonly onReloading?: () => void;
}

interface Running<Loop> {
  readonly loop: Loop;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

export class Controller {
  #agent: Agent;
  readonly #origins = new Map<number, Running<OriginLoop>>();
  readonly #replicas = new Map<string, Running<ReplicaLoop>>();
  readonly #draining = new Set<Promise<void>>();
  readonly #keeper: StatusKeeper;
  readonly #refresh: Throttled;
  readonly #clockWatch: ClockWatch;
  readonly #watched = new WatchedDirectories();
  #watcher: Watcher | undefined;
  #watchFailure: string | undefined;
  #configuration: Condition = {
    type: "ConfigurationValid",
    status: "True",
    reason: "ConfigurationLoaded",
    message: "the file is as it is in force",
  };
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
    this.#keeper = new StatusKeeper({
      agent: () => this.#agent,
      origins: () => [...this.#origins.values()].map(({ loop }) => loop),
      replicas: () => [...this.#replicas.values()].map(({ loop }) => loop),
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
    if (this.#agent.state.scan.watch) this.#startWatching();
    const begun = await this.#apply();
    if (begun !== undefined) this.#break(begun);
    else this.options.onReady?.();
    this.#beat();
    await ended;
    this.#cancelBeat();
    await this.#stop();
    return this.#broken;
  }

  /** Reads the configuration again, and makes it so if it is good. One after the other. */
  reload(): Promise<void> {
    this.#reload = this.#reload.then(() => this.#reloadNow());
    return this.#reload;
  }

  /** What `status` shows now. */
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

  /** Something has happened to a name, or to a directory: for tests and for whoever knows better than to wait. */
  hint(dataDirectory: number, directory: string, name: string): void {
    const loop = this.#origins.get(dataDirectory)?.loop;
    loop?.hint({ kind: "name", dataDirectory: loop.dataDirectory.id, directory, name, closed: true });
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
    this.#alone(async () => {
      const done = await moveTimes(inventory, moved).andThen(() =>
        recordEvent(inventory, { subject: AGENT_SUBJECT, severity: "warning", reason: "ClockSet", message }, this.#agent.now()),
      );
      if (done.isErr()) this.#break(done.error);
    });
    for (const { loop } of this.#replicas.values()) loop.wake();
  }

  #startWatching(): void {
    const started = Watcher.start(
      (events) => this.#found(this.#watched.take(events)),
      () => {
        this.#agent.options.log.warn("changes were reported faster than they could be taken in: everything is scanned again");
        for (const { loop } of this.#origins.values()) if (loop.isWatched) loop.rescan();
      },
      (detail) => {
        this.#watchFailure = `the kernel's reports have ended: ${detail}`;
        this.#watcher = undefined;
        for (const { loop } of this.#origins.values()) loop.watchHealth.fail(this.#watchFailure);
        this.#refresh.trigger();
      },
    );
    if (started.isOk()) this.#watcher = started.value;
    else this.#watchFailure = `the kernel cannot be asked for reports: ${errnoText(started.error.code)}`;
  }

  #found({ hints, remove }: ReturnType<WatchedDirectories["take"]>): void {
    for (const watch of remove) this.#watcher?.remove(watch);
    for (const hint of hints) this.#origins.get(hint.dataDirectory)?.loop.hint(hint);
  }

  /** Makes the loops those of the desired state: the new ones begin, the others go on, what is not declared any more drains. */
  async #apply(): Promise<AgentError | undefined> {
    const { declared, inventory, state } = this.#agent;
    const dataDirectories = servedHosts(state).flatMap(({ name, dataDirectories: paths }) =>
      paths.map((path) => dataDirectorySubject(name, path)),
    );
    const subjects = [AGENT_SUBJECT, ...dataDirectories, ...state.replicas.map(({ id }) => replicaSubject(id))];
    const kept = await keepConditionsOf(inventory, subjects);
    if (kept.isErr()) return kept.error;
    const wantedOrigins = new Map(declared.dataDirectories.map((one) => [Number(one.id), one]));
    for (const [id, running] of this.#origins) {
      if (wantedOrigins.has(id)) running.loop.wake();
      else this.#drain(this.#origins, id, running);
    }
    for (const [id, one] of wantedOrigins) if (!this.#origins.has(id)) this.#origins.set(id, this.#startOrigin(one));
    const wantedReplicas = new Set<string>(state.replicas.map(({ id }) => id));
    for (const [url, running] of this.#replicas) {
      if (wantedReplicas.has(url)) running.loop.restart();
      else this.#drain(this.#replicas, url, running);
    }
    for (const { id } of state.replicas) if (!this.#replicas.has(id)) this.#replicas.set(id, this.#startReplica(id));
    this.#refresh.trigger();
    return undefined;
  }

  /** Groups that are under way are finished; nothing new is begun. */
  #drain<Key, Loop>(loops: Map<Key, Running<Loop>>, key: Key, { stop, ended }: Running<Loop>): void {
    loops.delete(key);
    stop.abort();
    this.#draining.add(ended);
    void ended.then(() => this.#draining.delete(ended));
  }

  #startOrigin(dataDirectory: DeclaredDataDirectory): Running<OriginLoop> {
    const stop = new AbortController();
    const loop = new OriginLoop(dataDirectory, {
      agent: () => this.#agent,
      signal: AbortSignal.any([stop.signal, this.#agent.options.signal]),
      inotify: () => this.#watcher?.descriptor,
      onWatched: ({ id }, path, watch, when) => this.#found(this.#watched.known(id, path, watch, when)),
      clockSetAt: () => {
        this.#compareClocks();
        return this.#clockWatch.setAt;
      },
      onChanged: () => this.#rowsChanged(),
      onScanned: (scanned) => this.#scanned(scanned),
      onBroken: (error) => this.#break(error),
    });
    if (this.#watchFailure !== undefined) loop.watchHealth.fail(this.#watchFailure);
    return { loop, stop, ended: loop.run() };
  }

  #startReplica(url: ReplicaLoop["url"]): Running<ReplicaLoop> {
    const stop = new AbortController();
    const loop = new ReplicaLoop(url, {
      agent: () => this.#agent,
      signal: AbortSignal.any([stop.signal, this.#agent.options.signal]),
      nearby: () => this.#nearby(),
      afterLocal: (one) => this.#afterLocal(one),
      alone: (action) => this.#alone(action),
      onChanged: () => this.#refresh.trigger(),
      onPass: (result) => this.#keeper.add(result),
      onBroken: (error) => this.#break(error),
    });
    return { loop, stop, ended: loop.run() };
  }

  #rowsChanged(): void {
    for (const { loop } of this.#replicas.values()) loop.wake();
    this.#refresh.trigger();
  }

  async #scanned(loop: OriginLoop): Promise<void> {
    const { summary, dataDirectory } = loop;
    if (summary === undefined) return;
    const conditions = [
      ...dataDirectoryConditions(summary),
      ...(loop.isWatched || this.#watchFailure ? [loop.watchHealth.condition()] : []),
    ];
    const observed = conditions.map((one) => ({ ...one, observedGeneration: this.#agent.declared.generation }));
    const subject = dataDirectorySubject(dataDirectory.hostName, dataDirectory.path);
    const saved = await setConditions(this.#agent.inventory, subject, observed, this.#agent.now());
    if (saved.isErr()) this.#break(saved.error);
    for (const { loop: replica } of this.#replicas.values()) replica.wake(true);
    this.#refresh.trigger();
  }

  #nearby(): readonly CheckedReplica[] {
    return [...this.#replicas.values()].flatMap(({ loop: { checked, problem } }) =>
      checked?.found.kind === "ready" && problem === undefined && checked.replica.target.kind === "local" ? [checked] : [],
    );
  }

  /** What comes from another host is fetched once: the replicas here get it first, and are the source for those elsewhere. */
  async #afterLocal(loop: ReplicaLoop): Promise<void> {
    const isFar = loop.checked?.replica.target.kind === "ssh";
    if (!isFar || !comesFromAfar(this.#agent)) return;
    const local = [...this.#replicas.values()].filter(({ loop: one }) => one.checked?.replica.target.kind === "local");
    const { clock, options } = this.#agent;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(LOCAL_FIRST_MILLISECONDS, resolve);
      const done = (): void => {
        cancel();
        resolve();
      };
      options.signal.addEventListener("abort", done, { once: true });
      void Promise.all(local.map(({ loop: one }) => one.idle)).then(done);
    });
  }

  #alone<Value>(action: () => Promise<Value>): Promise<Value> {
    const done = this.#last.then(action);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #reloadNow(): Promise<void> {
    const { log } = this.#agent.options;
    this.options.onReloading?.();
    const loaded = await this.options.load();
    if (loaded.isErr()) await this.#reject(this.options.renderConfigError(loaded.error));
    else await this.#accept(loaded.value);
    this.options.onReady?.();
    log.debug("the configuration was read again");
  }

  async #reject(text: string): Promise<void> {
    const { options, inventory } = this.#agent;
    if (this.#configuration.message === text) return;
    this.#configuration = { type: "ConfigurationValid", status: "False", reason: "ConfigurationRejected", message: text };
    options.log.error(`the configuration is rejected, the last good one stays in force:\n${text}`);
    const event = { subject: AGENT_SUBJECT, severity: "error", reason: "ConfigurationRejected", message: text } as const;
    const recorded = await recordEvent(inventory, event, this.#agent.now());
    if (recorded.isErr()) this.#break(recorded.error);
    this.#refresh.trigger();
  }

  async #accept(next: DesiredState): Promise<void> {
    const { state: before, inventory, options } = this.#agent;
    this.#configuration = {
      type: "ConfigurationValid",
      status: "True",
      reason: "ConfigurationLoaded",
      message: "the file is as it is in force",
    };
    this.#refresh.trigger();
    const { hostname, database, statusFile, status, stallTimeoutMilliseconds } = before;
    const fixed = { hostname, database, statusFile, status, stallTimeoutMilliseconds };
    for (const key of ["hostname", "database", "statusFile", "stallTimeoutMilliseconds"] as const) {
      if (next[key] !== before[key]) options.log.warn(`${KEY_NAMES[key]} has changed: that takes effect at the next start`);
    }
    if (next.hash === before.hash) return;
    const state = { ...next, ...fixed };
    const declared = await declareState(inventory, state);
    if (declared.isErr()) return this.#break(declared.error);
    this.#agent = { ...this.#agent, state, declared: declared.value };
    if (state.scan.watch && this.#watcher === undefined) this.#startWatching();
    options.log.info(`configuration generation ${declared.value.generation} is in force`);
    const failed = await this.#apply();
    if (failed !== undefined) this.#break(failed);
  }

  /** What is under way gets a moment to end; then everything is left as it is: the next run finds what is to be done. */
  async #stop(): Promise<void> {
    const { hands, clock } = this.#agent;
    hands.stop();
    for (const { stop } of [...this.#origins.values(), ...this.#replicas.values()]) stop.abort();
    const all = [...this.#origins.values(), ...this.#replicas.values()].map(({ ended }) => ended);
    await new Promise<void>((resolve) => {
      const cancel = clock.after(STOP_MILLISECONDS, resolve);
      void Promise.all([...all, ...this.#draining]).then(() => {
        cancel();
        resolve();
      });
    });
    const failed = await this.#keeper.refresh(true);
    if (failed !== undefined) this.#broken ??= failed;
    await this.#watcher?.close();
  }
}

const KEY_NAMES = {
  hostname: "hostname",
  database: "database",
  statusFile: "status_file",
  stallTimeoutMilliseconds: "stall_timeout",
} as const;
