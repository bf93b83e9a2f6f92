/**
 * What Prometheus expects of every process: time on the processor, memory, open files, start
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). prom-client's own set is not used whole: under Bun its nodejs_* numbers are wrong,
 * and its watch on the event loop wakes an idle process a hundred times a second.
 */
import { readdirSync, readFileSync } from "node:fs";
import { Counter, Gauge, type Registry } from "prom-client";

/** Of a file in /proc; undefined where it cannot be read. */
function readNumber(path: string, pattern: RegExp): number | undefined {
  try {
    const [, digits] = pattern.exec(readFileSync(path, "utf8")) ?? [];
    return digits === undefined ? undefined : Number(digits);
  } catch {
    return undefined;
  }
}

function openDescriptors(): number | undefined {
  try {
    // The one that lists them is not counted.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return undefined;
  }
}

export function addProcessMetrics(registry: Registry): void {
  const registers = [registry];
  const start = Date.now() / 1000 - process.uptime();
  new Gauge({ name: "process_start_time_seconds", help: "When the process started", registers }).set(start);
  let counted = 0;
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Time spent on processors, in user and in system mode",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      const seconds = (user + system) / 1e6;
      this.inc(Math.max(0, seconds - counted));
      counted = Math.max(counted, seconds);
    },
  });
  const observed = (name: string, help: string, look: () => number | undefined): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(look() ?? Number.NaN);
      },
    });
  };
  observed("process_resident_memory_bytes", "Memory in use", () => process.memoryUsage.rss());
  observed("process_open_fds", "Open file descriptors", openDescriptors);
  observed("process_max_fds", "How many file descriptors may be open", () =>
    readNumber("/proc/self/limits", /^Max open files\s+(\d+)/m),
  );
}
