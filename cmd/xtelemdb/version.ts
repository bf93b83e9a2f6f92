/** `version`, and `--version` before or after whatever else. */
import { optionsOf, print, printJson } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import type { Register } from "./program.ts";
import { COMMIT, VERSION, VERSION_LINE } from "./version-text.ts";

export function printVersion(json: boolean): void {
  if (json) printJson({ version: VERSION, commit: COMMIT, bun: Bun.version });
  else print(VERSION_LINE);
}

export const versionCommand: Register = (program, _context, end) => {
  program
    .command("version")
    .description("print the version")
    .addHelpText("after", "\nExample:\n  xtelemdb version --json")
    .action((_options, command) => {
      printVersion(optionsOf<object>(command).json === true);
      return end(Promise.resolve(EXIT.converged));
    });
};
