/** `remove_replica`: takes a replica out of the configuration; deletes nothing anywhere. */
import { err } from "neverthrow";
import { type Edit, editConfiguration, removeReplica, replicaKeyFromArguments, tryEdit } from "../../internal/config/mod.ts";
import { booleanOption } from "./boolean-option.ts";
import { configurationFile, failWithConfigError, optionsOf, print, printError, printJson } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import type { Register } from "./program.ts";

interface Options {
  readonly prefix?: string;
  readonly host?: string;
  readonly dryRun?: boolean;
}

export const removeReplicaCommand: Register = (program, context, end) => {
  program
    .command("remove_replica")
    .description("un-declare a replica; its copies and its rows in the inventory stay")
    .argument("[replica]", "a whole key instead of prefix and host")
    .option("--prefix <path>", "as it was given to add_replica")
    .option("--host <host>", "as it was given to add_replica")
    .option("--dry-run [boolean]", "print the new configuration, change nothing", booleanOption)
    .addHelpText("after", "\nExample:\n  xtelemdb remove_replica prefix=/mnt/backup")
    .action((positional: string | undefined, _options, command) => end(run(positional, optionsOf<Options>(command))));

  async function run(positional: string | undefined, options: ReturnType<typeof optionsOf<Options>>): Promise<number> {
    const prefix = positional ?? options.prefix;
    if (prefix === undefined) {
      printError("remove_replica needs a prefix\nhelp: xtelemdb remove_replica prefix=/mnt/backup");
      return EXIT.usage;
    }
    const key = replicaKeyFromArguments({ prefix, ...(options.host === undefined ? {} : { host: options.host }) }).unwrapOr(
      prefix,
    );
    const file = configurationFile(context, options);
    const edit: Edit = (text) =>
      text === undefined ? err({ kind: "config-missing", file }) : removeReplica(text, file, context.environment, key);
    const edited = await (options.dryRun ? tryEdit(file, edit) : editConfiguration(file, edit));
    if (edited.isErr()) return failWithConfigError(edited.error);
    const { after } = edited.value;
    if (options.dryRun) {
      if (options.json) printJson({ dryRun: true, file, removed: key, configuration: after });
      else print(after.replaceAll("\r\n", "\n").trimEnd());
      return EXIT.converged;
    }
    if (options.json) printJson({ file, removed: key });
    else {
      print(`removed ${key} from ${file}`);
      print("nothing was deleted: the copies stay where they are, and the inventory keeps their rows");
    }
    return EXIT.converged;
  }
};
