/** `config check` and `config show`. */
import { showConfiguration } from "../../internal/config/mod.ts";
import { optionsOf, print, printJson, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { counted } from "./output/text.ts";
import type { Register } from "./program.ts";

export const configCommand: Register = (program, context, end) => {
  const config = program.command("config").description("check or show the configuration");
  config
    .command("check")
    .description("say whether the configuration is right; every mistake with its line and column")
    .addHelpText("after", "\nExample:\n  xtelemdb config check --config ./xtelemdb.toml")
    .action((_options, command) => {
      const options = optionsOf<object>(command);
      return end(
        withState(context, options, async (state) => {
          const { file, hostname, hosts, replicas } = state;
          if (options.json) printJson({ ok: true, file, hostname, hosts: hosts.length, replicas: replicas.length });
          else
            print(
              `${file}: ok; this host is ${hostname}; ${counted(hosts.length, "host")}, ${counted(replicas.length, "replica")}`,
            );
          return EXIT.converged;
        }),
      );
    });
  config
    .command("show")
    .description("print the configuration with every default filled in")
    .addHelpText("after", "\nExample:\n  xtelemdb config show --json")
    .action((_options, command) => {
      const options = optionsOf<object>(command);
      return end(
        withState(context, options, async (state) => {
          if (options.json) printJson(state);
          else print(showConfiguration(state).trimEnd());
          return EXIT.converged;
        }),
      );
    });
};
