/** Whoever is told what the agent does, for metrics. */
import type { PendingFile } from "../inventory/mod.ts";
import type { Agent } from "./agent.ts";

export interface Observer {
  copied(replica: string, host: string, files: number, bytes: number): void;
  /** From the moment when the file was seen settled to the moment when its copy was durable and recorded. */
  lag(replica: string, seconds: number): void;
  scanned(host: string, dataDirectory: string, files: number, seconds: number): void;
  failed(domain: string, reason: string): void;
  workerStalled(): void;
  /** Copies were read back and are what they should be. */
  verified(replica: string, files: number, bytes: number): void;
  queued(replica: string, files: number): void;
}

/** Tells of copies that are durable and recorded now. */
export function observeCopies({ options, now }: Agent, replica: string, done: readonly PendingFile[]): void {
  const { observer } = options;
  if (observer === undefined) return;
  const at = now();
  const hosts = new Map<string, { files: number; bytes: number }>();
  for (const { directory, evidence, observedAt, prefix } of done) {
    const amount = hosts.get(directory.host) ?? { files: 0, bytes: 0 };
    amount.files += 1;
    amount.bytes += evidence.size;
    hosts.set(directory.host, amount);
    if (prefix === undefined) observer.lag(replica, Math.max(0, at - observedAt) / 1000);
  }
  for (const [host, { files, bytes }] of hosts) observer.copied(replica, host, files, bytes);
}
