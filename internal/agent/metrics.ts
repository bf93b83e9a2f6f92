/**
 * What Prometheus can know of the agent: what it has counted since it started, and what the status document says now.
 *
 * Promises: names and units as Prometheus wants them (https://prometheus.io/docs/practices/naming/); the number of series is bounded by what is or was
 * declared since the start. Never: a path of a file in a label; prom-client's global registry.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { addProcessMetrics } from "./process-metrics.ts";
import type { StatusDocument } from "./status-document.ts";
import { declaredReplicasOf, statusMetrics } from "./status-metrics.ts";

/** The media type of what `render` gives. */
export const METRICS_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** Seconds: from "at once" to a day. */
const LAG_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400];

export class AgentMetrics {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  readonly #inventoryBytes: () => number;
  /** Kept apart from the gauge: what is not declared any more is not shown. */
  readonly #queues = new Map<string, number>();

  readonly #copiedFiles = new Counter({
    name: "xtelemdb_copied_files_total",
    help: "Files copied to the replica, recorded after they were durable",
    labelNames: ["replica", "host"],
    registers: this.#registers,
  });
  readonly #copiedBytes = new Counter({
    name: "xtelemdb_copied_bytes_total",
    help: "Bytes copied to the replica, recorded after they were durable",
    labelNames: ["replica", "host"],
    registers: this.#registers,
  });
  readonly #lag = new Histogram({
    name: "xtelemdb_replication_lag_seconds",
    help: "From the moment a file had settled to that of its durable copy",
    labelNames: ["replica"],
    buckets: LAG_BUCKETS,
    registers: this.#registers,
  });
  readonly #scannedFiles = new Counter({
    name: "xtelemdb_scanned_files_total",
    help: "Files looked at by full scans",
    labelNames: ["host", "data_directory"],
    registers: this.#registers,
  });
  readonly #scanSeconds = new Counter({
    name: "xtelemdb_scan_seconds_total",
    help: "Time spent in full scans",
    labelNames: ["host", "data_directory"],
    registers: this.#registers,
  });
  readonly #lastScan = new Gauge({
    name: "xtelemdb_last_scan_duration_seconds",
    help: "How long the last full scan took",
    labelNames: ["host", "data_directory"],
    registers: this.#registers,
  });
  readonly #errors = new Counter({
    name: "xtelemdb_errors_total",
    help: "What went wrong, by where and why",
    labelNames: ["domain", "reason"],
    registers: this.#registers,
  });
  readonly #verifiedFiles = new Counter({
    name: "xtelemdb_verified_files_total",
    help: "Copies read back from their disk and found to be what they should be",
    labelNames: ["replica"],
    registers: this.#registers,
  });
  readonly #verifiedBytes = new Counter({
    name: "xtelemdb_verified_bytes_total",
    help: "Bytes of the copies read back and found to be what they should be",
    labelNames: ["replica"],
    registers: this.#registers,
  });
  readonly #stalls = new Counter({
    name: "xtelemdb_worker_stalls_total",
    help: "Workers that were given up because they did not come back",
    registers: this.#registers,
  });

  /** `inventoryBytes`: what the inventory takes on its disk now. */
  constructor(inventoryBytes: () => number) {
    this.#inventoryBytes = inventoryBytes;
    addProcessMetrics(this.#registry);
  }

  /** Files of a host became durable at a replica. */
  copied(replica: string, host: string, files: number, bytes: number): void {
    this.#copiedFiles.inc({ replica, host }, files);
    this.#copiedBytes.inc({ replica, host }, bytes);
  }

  /** One file's way: from settled at its origin to durable at the replica. */
  lag(replica: string, seconds: number): void {
    this.#lag.observe({ replica }, Math.max(0, seconds));
  }

  /** A full scan of a data directory came to its end. */
  scanned(host: string, dataDirectory: string, files: number, seconds: number): void {
    const labels = { host, data_directory: dataDirectory };
    this.#scannedFiles.inc(labels, files);
    this.#scanSeconds.inc(labels, Math.max(0, seconds));
    this.#lastScan.set(labels, Math.max(0, seconds));
  }

  /** Something went wrong. Both words come from closed lists: the domain of the error, its reason. */
  failed(domain: string, reason: string): void {
    this.#errors.inc({ domain, reason });
  }

  /** A worker did not come back and was replaced. */
  workerStalled(): void {
    this.#stalls.inc();
  }

  /** Copies were read back and are what they should be. */
  verified(replica: string, files: number, bytes: number): void {
    this.#verifiedFiles.inc({ replica }, files);
    this.#verifiedBytes.inc({ replica }, bytes);
  }

  /** How many files now wait for a worker of this replica. */
  queued(replica: string, files: number): void {
    this.#queues.set(replica, files);
  }

  /** The text that Prometheus reads: the counters above, and what the status document says now. */
  async render(status: StatusDocument): Promise<string> {
    this.#beginAtZero(status);
    const parts = [
      await this.#registry.metrics(),
      await this.#renderQueues(status),
      await statusMetrics(status, this.#inventoryBytes()),
    ];
    return parts.map((text) => `${text.trimEnd()}\n`).join("\n");
  }

  /** A counter that first appears with 1 shows no increase: those of what is declared are there from the start. */
  #beginAtZero(status: StatusDocument): void {
    const hosts = status.hosts.filter(({ scannedHere }) => scannedHere).map(({ name }) => name);
    for (const { url } of declaredReplicasOf(status)) {
      this.verified(url, 0, 0);
      for (const host of hosts) this.copied(url, host, 0, 0);
    }
  }

  #renderQueues(status: StatusDocument): Promise<string> {
    const registry = new Registry();
    const queued = new Gauge({
      name: "xtelemdb_queued_files",
      help: "Files that wait for a worker of the replica",
      labelNames: ["replica"],
      registers: [registry],
    });
    for (const { url } of declaredReplicasOf(status)) queued.set({ replica: url }, this.#queues.get(url) ?? 0);
    return registry.metrics();
  }
}
