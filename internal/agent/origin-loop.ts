/**
 * Keeps the rows of one data directory true, for ever: a full scan at the start, every `interval` and whenever events were lost; in between looks at what the
 * kernel says has changed, and at what was growing.
 *
 * Promises: each of the two goes on beside the other, so that a scan of hours delays no hint; what cannot be reached is tried again, later and later.
 * Never: takes a hint for the truth; proves an absence but at the end of a full scan.
 */
import type { Result } from "neverthrow";
import { commitDifferences, type DeclaredDataDirectory, type DirectoryDifference, growingFiles } from "../inventory/mod.ts";
import type { Hint, LookEntry } from "../scan/mod.ts";
import type { InotifyDescriptor } from "../sys/mod.ts";
import { type Agent, expectReply } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { Alarm } from "./alarm.ts";
import { byDirectory, HintQueue } from "./hint-queue.ts";
import type { HostsAway } from "./hosts-away.ts";
import { OriginHold } from "./origin-hold.ts";
import type { DataDirectorySummary } from "./reports.ts";
import { scanDataDirectory } from "./scan-pass.ts";
import { ScanTimes } from "./scan-times.ts";
import { settleRuleFor } from "./settle-rule.ts";
import { addressOfDataDirectory } from "./volume-address.ts";
import { WatchHealth } from "./watch-health.ts";
import { WayToHost } from "./way-to-host.ts";
import type { LookTask, ScanReply, ScanTask } from "./worker-protocol.ts";

const NAMES_PER_TASK = 4_096;
const DIRECTORIES_PER_TASK = 32;

/** Growing files are looked at several times within `settle` (and `max_wait`), but not more often than this. */
const GROWING_LOOKS_PER_SETTLE = 4;
const GROWING_EVERY_AT_LEAST = 1_000;
const GROWING_EVERY_AT_MOST = 60_000;

export interface OriginLoopEnvironment {
  readonly agent: () => Agent;
  /** Aborted: the loop ends. */
  readonly signal: AbortSignal;
  readonly hosts: HostsAway;
  /** Where watches are set; undefined: nothing is watched. */
  readonly inotify: () => InotifyDescriptor | undefined;
  /** A directory is watched since `when` (nanoseconds of the clock that all threads share). */
  readonly onWatched: (dataDirectory: DeclaredDataDirectory, path: string, watch: number, when: number) => void;
  /** The moment (seconds since 1970) when the wall clock was last set, if it was. */
  readonly clockSetAt: () => number | undefined;
  /** Rows of file origins have changed. */
  readonly onChanged: () => void;
  /** A full scan has ended, well or not; resolves when what it means is recorded. */
  readonly onScanned: (loop: OriginLoop) => Promise<void>;
  /** The inventory or a worker is broken: nothing can go on. */
  readonly onBroken: (error: AgentError) => void;
}

export class OriginLoop {
  readonly hints = new HintQueue();
  readonly watchHealth = new WatchHealth();
  readonly #scanAlarm: Alarm;
  readonly #lookAlarm: Alarm;
  #summary: DataDirectorySummary | undefined;
  readonly #times: ScanTimes;
  readonly #way: WayToHost;
  readonly #hold: OriginHold;
  #scanning = false;
  #growingAt = 0;

  constructor(
    readonly dataDirectory: DeclaredDataDirectory,
    private readonly environment: OriginLoopEnvironment,
  ) {
    const { clock } = environment.agent();
    this.#times = new ScanTimes(environment.agent);
    this.#way = new WayToHost(dataDirectory.hostName, environment.hosts, this.#times);
    this.#hold = new OriginHold(dataDirectory, environment.agent, environment.signal);
    this.#scanAlarm = new Alarm(clock, environment.signal);
    this.#lookAlarm = new Alarm(clock, environment.signal);
  }

  /** What the last full scan came to. */
  get summary(): DataDirectorySummary | undefined {
    return this.#summary;
  }

  get isScanning(): boolean {
    return this.#scanning;
  }

  /** Is it watched at all: on this machine, and wanted? */
  get isWatched(): boolean {
    return this.#inotify() !== undefined;
  }

  /** Runs until the signal. Never rejects for anything that happens to files. */
  async run(): Promise<void> {
    await this.#hold.during(Promise.all([this.#scanForEver(), this.#lookForEver()]), () => this.#hangs());
  }

  /** Look at everything again, soon: settings have changed, or events were lost. */
  rescan(): void {
    this.#times.ask();
    this.#growingAt = 0;
    this.#lookAlarm.ring();
    this.#scanAlarm.ring();
  }

  /** Its host is away, and it is time to look when to knock; or it is back, and what failed for that is made up for. */
  hostChanged(): void {
    if (!this.#way.isAway && this.#times.hasFailed && !this.#scanning) this.#times.ask();
    this.#scanAlarm.ring();
    this.#lookAlarm.ring();
  }

  /** Look at one thing. Another data directory may be in the place of this one: only a full scan proves what of that is to replace anything. */
  hint(hint: Hint): void {
    if (hint.kind === "directory" && hint.path === this.dataDirectory.path) this.rescan();
    else if (hint.kind === "directory") this.hints.addDirectory(hint.path);
    else this.hints.addName(hint.directory, hint.name);
    this.#lookAlarm.ring();
  }

  /** A worker hangs in it. A scan that is under way tells that at its end. */
  #hangs(): void {
    if (this.#scanning) return;
    this.#summary = this.#hold.told(this.#summary);
    this.#times.ask();
    this.#scanAlarm.ring();
    void this.environment.onScanned(this);
  }

  get #stopped(): boolean {
    return this.environment.signal.aborted;
  }

  #inotify(): InotifyDescriptor | undefined {
    const agent = this.environment.agent();
    const here = addressOfDataDirectory(agent.state, this.dataDirectory).kind === "local";
    return here && agent.state.scan.watch ? this.environment.inotify() : undefined;
  }

  async #scanForEver(): Promise<void> {
    while (!this.#stopped) {
      const dueAt = this.#times.dueAt();
      if (this.environment.agent().elapsed() < dueAt) await this.#scanAlarm.wait(dueAt);
      else {
        await this.#scan();
        this.#times.end();
      }
    }
  }

  async #scan(): Promise<void> {
    if (this.#hold.isHeld && this.#summary === undefined) this.#hangs();
    await this.#hold.free();
    if (this.#stopped) return;
    const { agent, signal, clockSetAt, onScanned } = this.environment;
    this.#times.begin();
    this.#scanning = true;
    this.watchHealth.begin();
    const inotify = this.#inotify();
    const notBefore = clockSetAt();
    const begun = agent().elapsed();
    const scanned = await scanDataDirectory(agent(), this.dataDirectory, {
      acceptLoss: false,
      listing: { leaveGrowing: true, ...(inotify === undefined ? {} : { inotify }) },
      ...(notBefore === undefined ? {} : { notBefore }),
      onReply: (reply) => {
        this.#watched(reply);
        this.#way.heard(reply, begun);
      },
      onChanged: this.environment.onChanged,
      signal,
    });
    this.#scanning = false;
    if (scanned.isErr()) {
      this.environment.onBroken(scanned.error);
      return;
    }
    if (this.#stopped) return;
    const { outcome } = scanned.value;
    this.#summary = this.#hold.told(scanned.value);
    this.#times.outcome(outcome.kind === "failed");
    // It is scanned again when what hangs there lets go: until then that is all that is said.
    if (this.#hold.isHeld) this.#times.ask();
    // What was found growing may be closed already.
    this.#growingAt = 0;
    this.#lookAlarm.ring();
    await onScanned(this);
  }

  #watched(reply: ScanReply): void {
    this.watchHealth.add(reply);
    for (const [path, watch, when] of reply.watches) this.environment.onWatched(this.dataDirectory, path, watch, when);
  }

  async #lookForEver(): Promise<void> {
    while (!this.#stopped) {
      await this.#hold.free();
      const { knockAt } = this.#way;
      if (knockAt !== undefined) await this.#knock(knockAt);
      else if (!this.hints.isEmpty) await this.#lookAtHints();
      else if (this.environment.agent().elapsed() >= this.#growingAt) await this.#lookAtGrowing();
      else await this.#lookAlarm.wait(this.#growingAt);
    }
  }

  /** A login, and nothing more. Where it fails, a scan is to say so. */
  async #knock(at: number): Promise<void> {
    if (this.environment.agent().elapsed() < at) return this.#lookAlarm.wait(at);
    await this.#look([]);
    if (!this.#way.isAway) return;
    this.#times.ask();
    this.#scanAlarm.ring();
  }

  async #lookAtHints(): Promise<void> {
    const entries = this.hints.takeNames(NAMES_PER_TASK);
    if (entries.length > 0) await this.#look(entries);
    const directories = this.hints.takeDirectories(DIRECTORIES_PER_TASK);
    if (directories.length > 0) await this.#list(directories);
  }

  async #lookAtGrowing(): Promise<void> {
    const agent = this.environment.agent();
    const { settleMilliseconds, maxWaitMilliseconds } = agent.state.scan;
    const wait = Math.min(settleMilliseconds, maxWaitMilliseconds) / GROWING_LOOKS_PER_SETTLE;
    let after = 0;
    let found = 0;
    while (!this.#stopped && !this.#hold.isHeld && !this.#way.isAway) {
      const page = agent.inventory.readNow((session) => growingFiles(session, this.dataDirectory.id, after, NAMES_PER_TASK));
      if (page.isErr()) return this.environment.onBroken(page.error);
      const last = page.value.at(-1);
      if (last === undefined) break;
      found += page.value.length;
      await this.#look(byDirectory(page.value));
      if (page.value.length < NAMES_PER_TASK) break;
      after = last.id;
    }
    const pause = Math.min(GROWING_EVERY_AT_MOST, Math.max(GROWING_EVERY_AT_LEAST, wait));
    // With nothing growing there is nothing to come back for: a hint or a scan tells when there is.
    this.#growingAt = found === 0 ? Number.POSITIVE_INFINITY : agent.elapsed() + pause;
  }

  async #look(entries: readonly LookEntry[]): Promise<void> {
    const reply = await this.#run({ ...this.#task(), kind: "look", entries });
    for (const path of reply?.subdirectories ?? []) this.hints.addDirectory(path);
  }

  async #list(directories: readonly string[]): Promise<void> {
    const inotify = this.#inotify();
    const options = { leaveGrowing: true, lookAbove: true, ...(inotify === undefined ? {} : { inotify }) };
    const reply = await this.#run({ ...this.#task(), kind: "scan", directories, options });
    if (reply === undefined) return;
    this.#watched(reply);
    for (const path of reply.subdirectories) this.hints.addDirectory(path);
    // Files that are there already may be closed: the kernel is asked for each.
    this.#growingAt = 0;
  }

  #task(): Omit<LookTask, "kind" | "entries"> {
    const agent = this.environment.agent();
    const { state } = agent;
    const { id, host, path } = this.dataDirectory;
    const address = addressOfDataDirectory(state, this.dataDirectory);
    return {
      target: { host, dataDirectory: id, root: path },
      address,
      exclude: state.scan.exclude,
      rule: settleRuleFor(agent, address, agent.now(), this.environment.clockSetAt()),
    };
  }

  /** Performs a task and commits what it finds; its reply, unless it hung or everything is broken. */
  async #run(task: LookTask | ScanTask): Promise<ScanReply | undefined> {
    const agent = this.environment.agent();
    const begun = agent.elapsed();
    const reply = await agent.hands.run(task, { onDifferences: (differences) => this.#commit(differences) });
    if (reply.kind === "stalled") {
      this.#hold.hold(reply);
      return undefined;
    }
    const done: Result<ScanReply, AgentError> = await expectReply(reply, task.kind);
    if (done.isOk()) this.#way.heard(done.value, begun);
    else this.environment.onBroken(done.error);
    return done.unwrapOr(undefined);
  }

  /** Without what is missing: only a full scan proves that. */
  async #commit(differences: readonly DirectoryDifference[]): Promise<void> {
    const agent = this.environment.agent();
    const seen = differences.map((difference) => ({ ...difference, vanished: [], vanishedDirectories: [] }));
    const committed = await commitDifferences(agent.inventory, this.dataDirectory, seen, agent.now());
    if (committed.isErr()) this.environment.onBroken(committed.error);
    else if (committed.value.added + committed.value.changed > 0) {
      this.#growingAt = Math.min(this.#growingAt, agent.elapsed() + GROWING_EVERY_AT_LEAST);
      this.environment.onChanged();
    }
  }
}
