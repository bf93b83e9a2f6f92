/**
 * May this be wiped? Walks the data directories of one host as they are now, looks at every copy as it is now, and has each file judged (`judgeSafety`). Opens the
 * inventory for reading only, so that it works beside a running agent. Deletes nothing, writes nothing.
 */
import { hostname } from "node:os";
import { err, ok, type Result, ResultAsync } from "neverthrow";
import type { DesiredState, Host } from "../config/mod.ts";
import {
  dataDirectoryScans,
  declaredReplicas,
  type Evidence,
  inventoryUuid,
  knownGeneration,
  openInventoryForReading,
  type RecordedFile,
  type ReplicaId,
  recordedFiles,
  type Session,
} from "../inventory/mod.ts";
import type { SafetyQuestion } from "../replicate/mod.ts";
import { ExcludePatterns, freshWalk, isAtOrBelow, type Sighted, type WalkCounts } from "../scan/mod.ts";
import { machineId, nameOfPrinted, printable } from "../sys/mod.ts";
import { closeIdleConnections, openVolume, type Volume, volumeErrorMessage } from "../volume/mod.ts";
import type { AgentError } from "./agent-error.ts";
import { inventoryFault, rowPath } from "./recorded-rows.ts";
import { type NotReady, SafeJudge } from "./safe-judge.ts";
import { type BlockedFile, type SafeSink, type SafeSummary, SafeTotals } from "./safe-report.ts";
import { addressOf, originAddressOf } from "./volume-address.ts";

export interface SafeOptions extends SafetyQuestion {
  readonly host: Host;
  /** Absolute origin path of a file, or of a directory with all below it; "" is everything. */
  readonly path: string;
  /** Only files that were modified before: milliseconds since 1970. */
  readonly before?: number;
  readonly signal: AbortSignal;
}

const ROWS_AT_A_TIME = 1_000;

/** Tells the sink of every file in question, and in the end what came of it. */
export function findSafe(state: DesiredState, options: SafeOptions, sink: SafeSink): ResultAsync<SafeSummary, AgentError> {
  return new ResultAsync(run(state, options, sink));
}

async function run(state: DesiredState, options: SafeOptions, sink: SafeSink): Promise<Result<SafeSummary, AgentError>> {
  const opened = openInventoryForReading(state.database);
  if (opened.isErr()) return err(opened.error);
  try {
    const safe = await new SafeRun(state, options, opened.value, sink).run();
    const meant = safe.found || safe.outcome !== "safe" ? undefined : nameOfPrinted(options.path);
    // Nothing is there, and nothing was told of: it may be the name as it is printed.
    return ok(meant === undefined ? safe : await new SafeRun(state, { ...options, path: meant }, opened.value, sink).run());
  } catch (exception) {
    return inventoryFault(state.database, exception);
  } finally {
    opened.value.close();
    closeIdleConnections();
  }
}

class SafeRun {
  readonly #totals = new SafeTotals();
  readonly #notReady: NotReady = new Map();
  readonly #counts: WalkCounts = { symlinks: 0, special: 0, found: false };

  constructor(
    private readonly state: DesiredState,
    private readonly options: SafeOptions,
    private readonly session: Session,
    private readonly sink: SafeSink,
  ) {}

  async run(): Promise<SafeSummary> {
    const begun = performance.now();
    const { host, path, signal } = this.options;
    for (const root of host.dataDirectories) {
      if (isAtOrBelow(root, path) || isAtOrBelow(path, root)) await this.#dataDirectory(root);
    }
    await this.#undeclared();
    const { safe, blocked, directories, reasons } = this.#totals;
    const { symlinks, special, found } = this.#counts;
    const outcome = signal.aborted ? "stopped" : this.#totals.isBlocked ? "blocked" : "safe";
    const durationMilliseconds = performance.now() - begun;
    return { outcome, host: host.name, found, safe, blocked, directories, reasons, symlinks, special, durationMilliseconds };
  }

  #isAsked = ({ mtimeSeconds, mtimeNanoseconds }: Omit<Evidence, "size">): boolean => {
    const { before } = this.options;
    return before === undefined || mtimeSeconds * 1000 + Math.floor(mtimeNanoseconds / 1e6) < before;
  };

  async #block(files: readonly BlockedFile[]): Promise<void> {
    if (files.length === 0) return;
    for (const file of files) this.#totals.block(file);
    await this.sink.blocked(files);
  }

  #blocked(path: string, reason: BlockedFile["reason"], message: string, files = 0, bytes = 0): BlockedFile {
    return { host: this.options.host.name, path, reason, message, files, bytes, counted: 0, copies: [] };
  }

  async #dataDirectory(root: string): Promise<void> {
    const { host } = this.options;
    const known = dataDirectoryScans(this.session).find((one) => one.host === host.name && one.path === root);
    if (known?.scannedAt === undefined || known.scannedAt === null)
      await this.#block([this.#blocked(root, "NotScanned", "no scan of it has come to its end yet")]);
    const volume = await this.#openOrigin(root);
    if (volume.isErr()) return this.#unreachable(root, root, volume.error);
    await this.#walk(root, volume.value);
    volume.value.close();
  }

  async #openOrigin(root: string): Promise<Result<Volume, string>> {
    const { host } = this.options;
    // A path of another machine is not one of this.
    if (host.name !== this.state.hostname && host.address === undefined)
      return err(`${host.name} is not this host (${this.state.hostname}), and has no address`);
    return (await openVolume(originAddressOf(this.state, host, root))).mapErr(volumeErrorMessage);
  }

  async #walk(root: string, volume: Volume): Promise<void> {
    const { host, path, signal } = this.options;
    const judge = await this.#judgeOf(volume);
    const patterns = new ExcludePatterns(this.state.scan.exclude);
    const request = { host: host.name, root, path, asked: this.#isAsked };
    for await (const group of freshWalk(this.session, volume, request, patterns, this.#counts)) {
      // Signals have their turn.
      await new Promise(setImmediate);
      if (signal.aborted) return;
      for (const one of group) await this.#sighted(root, one, judge);
    }
    await this.#judged(judge, 0);
  }

  async #judgeOf(volume: Volume): Promise<SafeJudge> {
    const { host, copies, now, verifiedWithinMilliseconds: within } = this.options;
    const { state, session } = this;
    const claimant = { inventory: inventoryUuid(session), machine: machineId(), hostname: hostname(), database: state.database };
    const rows = new Map(declaredReplicas(session).map((row) => [row.url, row]));
    const replicas = state.replicas.map((replica) => ({
      url: replica.id,
      row: rows.get(replica.id)?.id,
      look: {
        address: addressOf(this.state, replica),
        marker: rows.get(replica.id)?.marker ?? null,
        claims: { claimant, hosts: [host.name], ...generationOf(session, rows.get(replica.id)?.id) },
        ...takingOf(session, rows.get(replica.id)?.id),
      },
    }));
    const question = { copies, now, ...(within === undefined ? {} : { verifiedWithinMilliseconds: within }) };
    return SafeJudge.make(session, host.name, volume, replicas, question, this.#notReady);
  }

  async #sighted(root: string, seen: Sighted, judge: SafeJudge): Promise<void> {
    switch (seen.kind) {
      case "unreadable":
        return this.#unreachable(root, seen.path, seen.message);
      case "missing":
        return this.#allBelow(root, seen.path, "OriginMissing", `${printable(seen.path)} is not there`);
      case "unrecorded": {
        const reason = seen.excluded ? "Excluded" : "NotScanned";
        const why = seen.excluded ? "a pattern leaves it out" : "no scan has seen it";
        const message = seen.files > 1 ? `${seen.files} more files of this directory: ${why}` : why;
        return this.#block([this.#blocked(seen.path, reason, message, seen.files, seen.bytes)]);
      }
      case "recorded": {
        const { now, row } = seen;
        const file = now !== undefined && "size" in now && now.kind === "file";
        if (!this.#isAsked(file ? now : row.evidence)) return;
        judge.add(seen);
        return this.#judged(judge, SafeJudge.FILES_AT_A_TIME - 1);
      }
    }
  }

  /** Has what was collected judged, once it is more than that. */
  async #judged(judge: SafeJudge, atMost: number): Promise<void> {
    if (judge.waiting <= atMost) return;
    const { safe, blocked } = await judge.judge();
    await this.#block(blocked);
    for (const { bytes } of safe) {
      this.#totals.safe.files += 1;
      this.#totals.safe.bytes += bytes;
    }
    if (safe.length > 0) await this.sink.safe(safe);
  }

  /** A directory that cannot be looked into blocks as a whole, and with it each file that is recorded there. */
  async #unreachable(root: string, path: string, message: string): Promise<void> {
    await this.#block([this.#blocked(path, "OriginUnreachable", message)]);
    await this.#allBelow(root, path, "OriginUnreachable", message);
  }

  /** Each file that is recorded below a directory of which nothing can be seen. */
  async #allBelow(root: string, path: string, reason: BlockedFile["reason"], message: string): Promise<void> {
    const scope = isAtOrBelow(this.options.path, path) ? this.options.path : path;
    await this.#recorded(scope, (row) => row.dataDirectory === root && row.state !== "absent", reason, message);
  }

  /** Files of data directories that are not declared any more, and that nobody has seen gone. */
  async #undeclared(): Promise<void> {
    const { host, path } = this.options;
    const declared: readonly string[] = host.dataDirectories;
    const former = dataDirectoryScans(this.session).some((one) => one.host === host.name && !declared.includes(one.path));
    if (!former) return;
    const isLeft = ({ dataDirectory, state }: RecordedFile): boolean =>
      !declared.includes(dataDirectory) && state !== "absent" && state !== "imported";
    await this.#recorded(path, isLeft, "NotDeclared", "its data directory is not declared any more");
  }

  async #recorded(
    path: string,
    wanted: (row: RecordedFile) => boolean,
    reason: BlockedFile["reason"],
    message: string,
  ): Promise<void> {
    for (let after = 0; !this.options.signal.aborted; ) {
      const rows = recordedFiles(this.session, this.options.host.name, path, after, ROWS_AT_A_TIME);
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.id;
      const blocked = rows.filter((row) => wanted(row) && this.#isAsked(row.evidence));
      if (blocked.length > 0) this.#counts.found = true;
      await this.#block(blocked.map((row) => this.#blocked(rowPath(row), reason, message, 1, row.evidence.size)));
      await new Promise(setImmediate);
    }
  }
}

/** Left out where none is known. */
const generationOf = (session: Session, replica: ReplicaId | undefined) => {
  const generation = replica === undefined ? undefined : knownGeneration(session, replica).generation;
  return generation === undefined ? {} : { generation };
};

const takingOf = (session: Session, replica: ReplicaId | undefined) => {
  const isBeingTaken = replica !== undefined && knownGeneration(session, replica).takingSince !== undefined;
  return isBeingTaken ? { refused: "another state of its volume was taken for it, and not all of that has been read" } : {};
};
