/** `import_origins`: makes what a backup has already known to the inventory. */
import type { DesiredState } from "../../internal/config/mod.ts";
import { booleanOption } from "./boolean-option.ts";
import { agentOptions, failWithAgentError, optionsOf, print, printError, printJson, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { importText } from "./output/import-text.ts";
import type { Register } from "./program.ts";
import { replicaIdOf } from "./replica-argument.ts";

interface Options {
  readonly prefix?: string;
  readonly host?: string;
  readonly hash?: boolean;
  readonly dryRun?: boolean;
}

export const importOriginsCommand: Register = (program, context, end) => {
  program
    .command("import_origins")
    .description(
      "make file origins and file replicas of the copies that a replica has already; copies nothing, reads no contents",
    )
    .option("--prefix <path>", "the replica, as it was given to add_replica (default: all)")
    .option("--host <host>", "as it was given to add_replica")
    .option("--hash [boolean]", "then read every copy without a digest once, and record its SHA-256", booleanOption)
    .option("--dry-run [boolean]", "show what each top-level folder would become, record nothing", booleanOption)
    .addHelpText(
      "after",
      `
There are two sources of truth. Forward, the origin is right: a scan sees a file, and sync makes the copies equal to it. Reverse, the backup is right: an import sees a
copy, and makes the origin that it must have come from. Such an origin is "imported" until its host is scanned: it is neither missing nor deleted, and no other
replica is made to copy it. When the scan comes, then

  the same size and time (to the second over ssh)    the origin is settled, the copy is current
  another size or time                               the copy is suspect: sync leaves it alone, and says so; move it aside to have the origin copied
  it is proven gone at its origin                    a tombstone, as for any file; the copy is kept

Every top-level folder is an origin host, or an alias of one ([hosts.exao1] aliases = ["aoc"]). What follows is the origin path. Keys of the replica say otherwise:

  import_layout = "hostname"    exao1/opt/MagAOX/logs/x  is  exao1:/opt/MagAOX/logs/x    a folder that nobody has declared is a host of its own
  import_layout = "role"        aoc/opt/MagAOX/logs/x    is  exao1:/opt/MagAOX/logs/x    a folder must be a declared host or alias
  import_layout = "short"       aoc/logs/x               is  exao1:/opt/MagAOX/logs/x    logs, rawimages and telem only, and opt/MagAOX
  import_rewrite = ["/logs -> /opt/MagAOX/logs"]         rules of your own; they go first

What the inventory knows stays as it is, on both sides: a file with another size or time is listed as a conflict. Symbolic links, leftovers of rsync and others, and what
is outside the layout are listed, not imported. It may be broken off or killed, and goes on; run again, it adds what is new. Imported copies are unverified until hash=true
or verify has read them. On the replica nothing is written but its marker and the claims of this agent, if they are not there; with dry_run=true not even those.

Exit code 0 when everything was looked at and nothing is in conflict, else 3.

Examples:
  xtelemdb import_origins prefix=/mnt/backup dry_run=true
  xtelemdb import_origins prefix=/mnt/backup
  xtelemdb import_origins host=popeye prefix=ceph/magao-x/ hash=true`,
    )
    .action((_options, command) => {
      const options = optionsOf<Options>(command);
      return end(withState(context, options, (state) => run(state, options)));
    });

  async function run(state: DesiredState, options: ReturnType<typeof optionsOf<Options>>): Promise<number> {
    const replica = replicaIdOf(state, options);
    if (replica.isErr()) {
      printError(replica.error);
      return EXIT.usage;
    }
    const { importOrigins } = await import("../../internal/agent/mod.ts");
    const { agent, clear } = agentOptions(context, options, "error");
    const chosen = replica.value === undefined ? {} : { replica: replica.value };
    const summary = await importOrigins(state, {
      ...agent,
      ...chosen,
      hash: options.hash === true,
      dryRun: options.dryRun === true,
    });
    clear();
    if (summary.isErr()) return failWithAgentError(summary.error);
    if (options.json) printJson(summary.value);
    else print(importText(summary.value));
    return summary.value.outcome === "complete" ? EXIT.converged : EXIT.notConverged;
  }
};
