/** `sync`: makes what is declared so; once, or for ever. */
import type { SyncSummary } from "../../internal/agent/mod.ts";
import { configurationFingerprint, loadConfiguration, renderConfigError } from "../../internal/config/mod.ts";
import { booleanOption } from "./boolean-option.ts";
import { agentOptions, configurationFile, failWithAgentError, optionsOf, print, printJson, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { statusText } from "./output/status-text.ts";
import { amount, colours, duration } from "./output/text.ts";
import type { Register } from "./program.ts";
import { VERSION } from "./version-text.ts";

interface Options {
  readonly continuous?: boolean;
}

export const syncCommand: Register = (program, context, end) => {
  program
    .command("sync")
    .description("scan, then copy to every replica what it lacks")
    .option(
      "--continuous [boolean]",
      "go on for ever: look again every [scan] interval, and when growing files may have settled",
      booleanOption,
    )
    .addHelpText(
      "after",
      `
Exit code 0 when everything declared is so, 3 when something is not so yet. Interrupted once, it finishes the files under way; twice, it ends at
once. Either way nothing is torn, and the next sync goes on from there.

Examples:
  xtelemdb sync
  xtelemdb sync continuous=true`,
    )
    .action((_options, command) => {
      const options = optionsOf<Options>(command);
      return end(options.continuous ? forEver(options) : once(options));
    });

  const once = (options: ReturnType<typeof optionsOf<Options>>): Promise<number> =>
    withState(context, options, async (state) => {
      const { readStatus, sync } = await import("../../internal/agent/mod.ts");
      const { agent, clear } = agentOptions(context, options, "error");
      const summary = await sync(state, agent);
      clear();
      if (summary.isErr()) return failWithAgentError(summary.error);
      const code = summary.value.outcome === "converged" ? EXIT.converged : EXIT.notConverged;
      if (options.json) {
        printJson(summary.value);
        return code;
      }
      print(summaryText(summary.value));
      if (code === EXIT.converged) return code;
      const status = await readStatus(state, { version: VERSION, now: Date.now });
      if (status.isOk()) print(statusText(status.value, { verdict: false }));
      return code;
    });

  const forEver = (options: ReturnType<typeof optionsOf<Options>>): Promise<number> => {
    const fingerprint = configurationFingerprint(configurationFile(context, options));
    return withState(context, options, async (state) => {
      const { ServiceManager, syncContinuously } = await import("../../internal/agent/mod.ts");
      const { agent, clear } = agentOptions(context, options, "info");
      const onIdle = (summary: SyncSummary): void => {
        clear();
        const nothing = summary.copied.files + summary.adopted.files + summary.failed.files === 0;
        agent.log[nothing && summary.outcome === "converged" ? "debug" : "info"](summaryText(summary));
      };
      const ended = await syncContinuously(state, {
        ...agent,
        fingerprint,
        reload: () => loadConfiguration(configurationFile(context, options), context.environment),
        renderConfigError,
        onHangup,
        service: ServiceManager.of(context.environment.variables, agent.log),
        onIdle,
      });
      clear();
      if (ended.isErr()) return failWithAgentError(ended.error);
      // Nothing is left to be done, and a thread that hangs in a dead mount must not keep the program.
      process.exit(EXIT.converged);
    });
  };
};

/** SIGHUP asks for the configuration to be read again (systemd's reload sends it). */
function onHangup(listener: () => void): () => void {
  process.on("SIGHUP", listener);
  return () => process.off("SIGHUP", listener);
}

function summaryText(summary: SyncSummary): string {
  const { copied, adopted, failed, outcome, durationMilliseconds } = summary;
  const parts = [
    `copied ${copied.files === 0 ? "nothing" : amount(copied)}`,
    ...(adopted.files > 0 ? [`adopted ${amount(adopted)}`] : []),
    ...(failed.files > 0 ? [colours.yellow(`failed ${amount(failed)}`)] : []),
  ];
  const verdict = { converged: "converged", "not-converged": "not converged yet", stopped: "stopped" }[outcome];
  return `${verdict}: ${parts.join(", ")} in ${duration(durationMilliseconds)}`;
}
