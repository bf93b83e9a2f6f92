/** Whoever is told what the agent does, for metrics. */
export interface Observer {
  copied(replica: string, host: string, files: number, bytes: number): void;
  /** From the moment when the file was seen settled to the moment when its copy was durable and recorded. */
  lag(replica: string, seconds: number): void;
  scanned(host: string, dataDirectory: string, files: number, seconds: number): void;
  failed(domain: string, reason: string): void;
  workerStalled(): void;
  queued(replica: string, files: number): void;
}
