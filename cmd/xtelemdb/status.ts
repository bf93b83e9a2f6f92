/** `status`: what is so, what is not, why, and what to do. */
import { optionsOf, print, printJson } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { statusText } from "./output/status-text.ts";
import type { Register } from "./program.ts";
import { withStatus } from "./status-command.ts";

export const statusCommand: Register = (program, context, end) => {
  program
    .command("status")
    .description("what is so, what is not, why, and what to do")
    .addHelpText(
      "after",
      "\nExit code 0 when everything declared is so, else 3.\n\nExamples:\n  xtelemdb status\n  xtelemdb status --json | jq .converged",
    )
    .action((_options, command) => {
      const options = optionsOf<object>(command);
      return end(
        withStatus(context, options, (status) => {
          if (options.json) printJson(status);
          else print(statusText(status));
          return status.converged ? EXIT.converged : EXIT.notConverged;
        }),
      );
    });
};
