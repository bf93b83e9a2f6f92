/** `inventory backup`, `inventory check`, `inventory rebuild`: the inventory itself, kept safe and made again. */
import { resolve } from "node:path";
import type { DesiredState } from "../../internal/config/mod.ts";
import { booleanOption } from "./boolean-option.ts";
import { agentOptions, type Context, failWithAgentError, optionsOf, print, printJson, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { backupText, checkText, rebuildText } from "./output/inventory-text.ts";
import type { Register } from "./program.ts";

interface BackupOptions {
  readonly to: string;
}

interface CheckOptions {
  readonly file?: string;
}

interface RebuildOptions {
  readonly from?: string;
  readonly dryRun?: boolean;
}

export const inventoryCommand: Register = (program, context, end) => {
  const inventory = program.command("inventory").description("save, check or rebuild the inventory itself");
  inventory
    .command("backup")
    .description("write a copy of the inventory, as it stands at one moment, beside whoever uses it")
    .requiredOption("--to <file>", "where nothing is yet")
    .addHelpText(
      "after",
      `
Each replica gets such a copy by itself, in .xtelemdb-inventory ("inventory_copy_every" in the configuration). The copy is whole and durable when it has its name; it
is an inventory like any other: to use it, stop the agent, move the damaged one aside with its "-wal" and "-shm" (they would be taken for the new one's), and put it in its place, or see "xtelemdb inventory rebuild --help".

Example:
  xtelemdb inventory backup to=/root/inventory-2026-11-24.db`,
    )
    .action((_options, command) => {
      const options = optionsOf<BackupOptions>(command);
      return end(withState(context, options, (state) => backUp(state, options)));
    });
  inventory
    .command("check")
    .description("read every page and row of the inventory, and say whether it is whole; changes nothing")
    .option("--file <file>", "another inventory, such as a copy of it (default: the one of the configuration)")
    .addHelpText(
      "after",
      `
It may be in use meanwhile. What is checked: SQLite's own integrity of pages, indexes and references; that states, sizes, times and digests are possible ones; that copies
called current are of their origin as it is known; that all counts are those of the rows.

Exit code 0 when it is whole, 4 when it is not, or cannot be read.

Examples:
  xtelemdb inventory check
  xtelemdb inventory check file=/mnt/backup/.xtelemdb-inventory/exao1.7e1f….db`,
    )
    .action((_options, command) => {
      const options = optionsOf<CheckOptions>(command);
      return end(withState(context, options, (state) => check(state, options)));
    });
  inventory
    .command("rebuild")
    .description("make a lost or damaged inventory again from what the replicas keep of it")
    .option("--from <file>", "begin with this copy (default: the newest whole one that a replica has)")
    .option("--dry-run [boolean]", "show which copies there are and which would be taken; change nothing", booleanOption)
    .addHelpText(
      "after",
      `
First the newest copy of the inventory that is whole is put in its place. Then, over that, or over nothing where there is none, each replica is imported: its manifests (in
.xtelemdb-manifest) tell of every copy's source time to the nanosecond, digest, and when it was made and read, and are believed where the file is there with that size and
time. At last every copy is looked at by size and time, so that no row says more than there is. The next sync scans the origins, and copies nothing that is there already.

A damaged inventory is kept beside the new one; a whole one is never replaced. Stop the agent before (systemctl stop xtelemdb), and have all replicas mounted:
what is away now can be added later by import_origins.

Exit code 0 when all of it was looked at and agrees, 3 when not (what does not is listed), 4 when the inventory is whole, or in use.

Examples:
  xtelemdb inventory rebuild dry_run=true
  xtelemdb inventory rebuild
  xtelemdb inventory rebuild from=/root/inventory-2026-11-24.db`,
    )
    .action((_options, command) => {
      const options = optionsOf<RebuildOptions>(command);
      return end(withState(context, options, (state) => rebuild(context, state, options)));
    });
};

async function backUp(state: DesiredState, options: ReturnType<typeof optionsOf<BackupOptions>>): Promise<number> {
  const { backUpInventory } = await import("../../internal/inventory/mod.ts");
  const to = resolve(options.to);
  const size = backUpInventory(state.database, to);
  if (size.isErr()) return failWithAgentError(size.error);
  if (options.json) printJson({ from: state.database, to, bytes: size.value });
  else print(backupText(to, size.value));
  return EXIT.converged;
}

async function check(state: DesiredState, options: ReturnType<typeof optionsOf<CheckOptions>>): Promise<number> {
  const { checkInventory } = await import("../../internal/inventory/mod.ts");
  const report = checkInventory(options.file === undefined ? state.database : resolve(options.file));
  if (report.isErr()) return failWithAgentError(report.error);
  if (options.json) printJson(report.value);
  else print(checkText(report.value));
  return report.value.problems.length === 0 ? EXIT.converged : EXIT.inventory;
}

async function rebuild(
  context: Context,
  state: DesiredState,
  options: ReturnType<typeof optionsOf<RebuildOptions>>,
): Promise<number> {
  const { rebuildInventory } = await import("../../internal/agent/mod.ts");
  const { agent, clear } = agentOptions(context, options, "error");
  const from = options.from === undefined ? {} : { from: resolve(options.from) };
  const summary = await rebuildInventory(state, { ...agent, ...from, dryRun: options.dryRun === true });
  clear();
  if (summary.isErr()) return failWithAgentError(summary.error);
  if (options.json) printJson(summary.value);
  else print(rebuildText(summary.value, state.database));
  return summary.value.outcome === "complete" ? EXIT.converged : EXIT.notConverged;
}
