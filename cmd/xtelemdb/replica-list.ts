/** `replica_list`: one line a replica. */
import { optionsOf, print, printJson } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { replicaTable } from "./output/status-text.ts";
import type { Register } from "./program.ts";
import { withStatus } from "./status-command.ts";

export const replicaListCommand: Register = (program, context, end) => {
  program
    .command("replica_list")
    .description("list the replicas: what each holds and lacks")
    .addHelpText("after", "\nExample:\n  xtelemdb replica_list --json")
    .action((_options, command) => {
      const options = optionsOf<object>(command);
      return end(
        withStatus(context, options, ({ replicas }) => {
          if (options.json) printJson(replicas);
          else
            print(
              replicas.length === 0
                ? 'no replica is declared; "xtelemdb add_replica prefix=/mnt/backup" declares one'
                : replicaTable(replicas),
            );
          return EXIT.converged;
        }),
      );
    });
};
