/**
 * Imports what a replica has already: its top-level folders side by side, each walked by one worker. What is found is committed batch after batch together with the place
 * in the walk, so that an import that is broken off, or killed, goes on there; the next one after the last begins anew.
 */
import { err, ok, type Result, ResultAsync } from "neverthrow";
import type { Replica } from "../config/mod.ts";
import {
  commitFound,
  type DeclaredReplica,
  endImport,
  endImportOf,
  type FoundBatch,
  type ImportConflict,
  type ImportProgress,
  importProgress,
} from "../inventory/mod.ts";
import {
  emptyImportCounts,
  type FoldersFound,
  type ImportCounts,
  type ImportFolder,
  type ImportLayout,
  type ImportResult,
  layoutOf,
  NAMED_CONFLICTS,
  type ReplicaProblem,
  replicaProblem,
  SkippedFiles,
} from "../replicate/mod.ts";
import { type Agent, claimsOf, expectReply } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { REASONS } from "./condition.ts";
import type { FolderImportSummary, ReplicaImportSummary, ReportedProblem } from "./import-report.ts";
import { addressOf } from "./volume-address.ts";

export interface ImportTarget {
  readonly replica: Replica;
  readonly row: DeclaredReplica;
  /** Null where there is none yet, and none may be written. */
  readonly marker: string | null;
  /** Folders that are walked side by side. */
  readonly parallel: number;
  /** What is recorded is taken back: it begins at the beginning, and does not end. */
  readonly dryRun: boolean;
}

export interface ImportPassResult {
  readonly summary: ReplicaImportSummary;
  readonly problem?: ReplicaProblem;
  /** A worker hangs in the replica until then. */
  readonly released?: Promise<void>;
}

interface WalkedFolder {
  readonly result: ImportResult;
  readonly summary: FolderImportSummary;
  readonly released?: Promise<void>;
}

export class ImportPass {
  readonly #skipped = new SkippedFiles();
  readonly #conflicts: ImportConflict[] = [];
  readonly #layout: ImportLayout;
  readonly #begun: number;
  readonly #onTheWay = new Map<string, { readonly files: number; readonly bytes: number; readonly path: string }>();

  constructor(
    private readonly agent: Agent,
    private readonly target: ImportTarget,
  ) {
    this.#layout = layoutOf(agent.state.hosts, target.replica);
    this.#begun = agent.elapsed();
  }

  get #place() {
    const { replica, row, marker } = this.target;
    return { id: row.id, address: addressOf(this.agent.state, replica), marker, claimant: claimsOf(this.agent).claimant };
  }

  async run(): Promise<Result<ImportPassResult, AgentError>> {
    const { hands, options } = this.agent;
    const stop = (): void => hands.stop();
    options.signal.addEventListener("abort", stop, { once: true });
    const done = await this.#run();
    options.signal.removeEventListener("abort", stop);
    return done;
  }

  async #run(): Promise<Result<ImportPassResult, AgentError>> {
    const { agent, target } = this;
    const begun = agent.inventory.readNow((session) => importProgress(session, target.row.id));
    if (begun.isErr()) return err(begun.error);
    const progress = target.dryRun ? [] : begun.value;
    const folders = await this.#findFolders();
    if (folders.isErr()) return err(folders.error);
    if ("problem" in folders.value) return ok(this.#result([], progress, folders.value));
    const walked = await this.#walkAll(folders.value.folders, progress);
    if (walked.isErr()) return err(walked.error);
    const complete = walked.value.every(({ summary }) => summary.outcome !== "incomplete");
    if (complete && !target.dryRun) {
      const ended = await endImport(agent.inventory, target.row.id, agent.now());
      if (ended.isErr()) return err(ended.error);
    }
    return ok(this.#result(walked.value, progress));
  }

  async #findFolders(): Promise<Result<FoldersFound | Stopped, AgentError>> {
    const request = { replica: this.#place, layout: this.#layout };
    const reply = await this.agent.hands.run({ kind: "import-folders", request });
    if (reply.kind === "stalled") return ok(stalled(reply));
    const answered = await expectReply(reply, "import-folders");
    if (answered.isErr()) return err(answered.error);
    const { result } = answered.value;
    if ("problem" in result) return ok({ problem: result.problem });
    this.#skipped.merge(result.ok.skipped);
    return ok(result.ok);
  }

  async #walkAll(
    folders: readonly ImportFolder[],
    progress: readonly ImportProgress[],
  ): Promise<Result<readonly WalkedFolder[], AgentError>> {
    const left = folders.entries();
    const walked: WalkedFolder[] = [];
    const lane = async (): Promise<Result<undefined, AgentError>> => {
      // The lanes share one iterator: each takes the next folder when it is done with its last.
      for (const [index, folder] of left) {
        const done = await this.#walk(
          folder,
          progress.find((one) => one.folder === folder.folder),
        );
        if (done.isErr()) return err(done.error);
        walked[index] = done.value;
      }
      return ok(undefined);
    };
    const lanes = Array.from({ length: Math.max(1, this.target.parallel) }, () => new ResultAsync(lane()));
    return (await ResultAsync.combine(lanes)).map(() => walked);
  }

  async #walk(folder: ImportFolder, before: ImportProgress | undefined): Promise<Result<WalkedFolder, AgentError>> {
    const { agent, target } = this;
    if (before?.ended === true) return ok({ result: nothing(true), summary: this.#summaryOf(folder, nothing(true), "before") });
    if (agent.options.signal.aborted) {
      return ok({ result: nothing(false), summary: this.#summaryOf(folder, nothing(false), "incomplete") });
    }
    const writer = new FolderWriter(agent, target);
    const request = {
      replica: this.#place,
      layout: this.#layout,
      folder: folder.folder,
      host: folder.host,
      after: before?.position ?? null,
    };
    const reply = await agent.hands.run(
      { kind: "import", request },
      {
        onFound: (batch) => writer.commit(batch),
        onProgress: (files, bytes, path) => this.#progress(folder.folder, { files, bytes, path }),
      },
    );
    this.#onTheWay.delete(folder.folder);
    if (writer.error !== undefined) return err(writer.error);
    const hung = reply.kind === "stalled" ? stalled(reply) : undefined;
    const answered =
      reply.kind === "stalled" ? ok(nothing(false)) : (await expectReply(reply, "import")).map(({ result }) => result);
    if (answered.isErr()) return err(answered.error);
    const problem = hung === undefined ? {} : { problem: hung.problem };
    const whole: ImportResult = { ...answered.value, ...problem, counts: writer.counted(answered.value.counts) };
    this.#skipped.merge(whole.skipped);
    this.#conflicts.push(...[...whole.conflicts, ...writer.conflicts].slice(0, NAMED_CONFLICTS - this.#conflicts.length));
    if (whole.complete && !target.dryRun) {
      const ended = await endImportOf(agent.inventory, target.row.id, folder.folder);
      if (ended.isErr()) return err(ended.error);
    }
    const isTheirs = whole.problem?.reason === "WrittenByAnotherInventory";
    const summary = this.#summaryOf(folder, whole, isTheirs ? "refused" : whole.complete ? "complete" : "incomplete");
    return ok({ result: whole, summary, ...(hung === undefined ? {} : { released: hung.released }) });
  }

  #summaryOf(
    { folder, host, examples }: ImportFolder,
    { counts, problem }: ImportResult,
    outcome: FolderImportSummary["outcome"],
  ): FolderImportSummary {
    return {
      folder,
      host,
      declared: this.agent.state.hosts.some(({ name }) => name === host),
      examples,
      outcome,
      problem: problem === undefined ? null : reported(problem),
      found: { files: counts.files, bytes: counts.bytes },
      imported: counts.imported,
      linked: counts.linked,
      known: counts.known,
      conflicts: counts.conflicts,
      proven: counts.proven,
    };
  }

  #result(walked: readonly WalkedFolder[], progress: readonly ImportProgress[], stopped?: Stopped): ImportPassResult {
    const summary: ReplicaImportSummary = {
      url: this.target.replica.id,
      complete: stopped === undefined && walked.every((one) => one.summary.outcome !== "incomplete"),
      wentOn: progress.length > 0,
      problem: stopped === undefined ? null : reported(stopped.problem),
      folders: walked.map((one) => one.summary),
      conflicts: walked.reduce((sum, one) => sum + one.summary.conflicts, 0),
      firstConflicts: this.#conflicts,
      skipped: this.#skipped.all(),
      hashed: null,
    };
    if (stopped !== undefined) return { summary, ...stopped };
    const failed = walked.find(({ result, summary: one }) => result.problem !== undefined && one.outcome !== "refused");
    if (failed?.result.problem === undefined) return { summary };
    const { problem } = failed.result;
    return failed.released === undefined ? { summary, problem } : { summary, problem, released: failed.released };
  }

  #progress(folder: string, now: { readonly files: number; readonly bytes: number; readonly path: string }): void {
    this.#onTheWay.set(folder, now);
    const all = [...this.#onTheWay.values()];
    this.agent.options.onProgress?.({
      phase: "importing",
      subject: this.target.replica.id,
      current: all.map(({ path }) => path),
      files: all.reduce((sum, { files }) => sum + files, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      totalFiles: null,
      totalBytes: null,
      elapsedMilliseconds: this.agent.elapsed() - this.#begun,
    });
  }
}

interface Stopped {
  readonly problem: ReplicaProblem;
  readonly released?: Promise<void>;
}

const stalled = ({ detail, released }: { readonly detail: string; readonly released: Promise<void> }): Required<Stopped> => ({
  problem: replicaProblem("WorkerStalled", detail),
  released,
});

const reported = ({ reason, message }: ReplicaProblem): ReportedProblem => ({ reason, message, help: REASONS[reason] });

const nothing = (complete: boolean): ImportResult => ({ counts: emptyImportCounts(), conflicts: [], skipped: [], complete });

/** Commits what one worker finds, batch after batch. */
class FolderWriter {
  readonly conflicts: ImportConflict[] = [];
  readonly #imported = { files: 0, bytes: 0 };
  readonly #linked = { files: 0, bytes: 0 };
  #proven = 0;
  error: AgentError | undefined;

  constructor(
    private readonly agent: Agent,
    private readonly target: ImportTarget,
  ) {}

  async commit(batch: FoundBatch): Promise<void> {
    if (this.error !== undefined) return;
    const done = await commitFound(this.agent.inventory, { ...this.target.row }, batch, this.agent.now());
    if (done.isErr()) {
      this.error = done.error;
      // The worker need not go on: nothing of it can be recorded.
      this.agent.hands.stop();
      return;
    }
    const { imported, linked, proven, conflicts } = done.value;
    add(this.#imported, imported);
    add(this.#linked, linked);
    this.#proven += proven;
    this.conflicts.push(...conflicts);
  }

  /** What was recorded, which may differ from what the worker expected. */
  counted(counts: ImportCounts): ImportCounts {
    return {
      ...counts,
      imported: this.#imported,
      linked: this.#linked,
      proven: this.#proven,
      conflicts: counts.conflicts + this.conflicts.length,
    };
  }
}

function add(to: { files: number; bytes: number }, { files, bytes }: { readonly files: number; readonly bytes: number }): void {
  to.files += files;
  to.bytes += bytes;
}
