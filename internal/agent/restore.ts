/**
 * Brings the files of one host back from its replicas: to where they were, or elsewhere. Reads the inventory page by page and writes nothing to it: the next scan finds
 * what came back as it was, and copies nothing again.
 */
import { hostname } from "node:os";
import { err, ok, type Result, ResultAsync } from "neverthrow";
import type { DesiredState, Host } from "../config/mod.ts";
import {
  asRecorded,
  declaredReplicas,
  type Evidence,
  inventoryUuid,
  knownHosts,
  openInventoryForReading,
  type RecordedFile,
  recordedCopies,
  recordedFiles,
  type Session,
} from "../inventory/mod.ts";
import type { Overwrite } from "../replicate/mod.ts";
import { machineId, systemClock } from "../sys/mod.ts";
import { closeIdleConnections, localAddress, type VolumeAddress } from "../volume/mod.ts";
import { type AgentOptions, workerPool } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { Hands } from "./hands.ts";
import { inventoryFault } from "./recorded-rows.ts";
import { candidatesOf, type RestoreReplica } from "./restore-candidates.ts";
import { RestorePage } from "./restore-page.ts";
import { type RestoreSink, type RestoreSummary, RestoreTotals } from "./restore-report.ts";
import { addressOf, originAddressOf } from "./volume-address.ts";

export interface RestoreOptions extends AgentOptions {
  /** The name of an origin host, declared or only known from copies. */
  readonly host: string;
  /** Absolute origin path of a file, or of a directory with all below it; "" is everything. */
  readonly path: string;
  /** Only files that were modified before, or at or after: milliseconds since 1970. */
  readonly before?: number;
  readonly after?: number;
  /** A folder of this machine, below which the origin paths are made; left out: where they were. */
  readonly to?: string;
  /** The id of the one replica to read from; left out: any. */
  readonly from?: string;
  readonly overwrite: Overwrite;
  readonly dryRun: boolean;
}

/** Why nothing was tried at all. */
export type RestoreRefusal = { readonly kind: "nothing-recorded" } | { readonly kind: "out-of-reach" };

const FILES_AT_A_TIME = 256;

/** Tells the sink of every file in question, and in the end what came of it. */
export function restore(
  state: DesiredState,
  options: RestoreOptions,
  sink: RestoreSink,
): ResultAsync<RestoreSummary | RestoreRefusal, AgentError> {
  return new ResultAsync(run(state, options, sink));
}

async function run(
  state: DesiredState,
  options: RestoreOptions,
  sink: RestoreSink,
): Promise<Result<RestoreSummary | RestoreRefusal, AgentError>> {
  const opened = openInventoryForReading(state.database);
  if (opened.isErr()) return err(opened.error);
  const processors = Math.max(2, navigator.hardwareConcurrency);
  const hands = options.hands ?? workerPool(state, options, options.clock ?? systemClock, processors);
  const stop = (): void => hands.stop();
  options.signal.addEventListener("abort", stop);
  try {
    return await new RestoreRun(state, options, opened.value, hands, sink).run();
  } catch (exception) {
    return inventoryFault(state.database, exception);
  } finally {
    options.signal.removeEventListener("abort", stop);
    await hands.close();
    opened.value.close();
    closeIdleConnections();
  }
}

class RestoreRun {
  readonly #totals = new RestoreTotals();
  readonly #host: Host | undefined;

  constructor(
    private readonly state: DesiredState,
    private readonly options: RestoreOptions,
    private readonly session: Session,
    private readonly hands: Hands,
    private readonly sink: RestoreSink,
  ) {
    this.#host = state.hosts.find(({ name }) => name === options.host);
  }

  async run(): Promise<Result<RestoreSummary | RestoreRefusal, AgentError>> {
    const { host, to, dryRun, overwrite, signal, onProgress } = this.options;
    const begun = performance.now();
    if (!knownHosts(this.session).includes(host)) return ok({ kind: "nothing-recorded" });
    const path = asRecorded(this.session, [host], this.options.path);
    const reachable = host === this.state.hostname || this.#host?.address !== undefined;
    if (to === undefined && !reachable) return ok({ kind: "out-of-reach" });
    const claimant = {
      inventory: inventoryUuid(this.session),
      machine: machineId(),
      hostname: hostname(),
      database: this.state.database,
    };
    const onBytes = (files: number, bytes: number, current: string): void =>
      onProgress?.({
        phase: "copying",
        subject: host,
        current: [current],
        files: this.#totals.restored.files + files,
        bytes: this.#totals.restored.bytes + bytes,
        totalFiles: null,
        totalBytes: null,
        elapsedMilliseconds: performance.now() - begun,
      });
    const page = new RestorePage(this.hands, { claimant, overwrite, dryRun, host, onBytes });
    const replicas = this.#replicas();
    let found = false;
    for (let after = 0; !signal.aborted; ) {
      const rows = recordedFiles(this.session, host, path, after, FILES_AT_A_TIME);
      const last = rows.at(-1);
      if (last === undefined) break;
      after = last.id;
      found = true;
      const done = await page.restore(this.#planned(rows, replicas).filter(({ file }) => this.#isAsked(file.evidence)));
      if (done.isErr()) return err(done.error);
      for (const file of done.value) this.#totals.add(file);
      await this.sink(done.value);
    }
    if (!found && !signal.aborted) return ok({ kind: "nothing-recorded" });
    const { restored, present, left, unproven, reasons, isFailure } = this.#totals;
    const outcome = signal.aborted ? "stopped" : left.files === 0 ? "complete" : isFailure ? "failed" : "incomplete";
    const { badCopies, notReady } = page;
    const durationMilliseconds = performance.now() - begun;
    const amounts = { restored, present, left, unproven, badCopies };
    return ok({ outcome, host, dryRun, ...amounts, replicas: notReady, reasons, durationMilliseconds });
  }

  #isAsked({ mtimeSeconds, mtimeNanoseconds }: Evidence): boolean {
    const { before = Number.POSITIVE_INFINITY, after = Number.NEGATIVE_INFINITY } = this.options;
    const modified = mtimeSeconds * 1000 + Math.floor(mtimeNanoseconds / 1e6);
    return modified >= after && modified < before;
  }

  /** The declared replicas that may be read from and were seen before, by the ids of their rows. */
  #replicas(): Map<number, RestoreReplica> {
    const { from } = this.options;
    const known = new Map<number, RestoreReplica>();
    for (const { id, url, marker } of declaredReplicas(this.session)) {
      const replica = this.state.replicas.find((one) => one.id === url);
      if (replica !== undefined && marker !== null && (from === undefined || replica.id === from))
        known.set(id, { replica, marker, address: addressOf(this.state, replica) });
    }
    return known;
  }

  #planned(rows: readonly RecordedFile[], replicas: ReadonlyMap<number, RestoreReplica>) {
    const { host } = this.options;
    const ids = declaredReplicas(this.session).flatMap(({ id }) => (replicas.has(id) ? [id] : []));
    const copies = recordedCopies(
      this.session,
      rows.map(({ id }) => id),
      ids,
    );
    return rows.map((row) => {
      const known = copies.flatMap((copy) => {
        const from = copy.file === row.id ? replicas.get(copy.replica) : undefined;
        return from === undefined ? [] : [{ copy, from }];
      });
      const { address, into } = this.#destinationOf(row);
      const { id, directory, dataDirectory, directoryPath, name, evidence } = row;
      const candidates = candidatesOf(host, row, known);
      // Where the origin has gone back, what it should be is not what it was last seen as.
      const wanted = candidates[0]?.evidence ?? evidence;
      const file = { id, directory, host, dataDirectory, directoryPath, name, evidence: wanted, into };
      return { file, destination: address, candidates, copies: known.length };
    });
  }

  #destinationOf({ dataDirectory, directoryPath }: RecordedFile): { readonly address: VolumeAddress; readonly into: string } {
    const { to } = this.options;
    if (to !== undefined) return { address: localAddress(to), into: directoryPath.slice(1) };
    const into = directoryPath.slice(dataDirectory.length).replace(/^\//, "");
    return { address: originAddressOf(this.state, this.#host, dataDirectory), into };
  }
}
