/** Scans this host's data directories, all at the same time, and commits what differs as it comes. */
import { err, ok, type Result, ResultAsync } from "neverthrow";
import {
  abandonScan,
  beginScan,
  commitDifferences,
  type DeclaredDataDirectory,
  endScan,
  MAX_PROBLEMS,
  type ScanProblem,
  type ScanReport,
} from "../inventory/mod.ts";
import { TRANSPORT_PROBLEMS } from "../replicate/mod.ts";
import { type DirectoryScanOptions, emptyCounts, type PatternCount, type ScanCounts } from "../scan/mod.ts";
import { printable } from "../sys/mod.ts";
import { isTransportReason, type VolumeAddress } from "../volume/mod.ts";
import { type Agent, expectReply, isoTime } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { REASONS } from "./condition.ts";
import { originPlace } from "./held-up.ts";
import type { DataDirectorySummary, ScanFailureReason, ScanSummary } from "./reports.ts";
import { settleRuleFor } from "./settle-rule.ts";
import { addressOfDataDirectory } from "./volume-address.ts";
import type { ScanReply } from "./worker-protocol.ts";

/** Directories in one task: enough that asking costs little, few enough that all workers have work. */
const DIRECTORIES_PER_TASK = 32;

const PROGRESS_EVERY_MILLISECONDS = 200;

/** The code of a root whose listing hangs. */
const STALLED = "stalled";
/** The code of one that has no end. */
const TOO_MANY = "too-many-entries";

export interface ScanPassOptions {
  /** Data directories whose losses the operator has looked at and accepts. */
  readonly acceptLoss: readonly string[];
}

/** How one data directory is scanned. */
export interface DataDirectoryScanOptions {
  /** What is not there any more is gone, however much it is: the operator has looked. */
  readonly acceptLoss: boolean;
  /** Watch each directory before it is listed, and leave growing files to whoever looks at them one by one. */
  readonly listing?: DirectoryScanOptions;
  /** The wall clock was set then (seconds since 1970). */
  readonly notBefore?: number;
  readonly onReply?: (reply: ScanReply) => void;
  /** Rows of file origins have changed. */
  readonly onChanged?: () => void;
  /** Aborted: list nothing more; what was not listed is as it was. */
  readonly signal: AbortSignal;
}

export function scanPass(agent: Agent, options: ScanPassOptions): ResultAsync<ScanSummary, AgentError> {
  const startedAt = agent.now();
  const begun = agent.elapsed();
  const { signal } = agent.options;
  const scans = agent.declared.dataDirectories.map((dataDirectory) =>
    scanDataDirectory(agent, dataDirectory, { acceptLoss: options.acceptLoss.includes(dataDirectory.path), signal }),
  );
  return ResultAsync.combine(scans).map((dataDirectories) => ({
    startedAt: isoTime(startedAt),
    durationMilliseconds: agent.elapsed() - begun,
    dataDirectories,
    complete: !agent.options.signal.aborted && dataDirectories.every(({ outcome }) => outcome.kind === "scanned"),
  }));
}

/** Scans one data directory wholly, and ends with what of it is gone. */
export const scanDataDirectory = (
  agent: Agent,
  dataDirectory: DeclaredDataDirectory,
  options: DataDirectoryScanOptions,
): ResultAsync<DataDirectorySummary, AgentError> => new DataDirectoryScan(agent, dataDirectory, options).run();

/** What the error of a root means. `code`: the reason of a volume's error. */
function failureReasonOf(code: string): ScanFailureReason {
  if (code === "not-found") return "DataDirectoryMissing";
  if (code === STALLED) return "WorkerStalled";
  if (code === TOO_MANY) return "TooManyEntries";
  return isTransportReason(code) ? TRANSPORT_PROBLEMS[code] : "DataDirectoryUnreadable";
}

class DataDirectoryScan {
  readonly #startedAt: number;
  readonly #begun: number;
  readonly #counts: ScanCounts = emptyCounts();
  readonly #patterns = new Map<string, number>();
  readonly #problems: ScanProblem[] = [];
  #todo: string[];
  #running = 0;
  #knownBefore = 0;
  #added = 0;
  #changed = 0;
  /** Known from the first reply on: the root is listed alone. */
  #rotating = false;
  #rootProblem: ScanProblem | undefined;
  #error: AgentError | undefined;
  #progressAt = 0;
  readonly #address: VolumeAddress;

  constructor(
    private readonly agent: Agent,
    private readonly dataDirectory: DeclaredDataDirectory,
    private readonly options: DataDirectoryScanOptions,
  ) {
    this.#todo = [dataDirectory.path];
    this.#address = addressOfDataDirectory(agent.state, dataDirectory);
    this.#startedAt = agent.now();
    this.#begun = agent.elapsed();
    for (const pattern of agent.state.scan.exclude) this.#patterns.set(pattern, 0);
  }

  run(): ResultAsync<DataDirectorySummary, AgentError> {
    return beginScan(this.agent.inventory, this.dataDirectory)
      .mapErr((error): AgentError => error)
      .andThen((known) => {
        this.#knownBefore = known;
        return new ResultAsync(this.#walk());
      })
      .andThen(() => this.#end());
  }

  #walk(): Promise<Result<void, AgentError>> {
    return new Promise((resolve, reject) => {
      const pump = (): void => {
        while (this.#todo.length > 0 && this.#running < this.#parallel() && !this.#stopped()) {
          this.#running += 1;
          // The newest first: depth before breadth keeps the list short.
          const share = Math.ceil(this.#todo.length / this.#parallel());
          const directories = this.#todo.splice(-Math.min(share, DIRECTORIES_PER_TASK));
          this.#list(directories).then(() => {
            this.#running -= 1;
            pump();
          }, reject);
        }
        if (this.#running === 0) resolve(this.#error === undefined ? ok(undefined) : err(this.#error));
      };
      pump();
    });
  }

  /** Tasks on the way: the operator's number, one for a disk with one head, else enough that no worker waits for its next. */
  #parallel(): number {
    return this.agent.state.scan.workers || (this.#rotating ? 1 : this.agent.processors * 2);
  }

  #stopped(): boolean {
    return this.#error !== undefined || this.options.signal.aborted || this.#rootProblem !== undefined;
  }

  async #list(directories: readonly string[]): Promise<void> {
    const { agent, dataDirectory } = this;
    const { listing, notBefore } = this.options;
    const reply = await agent.hands.run(
      {
        kind: "scan",
        target: { host: dataDirectory.host, dataDirectory: dataDirectory.id, root: dataDirectory.path },
        address: this.#address,
        directories,
        exclude: agent.state.scan.exclude,
        rule: settleRuleFor(agent, this.#address, agent.now(), notBefore),
        options: { ...listing, ...(this.options.acceptLoss ? { acceptLoss: true } : {}) },
      },
      {
        onDifferences: async (differences) => {
          const committed = await commitDifferences(agent.inventory, dataDirectory, differences, agent.now(), this.#startedAt);
          if (committed.isErr()) this.#error ??= committed.error;
          else {
            this.#added += committed.value.added;
            this.#changed += committed.value.changed;
            if (committed.value.added + committed.value.changed > 0) this.options.onChanged?.();
          }
        },
      },
    );
    if (reply.kind === "stalled") {
      this.#rootProblem ??= { path: dataDirectory.path, code: STALLED, message: reply.detail };
      agent.heldUp.hold(originPlace(dataDirectory.hostName, dataDirectory.path), reply);
      return;
    }
    const scanned = await expectReply(reply, "scan");
    if (scanned.isErr()) this.#error ??= scanned.error;
    else {
      this.#add(scanned.value);
      this.options.onReply?.(scanned.value);
    }
  }

  #add(reply: ScanReply): void {
    for (const key of ["files", "bytes", "directories", "symlinks", "special", "unreadable"] as const) {
      this.#counts[key] += reply.counts[key];
    }
    for (const { pattern, matches } of reply.patterns) this.#patterns.set(pattern, (this.#patterns.get(pattern) ?? 0) + matches);
    this.#problems.push(...reply.problems.slice(0, MAX_PROBLEMS - this.#problems.length));
    this.#rootProblem ??= reply.rootProblem ?? this.#endless();
    this.#rotating = reply.rotating;
    if (this.#address.kind === "local") this.agent.devices.set(this.dataDirectory.path, reply.device ?? "");
    for (const path of reply.subdirectories) this.#todo.push(path);
    this.#progress();
  }

  #endless(): ScanProblem | undefined {
    const { files, directories, symlinks, special, unreadable } = this.#counts;
    const { maxEntries } = this.agent.state.scan;
    if (files + directories + symlinks + special + unreadable <= maxEntries) return undefined;
    const { path } = this.dataDirectory;
    return {
      path,
      code: TOO_MANY,
      message: `${printable(path)} has more than ${maxEntries} entries (max_entries): no more of it was looked at`,
    };
  }

  #progress(): void {
    const elapsedMilliseconds = this.agent.elapsed() - this.#begun;
    if (elapsedMilliseconds - this.#progressAt < PROGRESS_EVERY_MILLISECONDS) return;
    this.#progressAt = elapsedMilliseconds;
    const { files, bytes } = this.#counts;
    const subject = this.dataDirectory.path;
    this.agent.options.onProgress?.({
      phase: "scanning",
      subject,
      current: [],
      files,
      bytes,
      totalFiles: null,
      totalBytes: null,
      elapsedMilliseconds,
    });
  }

  #patternCounts(): PatternCount[] {
    return [...this.#patterns].map(([pattern, matches]) => ({ pattern, matches }));
  }

  #summary(absent: number, outcome: DataDirectorySummary["outcome"]): DataDirectorySummary {
    const { files, bytes, symlinks, special } = this.#counts;
    const changes = { added: this.#added, changed: this.#changed, absent };
    return {
      host: this.dataDirectory.hostName,
      path: this.dataDirectory.path,
      files,
      bytes,
      ...changes,
      outcome,
      symlinks,
      special,
      excludedByPattern: this.#patternCounts(),
    };
  }

  #end(): ResultAsync<DataDirectorySummary, AgentError> {
    const { agent, dataDirectory } = this;
    const problem = this.#rootProblem;
    if (problem !== undefined || this.#stopped()) {
      const reason = failureReasonOf(problem?.code ?? "");
      const help = problem === undefined ? "" : REASONS[reason];
      const message = problem?.message ?? "the scan was stopped before its end";
      const outcome = { kind: "failed", reason, message, help } as const;
      return abandonScan(agent.inventory, dataDirectory.id)
        .mapErr((error): AgentError => error)
        .map(() => this.#summary(0, outcome));
    }
    const { unreadable } = this.#counts;
    const report: ScanReport = {
      ...this.#counts,
      excluded: this.#patternCounts(),
      problems: this.#problems,
      durationMilliseconds: agent.elapsed() - this.#begun,
    };
    const settings = {
      startedAt: this.#startedAt,
      maxLoss: agent.state.scan.maxLoss,
      acceptLoss: this.options.acceptLoss,
      knownBefore: this.#knownBefore,
    };
    return endScan(agent.inventory, dataDirectory, report, settings)
      .mapErr((error): AgentError => error)
      .map((end) => {
        const { files } = this.#counts;
        agent.options.observer?.scanned(dataDirectory.hostName, dataDirectory.path, files, report.durationMilliseconds / 1000);
        if (end.kind === "frozen") {
          const help = REASONS.LossBrake.replace("PATH", dataDirectory.path);
          const { lost, known, former } = end;
          return this.#summary(0, { kind: "frozen", lost, known, help, ...(former === undefined ? {} : { former }) });
        }
        const example = this.#problems[0]?.message ?? "";
        return this.#summary(end.absent, unreadable > 0 ? { kind: "partly", unreadable, example } : { kind: "scanned" });
      });
  }
}
