/** What the hands do, task by task. It may block; it decides nothing, and can be broken off at any moment. */
import {
  type DirectoryDifference,
  type FoundBatch,
  inventoryErrorMessage,
  openInventoryForReading,
  Session,
} from "../inventory/mod.ts";
import {
  CopyBuffers,
  type CopyWatch,
  checkReplica,
  cleanReplica,
  copyGroup,
  copyInventory,
  findDarkFiles,
  findImportFolders,
  lookAtDestination,
  raiseGeneration,
  restoreGroup,
  verifyCopies,
  walkImport,
  writeManifests,
} from "../replicate/mod.ts";
import {
  DirectoryScan,
  ExcludePatterns,
  emptyCounts,
  ListingsAhead,
  NameLook,
  type ScanSink,
  type SettleRule,
} from "../scan/mod.ts";
import { printable } from "../sys/mod.ts";
import { openVolume, type Volume, type VolumeError, volumeErrorMessage } from "../volume/mod.ts";
import { packResult, unpackGroup } from "./copy-messages.ts";
import type { LookTask, Reply, ScanReply, ScanTask, Task } from "./worker-protocol.ts";

/** Differences are sent on when they hold this many files. */
const FILES_PER_MESSAGE = 10_000;
const PROBLEMS_PER_REPLY = 100;
const PROGRESS_EVERY_MILLISECONDS = 200;

/** What a task says on its way. */
export interface Telling {
  differences(differences: readonly DirectoryDifference[]): void;
  /** What an import found. */
  found(batch: FoundBatch): void;
  progress(files: number, bytes: number, path: string): void;
  /** Nothing to say, but not hung. */
  alive(): void;
}

export class Performer {
  readonly #buffers = new CopyBuffers();
  #session: Session | undefined;

  readonly #watch: CopyWatch;

  constructor(
    /** Path of the inventory that is read. */
    private readonly inventory: string,
    /** Asked between files: leave the rest untried. */
    private readonly isStopped: () => boolean,
    /** Where somebody may give it up. */
    watch: Omit<CopyWatch, "isStopped"> = { isGivenUp: () => false, atSource: () => undefined },
  ) {
    this.#watch = { ...watch, isStopped };
  }

  async perform(task: Task, tell: Telling): Promise<Reply> {
    switch (task.kind) {
      case "scan":
      case "look":
        return this.#scan(task, tell);
      case "check-replica": {
        const result = await checkReplica(task.request, this.#watch.isGivenUp);
        return { kind: "check-replica", result: result.isOk() ? { ok: result.value } : { problem: result.error } };
      }
      case "clean":
        return { kind: "clean", result: await cleanReplica(task.request, tell.alive) };
      case "raise-generation": {
        const raised = await raiseGeneration(task.request, this.#watch.isGivenUp);
        return { kind: "raise-generation", result: raised.isOk() ? { ok: raised.value } : { problem: raised.error } };
      }
      case "copy": {
        const group = unpackGroup(task.group);
        const result = await copyGroup(group, this.#buffers, progressOf(tell), this.#watch);
        return { kind: "copy", result: packResult(group, result) };
      }
      case "verify":
        return { kind: "verify", result: await verifyCopies(task.request, this.#buffers, progressOf(tell), this.isStopped) };
      case "find-dark": {
        const session = this.#read();
        if (!(session instanceof Session)) return session;
        return { kind: "find-dark", result: await findDarkFiles(session, task.request, tell.alive, this.isStopped) };
      }
      case "import-folders": {
        const result = await findImportFolders(task.request);
        return { kind: "import-folders", result: result.isOk() ? { ok: result.value } : { problem: result.error } };
      }
      case "import":
        return this.#import(task, tell);
      case "write-manifests": {
        const session = this.#read();
        if (!(session instanceof Session)) return session;
        const result = await writeManifests(session, task.request, tell.alive, this.#watch);
        return { kind: "write-manifests", result };
      }
      case "copy-inventory": {
        const copied = await copyInventory(this.inventory, task.request, tell.alive, this.#watch);
        return { kind: "copy-inventory", result: copied.isOk() ? { bytes: copied.value } : { failure: copied.error } };
      }
      case "restore-look":
        return { kind: "restore-look", result: await lookAtDestination(task.request) };
      case "restore": {
        const result = await restoreGroup(task.group, this.#buffers, progressOf(tell), this.#watch);
        return { kind: "restore", result };
      }
    }
  }

  async #import(task: Extract<Task, { readonly kind: "import" }>, tell: Telling): Promise<Reply> {
    const session = this.#read();
    if (!(session instanceof Session)) return session;
    const sign = seldom(tell);
    const sink = { found: (batch: FoundBatch) => tell.found(batch), progress: sign };
    return { kind: "import", result: await walkImport(session, task.request, sink, this.isStopped) };
  }

  /** The inventory, or why it cannot be read. */
  #read(): Session | Extract<Reply, { readonly kind: "broken" }> {
    if (this.#session === undefined) {
      const opened = openInventoryForReading(this.inventory);
      if (opened.isErr()) return { kind: "broken", detail: inventoryErrorMessage(opened.error) };
      this.#session = opened.value;
    }
    return this.#session;
  }

  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  async #scan(task: ScanTask | LookTask, tell: Telling): Promise<Reply> {
    const session = this.#read();
    if (!(session instanceof Session)) return session;
    const volume = await openVolume(task.address);
    const reply = emptyReply(task);
    if (volume.isErr()) {
      const problem = { path: task.target.root, code: volume.error.reason, message: volumeErrorMessage(volume.error) };
      return { ...reply, problems: [problem], rootProblem: problem };
    }
    const patterns = new ExcludePatterns(task.exclude);
    const sink = new Sending(reply, tell);
    if (task.kind === "scan") await listAll(task, volume.value, session, patterns, sink);
    else await new NameLook(volume.value, session, task.target, patterns, nowOn(task.rule), sink).look(task.entries);
    const { rotating, changesElsewhere, device } = volume.value;
    volume.value.close();
    sink.flush();
    const { watchProblem } = sink;
    const elsewhere = changesElsewhere === undefined ? {} : { changesElsewhere };
    const unwatched = watchProblem === undefined ? {} : { watchProblem };
    return { ...reply, patterns: patterns.takeCounts(), rotating, device, ...elsewhere, ...unwatched };
  }
}

/** Passes on how far a task has come, now and then. */
function seldom(tell: Telling): Telling["progress"] {
  let sentAt = performance.now();
  return (files, bytes, path) => {
    const now = performance.now();
    if (now - sentAt < PROGRESS_EVERY_MILLISECONDS) return;
    sentAt = now;
    tell.progress(files, bytes, path);
  };
}

/** Sums up what a task says of its files, and passes it on now and then. */
function progressOf(tell: Telling): (file: { directoryPath: string; name: string }, files: number, bytes: number) => void {
  let files = 0;
  let bytes = 0;
  const pass = seldom(tell);
  return ({ directoryPath, name }, moreFiles, moreBytes) => {
    files += moreFiles;
    bytes += moreBytes;
    pass(files, bytes, `${directoryPath}/${name}`);
  };
}

interface OpenReply extends ScanReply {
  readonly subdirectories: string[];
  readonly problems: ScanReply["problems"][number][];
  readonly watches: (readonly [path: string, watch: number, when: number])[];
}

const emptyReply = (task: ScanTask | LookTask): OpenReply => ({
  kind: task.kind,
  counts: emptyCounts(),
  subdirectories: [],
  problems: [],
  patterns: [],
  watches: [],
  rotating: false,
});

/** The rule as time goes on: a listing may last, and what is modified meanwhile is not from the future. */
function nowOn(rule: SettleRule): SettleRule {
  const begun = performance.now();
  return {
    ...rule,
    get now() {
      return rule.now + (performance.now() - begun) / 1000;
    },
  };
}

async function listAll(
  task: ScanTask,
  volume: Volume,
  session: Session,
  patterns: ExcludePatterns,
  sink: ScanSink,
): Promise<void> {
  const { root } = task.target;
  const ahead = volume.filesInFlight > 1 ? new ListingsAhead(volume, task.directories, root) : volume;
  const scan = new DirectoryScan(ahead, session, task.target, patterns, nowOn(task.rule), sink, task.options);
  for (const path of task.directories) await scan.scan(path);
}

/** Collects what a scan finds, and sends it on before it gets long. */
class Sending implements ScanSink {
  watchProblem: ScanReply["watchProblem"];
  #differences: DirectoryDifference[] = [];
  #files = 0;

  constructor(
    private readonly reply: OpenReply,
    private readonly tell: Telling,
  ) {}

  get counts(): ScanSink["counts"] {
    return this.reply.counts;
  }

  difference(difference: DirectoryDifference): void {
    this.#differences.push(difference);
    this.#files += difference.names.length;
    if (this.#files >= FILES_PER_MESSAGE) this.flush();
  }

  subdirectory(path: string): void {
    this.reply.subdirectories.push(path);
  }

  problem(problem: ScanReply["problems"][number]): void {
    if (this.reply.problems.length < PROBLEMS_PER_REPLY) this.reply.problems.push(problem);
  }

  watched(path: string, watch: number, when: number): void {
    this.reply.watches.push([path, watch, when]);
  }

  unwatched(path: string, error: VolumeError): void {
    this.watchProblem ??= { reason: error.reason, message: `${printable(path)}: ${volumeErrorMessage(error)}` };
  }

  alive(): void {
    this.tell.alive();
  }

  flush(): void {
    if (this.#differences.length === 0) return;
    this.tell.differences(this.#differences);
    this.#differences = [];
    this.#files = 0;
  }
}
