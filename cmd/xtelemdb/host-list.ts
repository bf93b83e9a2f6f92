/** `host_list`: the origin hosts and their data directories. */
import { optionsOf, print, printJson } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { hostTable } from "./output/status-text.ts";
import type { Register } from "./program.ts";
import { withStatus } from "./status-command.ts";

export const hostListCommand: Register = (program, context, end) => {
  program
    .command("host_list")
    .description("list the origin hosts and their data directories")
    .addHelpText("after", "\nExample:\n  xtelemdb host_list")
    .action((_options, command) => {
      const options = optionsOf<object>(command);
      return end(
        withStatus(context, options, ({ hosts }) => {
          if (options.json) printJson(hosts);
          else
            print(
              hosts.length === 0 ? "no host is declared: add [hosts.NAME] with data_dirs to the configuration" : hostTable(hosts),
            );
          return EXIT.converged;
        }),
      );
    });
};
