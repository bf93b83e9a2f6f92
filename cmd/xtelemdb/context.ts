/** What every command has: the global options, the configuration, the way out. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { AgentError, AgentOptions } from "../../internal/agent/mod.ts";
import {
  type ConfigError,
  type DesiredState,
  defaultConfigurationFile,
  type Environment,
  loadConfiguration,
  renderConfigError,
  systemEnvironment,
} from "../../internal/config/mod.ts";
import { jsonText } from "../../internal/sys/mod.ts";
import { EXIT } from "./exit-code.ts";
import { LOG_LEVELS, type LogLevel, startLog, writeError, writeRecord } from "./output/log.ts";
import { progressLine } from "./output/progress.ts";
import { shown } from "./output/shown.ts";
import { VERSION } from "./version-text.ts";

export interface GlobalOptions {
  readonly config?: string;
  readonly logLevel?: string;
  readonly json?: boolean;
}

export interface Context {
  readonly environment: Environment;
  readonly commandLine: string;
  readonly signal: AbortSignal;
}

export const makeContext = (commandLine: string, signal: AbortSignal): Context => ({
  environment: systemEnvironment(existsSync),
  commandLine,
  signal,
});

/** The options of a command and of all above it. commander cannot know their types; each command names the ones it defined. */
export const optionsOf = <Options>(command: Command): Options & GlobalOptions => command.optsWithGlobals();

export const configurationFile = (context: Context, options: GlobalOptions): string =>
  options.config ?? defaultConfigurationFile(context.environment);

/** Whatever is in the text: it acts on no terminal. */
export const print = (text: string): void => {
  process.stdout.write(`${shown(text)}\n`);
};

/** Lines for a pipe, with tabs between the columns. */
export const printColumns = (rows: readonly (readonly string[])[]): void => {
  process.stdout.write(rows.map((cells) => `${cells.map((cell) => shown(cell)).join("\t")}\n`).join(""));
};

/** A hint beside the answer, on standard error. */
export const printHint = (text: string): void => {
  process.stderr.write(`${shown(text)}\n`);
};

/** `space`: 0 for all on one line. */
export const printJson = (value: unknown, space = 2): void => {
  process.stdout.write(`${jsonText(value, space)}\n`);
};

/** "error: ..." and "help: ..." on standard error, or one record of the log there. */
export const printError = writeError;

export function failWithConfigError(error: ConfigError): number {
  printError(renderConfigError(error));
  const mayPass = error.kind === "config-unwritable" || (error.kind === "config-unreadable" && error.passing);
  return mayPass ? EXIT.failed : EXIT.usage;
}

export async function failWithAgentError(error: AgentError): Promise<number> {
  const { agentErrorMessage, agentErrorNeedsPerson } = await import("../../internal/agent/mod.ts");
  printError(agentErrorMessage(error));
  if (error.kind === "no-such-data-directory" || error.kind === "nothing-recorded") return EXIT.usage;
  return agentErrorNeedsPerson(error) ? EXIT.inventory : EXIT.failed;
}

/** Loads the configuration and goes on with it; a wrong one ends the command. */
export async function withState(
  context: Context,
  options: GlobalOptions,
  action: (state: DesiredState) => Promise<number>,
): Promise<number> {
  const state = await loadConfiguration(configurationFile(context, options), context.environment);
  return state.isErr() ? failWithConfigError(state.error) : action(state.value);
}

/** Options for the agent, with log and progress on standard error. `clear` takes the progress line away before anything else is printed. */
export function agentOptions(
  context: Context,
  options: GlobalOptions,
  level: LogLevel,
): { readonly agent: AgentOptions; clear(): void } {
  const chosen = LOG_LEVELS.find((known) => known === options.logLevel) ?? level;
  const log = startLog(chosen);
  const line = progressLine(process.stderr, (text) => writeRecord("info", text));
  const agent = { command: context.commandLine, version: VERSION, signal: context.signal, log, onProgress: line.show };
  return { agent, clear: () => line.clear() };
}
