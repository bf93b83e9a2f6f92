/** `sync continuous=true`: the controller, and what ties it to the system that it runs on: signals, the service manager, the endpoint, its own file. */
import { statSync } from "node:fs";
import { err, ok, type Result, ResultAsync } from "neverthrow";
import type { ConfigError, DesiredState } from "../config/mod.ts";
import { type Agent, type AgentOptions, withAgent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { ConfigurationWatch } from "./configuration-watch.ts";
import { Controller } from "./controller.ts";
import { doubtFormerLooks } from "./former-looks.ts";
import type { AgentMetrics } from "./metrics.ts";
import type { SyncSummary } from "./reports.ts";
import type { ServiceManager } from "./service-manager.ts";
import type { StatusEndpoint } from "./status-endpoint.ts";

export interface ContinuousOptions extends AgentOptions {
  /** The fingerprint of the configuration file, taken before the state was read from it. */
  readonly fingerprint: string;
  /** Reads the configuration again; a bad one leaves the last good one in force. */
  readonly reload: () => ResultAsync<DesiredState, ConfigError>;
  readonly renderConfigError: (error: ConfigError) => string;
  /** Calls back when the operator asks for a reload (SIGHUP); what it returns ends that. */
  readonly onHangup: (listener: () => void) => () => void;
  readonly service: ServiceManager;
  /** Nothing is left to do for now. */
  readonly onIdle?: (summary: SyncSummary) => void;
}

/** Runs until the signal. The database, the status file and the endpoint named at the start stay in use. */
export const syncContinuously = (state: DesiredState, options: ContinuousOptions): ResultAsync<void, AgentError> =>
  new ResultAsync(begin(state, options));

async function begin(state: DesiredState, options: ContinuousOptions): Promise<Result<void, AgentError>> {
  // Loaded here: prom-client would be a tenth of what every other command takes.
  const { AgentMetrics } = await import("./metrics.ts");
  const metrics = new AgentMetrics(() => inventoryBytes(state.database));
  return withAgent(state, { ...options, observer: metrics }, (agent) => new ResultAsync(run(agent, options, metrics)));
}

async function run(agent: Agent, options: ContinuousOptions, metrics: AgentMetrics): Promise<Result<void, AgentError>> {
  const { service } = options;
  const doubted = await doubtFormerLooks(agent);
  if (doubted.isErr()) return err(doubted.error);
  const controller = new Controller(agent, {
    load: async () => options.reload(),
    renderConfigError: options.renderConfigError,
    onText: (text) => service.status(text),
    onReady: () => service.ready(),
    onReloading: () => service.reloading(),
    ...(options.onIdle === undefined ? {} : { onIdle: options.onIdle }),
  });
  const { listen } = agent.state.status;
  let endpoint: StatusEndpoint | undefined;
  if (listen !== undefined) {
    const { startEndpoint } = await import("./status-endpoint.ts");
    const sources = { status: () => controller.status(), health: () => controller.health(), metrics };
    const started = await startEndpoint(listen, sources);
    if (started.isErr()) return err(started.error);
    endpoint = started.value;
  }
  const reload = (): void => void controller.reload();
  const cancelHangup = options.onHangup(reload);
  const watch = new ConfigurationWatch(agent.state.file, options.fingerprint, agent.clock, reload);
  const cancelWatchdog = watchdog(agent, service, controller);
  options.signal.addEventListener("abort", () => service.stopping(), { once: true });
  const broken = await controller.run();
  cancelWatchdog();
  watch.close();
  cancelHangup();
  await endpoint?.stop();
  return broken === undefined ? ok(undefined) : err(broken);
}

/** Tells the service manager that the agent is alive, as long as the controller comes round. */
function watchdog({ clock }: Agent, service: ServiceManager, controller: Controller): () => void {
  const { watchdogMilliseconds } = service;
  if (watchdogMilliseconds === undefined) return () => undefined;
  let cancel = (): void => undefined;
  const beat = (): void => {
    if (controller.health().healthy) service.alive();
    cancel = clock.after(watchdogMilliseconds, beat);
  };
  beat();
  return () => cancel();
}

function inventoryBytes(path: string): number {
  const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return sizeOf(path) + sizeOf(`${path}-wal`);
}
