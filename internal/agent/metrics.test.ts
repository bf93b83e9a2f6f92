/** What Prometheus reads: valid text, true numbers, a bounded number of series; and the alert rules that rest on it. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { repositoryPath } from "../testing/mod.ts";
import { condition, directoryStatus, hostStatus, replicaStatus, statusDocument } from "./_for-tests.ts";
import { AgentMetrics } from "./metrics.ts";

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LABEL = /([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\\n]|\\\\|\\n|\\")*)"(?:,|$)/g;

function labelsOf(text: string): Record<string, string> {
  let length = 0;
  const labels: Record<string, string> = {};
  for (const [whole, name = "", value = ""] of text.matchAll(LABEL)) {
    length += whole.length;
    labels[name] = value.replaceAll(/\\(.)/gs, (_, letter: string) => (letter === "n" ? "\n" : letter));
  }
  if (length !== text.length) throw new Error(`not labels: ${text}`);
  return labels;
}

/** Reads the text format strictly: every sample belongs to the metric whose HELP and TYPE stand above it, and stands there once. */
function parse(text: string): Sample[] {
  const samples: Sample[] = [];
  const known = new Set<string>();
  let help = "";
  let metric = "";
  expect(text.endsWith("\n")).toBe(true);
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, word, name = ""] = /^# (HELP|TYPE) ([a-z_:]+) \S/.exec(line) ?? [];
    if (word === "HELP") help = name;
    else if (word === "TYPE") {
      expect({ line, help, repeated: known.has(name) }).toEqual({ line, help: name, repeated: false });
      known.add(name);
      metric = name;
    } else {
      const [, sample = "", , labels = "", value = ""] = /^([a-z_]+)(\{(.*)\})? (\S+)$/s.exec(line) ?? [];
      expect([metric, `${metric}_bucket`, `${metric}_sum`, `${metric}_count`]).toContain(sample);
      expect(Number.isFinite(Number(value))).toBe(true);
      samples.push({ name: sample, labels: labelsOf(labels), value: Number(value) });
    }
  }
  const keys = samples.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).toSorted()]));
  expect(new Set(keys).size).toBe(keys.length);
  return samples;
}

const numberOf = (samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
  samples.find((one) => one.name === name && JSON.stringify(one.labels) === JSON.stringify(labels))?.value;

const busy = (): AgentMetrics => {
  const metrics = new AgentMetrics(() => 4096);
  metrics.copied("/mnt/backup", "exao1", 2, 20);
  metrics.copied("/mnt/backup", "exao1", 1, 5);
  metrics.lag("/mnt/backup", 0.2);
  metrics.lag("/mnt/backup", 100_000);
  metrics.scanned("exao1", "/opt/MagAOX/logs", 100, 0.5);
  metrics.failed("replica", "NoSpace");
  metrics.workerStalled();
  metrics.verified("/mnt/backup", 3, 30);
  metrics.queued("/mnt/backup", 7);
  return metrics;
};

test("counts, gauges and the histogram have the numbers that were told and that the status holds", async () => {
  const samples = parse(await busy().render(statusDocument()));
  const replica = "/mnt/backup";
  const directory = { host: "exao1", data_directory: "/opt/MagAOX/logs" };
  const expected: readonly (readonly [number, string, Readonly<Record<string, string>>?])[] = [
    [3, "xtelemdb_copied_files_total", { replica, host: "exao1" }],
    [25, "xtelemdb_copied_bytes_total", { replica, host: "exao1" }],
    [0, "xtelemdb_replication_lag_seconds_bucket", { le: "0.1", replica }],
    [1, "xtelemdb_replication_lag_seconds_bucket", { le: "0.25", replica }],
    [1, "xtelemdb_replication_lag_seconds_bucket", { le: "86400", replica }],
    [2, "xtelemdb_replication_lag_seconds_bucket", { le: "+Inf", replica }],
    [2, "xtelemdb_replication_lag_seconds_count", { replica }],
    [100, "xtelemdb_scanned_files_total", directory],
    [0.5, "xtelemdb_scan_seconds_total", directory],
    [0.5, "xtelemdb_last_scan_duration_seconds", directory],
    [Date.parse("2026-11-01T08:00:00Z") / 1000, "xtelemdb_last_scan_timestamp_seconds", directory],
    [1, "xtelemdb_errors_total", { domain: "replica", reason: "NoSpace" }],
    [1, "xtelemdb_worker_stalls_total"],
    [7, "xtelemdb_queued_files", { replica }],
    [1, "xtelemdb_origin_files", { ...directory, state: "growing" }],
    [20, "xtelemdb_origin_bytes", { ...directory, state: "settled" }],
    [2, "xtelemdb_replica_files", { replica, state: "current" }],
    [30, "xtelemdb_replica_bytes", { replica, state: "kept" }],
    [90, "xtelemdb_replica_oldest_pending_seconds", { replica }],
    [3, "xtelemdb_verified_files_total", { replica }],
    [30, "xtelemdb_verified_bytes_total", { replica }],
    [1, "xtelemdb_replica_findings", { replica, state: "corrupt" }],
    [0.5, "xtelemdb_replica_verified_share", { replica }],
    [0, "xtelemdb_replica_oldest_evidence_seconds", { replica }],
    [1, "xtelemdb_condition", { subject: "replica /mnt/backup", type: "Ready", status: "True", reason: "Converged" }],
    [4, "xtelemdb_configuration_generation"],
    [3, "xtelemdb_configuration_observed_generation"],
    [0, "xtelemdb_converged"],
    [4096, "xtelemdb_inventory_size_bytes"],
    [1, "xtelemdb_build_info", { version: "1.2.3", bun_version: Bun.version }],
  ];
  const found = expected.map(([, name, labels]) => [numberOf(samples, name, labels), name, labels]);
  expect(found).toEqual(expected.map(([value, name, labels]) => [value, name, labels]));
  expect(numberOf(samples, "process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
  expect(numberOf(samples, "process_open_fds")).toBeGreaterThan(2);
  expect(numberOf(samples, "process_max_fds")).toBeGreaterThan(2);
  expect(numberOf(samples, "process_start_time_seconds")).toBeGreaterThan(1_600_000_000);
  expect(numberOf(samples, "process_cpu_seconds_total")).toBeGreaterThan(0);
});

test("counters of what is declared begin at 0, before anything has happened", async () => {
  const samples = parse(await new AgentMetrics(() => 0).render(statusDocument()));
  const labels = { replica: "/mnt/backup", host: "exao1" };
  expect(numberOf(samples, "xtelemdb_copied_files_total", labels)).toBe(0);
  expect(numberOf(samples, "xtelemdb_worker_stalls_total")).toBe(0);
  expect(numberOf(samples, "xtelemdb_queued_files", { replica: "/mnt/backup" })).toBe(0);
});

test("what is not declared any more is not shown", async () => {
  const metrics = busy();
  parse(await metrics.render(statusDocument()));
  const gone = statusDocument({
    hosts: [
      hostStatus({ dataDirectories: [directoryStatus({ declared: false })] }),
      hostStatus({ name: "icc", scannedHere: false }),
    ],
    replicas: [replicaStatus({ declared: false })],
  });
  const left = parse(await metrics.render(gone)).filter(({ name }) => /_(origin|replica)_|queued|condition/.test(name));
  expect(left.map(({ labels }) => labels.subject)).toEqual(["agent"]);
});

test("two that are rendered at a time do not mix", async () => {
  const metrics = new AgentMetrics(() => 0);
  const urls = ["/a", "/b"];
  const texts = await Promise.all(urls.map((url) => metrics.render(statusDocument({ replicas: [replicaStatus({ url })] }))));
  for (const [index, text] of texts.entries()) {
    const shown = parse(text).filter(({ name }) => name === "xtelemdb_replica_files");
    expect(new Set(shown.map(({ labels }) => labels.replica))).toEqual(new Set([urls[index]]));
  }
});

test("whatever paths and names are made of, the text is valid and gives them back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", minLength: 1 }), fc.string({ minLength: 1 }), async (url, path) => {
      const metrics = new AgentMetrics(() => 0);
      metrics.copied(url, "exao1", 1, 1);
      metrics.scanned("exao1", path, 1, 1);
      const document = statusDocument({
        replicas: [replicaStatus({ url, conditions: [condition("Stalled", "True", "NotPermitted")] })],
        hosts: [hostStatus({ dataDirectories: [directoryStatus({ path })] })],
      });
      const samples = parse(await metrics.render(document));
      expect(numberOf(samples, "xtelemdb_copied_files_total", { replica: url, host: "exao1" })).toBe(1);
      expect(numberOf(samples, "xtelemdb_scanned_files_total", { host: "exao1", data_directory: path })).toBe(1);
    }),
    { numRuns: 100 },
  );
});

interface Rules {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly labels: { readonly severity: string };
      readonly annotations: { readonly summary: string; readonly description: string };
    }[];
  }[];
}

test("every metric and label of the alert rules is one that is rendered, and every alert says what to do", async () => {
  const samples = parse(await busy().render(statusDocument()));
  const labelsOfMetric = (metric: string): string[] =>
    samples.filter(({ name }) => name === metric).flatMap(({ labels }) => Object.keys(labels));
  // The file is ours, and what of it matters here is looked at below.
  const { groups } = Bun.YAML.parse(readFileSync(repositoryPath("config", "xtelemdb.rules.yaml"), "utf8")) as Rules;
  const rules = groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThanOrEqual(7);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { expr, annotations, labels } of rules) {
    const selectors = [...expr.matchAll(/\b(xtelemdb_\w+)(?:\{([^}]*)\})?/g)];
    expect(selectors).not.toEqual([]);
    const known: string[] = [];
    for (const [, metric = "", matchers = ""] of selectors) {
      expect({ expr, metric, rendered: samples.some(({ name }) => name === metric) }).toEqual({ expr, metric, rendered: true });
      known.push(...labelsOfMetric(metric));
      for (const [, label = ""] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) expect(labelsOfMetric(metric)).toContain(label);
    }
    expect(["warning", "critical"]).toContain(labels.severity);
    expect(annotations.summary).toMatch(/\S/);
    expect(annotations.description).toMatch(/xtelemdb |systemctl |journalctl /);
    const text = annotations.summary + annotations.description;
    for (const [, label = ""] of text.matchAll(/\$labels\.(\w+)/g)) expect([...known, "instance"]).toContain(label);
  }
});
