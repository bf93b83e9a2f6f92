/** `status`: what is so, what is not, why, and what to do. */
import { booleanOption } from "./boolean-option.ts";
import { optionsOf, print, printJson } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { statusText } from "./output/status-text.ts";
import type { Register } from "./program.ts";
import { withStatus } from "./status-command.ts";
import { watchStatus } from "./watch.ts";

interface Options {
  readonly watch?: boolean;
}

export const statusCommand: Register = (program, context, end) => {
  program
    .command("status")
    .description("what is so, what is not, why, and what to do")
    .option("--watch [boolean]", "stay, and show it again whenever something is new", booleanOption)
    .addHelpText(
      "after",
      `
Exit code 0 when everything declared is so, else 3. With --watch it takes the whole terminal until Ctrl-C, and the exit code is 0; with --json as well
it prints a document a line.

Examples:
  xtelemdb status
  xtelemdb status watch=true
  xtelemdb status --json | jq .converged`,
    )
    .action((_options, command) => {
      const options = optionsOf<Options>(command);
      if (options.watch) return end(watchStatus(context, options));
      return end(
        withStatus(context, options, (status) => {
          if (options.json) printJson(status);
          else print(statusText(status));
          return status.converged ? EXIT.converged : EXIT.notConverged;
        }),
      );
    });
};
