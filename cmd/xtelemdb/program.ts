/** The commands, put together: names, options, help. What each does stands in its own file. */
import tab from "@bomb.sh/tab/commander";
import { Command, CommanderError, Option } from "commander";
import { printableLines } from "../../internal/sys/mod.ts";
import { addReplicaCommand } from "./add-replica.ts";
import { type KnownCommand, normaliseArguments } from "./arguments.ts";
import { configCommand } from "./config.ts";
import { type Context, printError } from "./context.ts";
import { eventsCommand } from "./events.ts";
import { EXIT, EXIT_HELP } from "./exit-code.ts";
import { explainCommand } from "./explain.ts";
import { healthzCommand } from "./healthz.ts";
import { hostListCommand } from "./host-list.ts";
import { importOriginsCommand } from "./import-origins.ts";
import { inventoryCommand } from "./inventory.ts";
import { chooseLogFormat, LOG_FORMATS, LOG_LEVELS } from "./output/log.ts";
import { planCommand } from "./plan.ts";
import { removeReplicaCommand } from "./remove-replica.ts";
import { replicaListCommand } from "./replica-list.ts";
import { restoreCommand } from "./restore.ts";
import { safeCommand } from "./safe.ts";
import { scanCommand } from "./scan.ts";
import { statusCommand } from "./status.ts";
import { syncCommand } from "./sync.ts";
import { verifyCommand } from "./verify.ts";
import { printVersion, versionCommand } from "./version.ts";

/** Makes a command's action end in an exit code. */
export type Register = (program: Command, context: Context, end: (code: Promise<number>) => Promise<void>) => void;

const REGISTER: readonly Register[] = [
  addReplicaCommand,
  removeReplicaCommand,
  replicaListCommand,
  hostListCommand,
  scanCommand,
  planCommand,
  syncCommand,
  verifyCommand,
  importOriginsCommand,
  safeCommand,
  restoreCommand,
  statusCommand,
  explainCommand,
  healthzCommand,
  eventsCommand,
  inventoryCommand,
  configCommand,
  versionCommand,
];

function makeProgram(context: Context, end: (code: Promise<number>) => Promise<void>): Command {
  const program = new Command("xtelemdb")
    .description(
      "Keeps the data files of scientific instruments copied, proven and findable.\n\nDeclare hosts and replicas in a TOML file; sync makes them so.",
    )
    .option("--config <file>", "the configuration file (default: $XTELEMDB_CONFIG, else /etc/xtelemdb/xtelemdb.toml)")
    .addOption(new Option("--log-level <level>", "how much to log on standard error").choices([...LOG_LEVELS]))
    .addOption(
      new Option("--log-format <format>", "how it is written: for a person, or one JSON object a line").choices([...LOG_FORMATS]),
    )
    .option("--json", "print data as JSON")
    .option("-V, --version", "print the version")
    .showHelpAfterError('(see "xtelemdb help", or the command with --help)')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(printableLines(text)) })
    .addHelpText(
      "after",
      `
Options may be written either way: --prefix /mnt/backup or prefix=/mnt/backup; add_replica or add-replica.

Examples:
  xtelemdb add_replica prefix=/mnt/backup      declare a replica on a mounted disk
  xtelemdb plan                                what would be copied, and does it fit
  xtelemdb sync                                copy until everything declared is so
  xtelemdb sync continuous=true                the same for ever (for systemd)
  xtelemdb verify                              read every copy back and compare it
  xtelemdb import_origins dry_run=true         what a backup that is there already would become
  xtelemdb safe before=2026-11-01 copies=2     may these files be deleted at their origin?
  xtelemdb restore path=/opt/MagAOX/logs       bring files back from their copies
  xtelemdb status                              what is so, what is not, and what to do
  xtelemdb explain /opt/MagAOX/logs/x.log      the whole story of one file
  xtelemdb events since=2h                     what happened
  xtelemdb inventory rebuild                   make a lost inventory again from the replicas

${EXIT_HELP}`,
    );
  program.hook("preAction", (_program, command) => chooseLogFormat(command.optsWithGlobals().logFormat));
  for (const register of REGISTER) register(program, context, end);
  tab(program, { completionCommandName: "completion" });
  return program;
}

/** What the step before commander has to know of each command. */
function knownCommands(command: Command, prefix = ""): KnownCommand[] {
  return command.commands.flatMap((child) => {
    const name = `${prefix}${child.name()}`;
    const options = child.options.flatMap((option) => option.long?.replace(/^--/, "") ?? []);
    return [
      ...(child.commands.length > 0 ? [] : [{ name, options, takesPositional: child.registeredArguments.length > 0 }]),
      ...knownCommands(child, `${name} `),
    ];
  });
}

/** Runs a command line (without the program's name) to its exit code. */
export async function runProgram(given: readonly string[], context: Context): Promise<number> {
  let exitCode: number = EXIT.converged;
  const program = makeProgram(context, async (code) => {
    exitCode = await code;
  });
  const globals = program.options.flatMap((option) => option.long?.replace(/^--/, "") ?? []);
  const normalised = normaliseArguments(given, knownCommands(program), globals);
  if (normalised.kind === "unknown-key") {
    const { key, command, meant } = normalised;
    printError(
      `${command} has no option "${key}"\nhelp: ${meant === undefined ? `see "xtelemdb ${command} --help"` : `did you mean "${meant}="?`}`,
    );
    return EXIT.usage;
  }
  if (given.length === 0) {
    program.outputHelp({ error: true });
    return EXIT.usage;
  }
  // Not commander's own, which prints text whatever --json says.
  program.on("option:version", () => {
    printVersion(normalised.values.includes("--json"));
    throw new CommanderError(EXIT.converged, "commander.version", "");
  });
  try {
    await program.parseAsync([...normalised.values], { from: "user" });
    return exitCode;
  } catch (exception) {
    // commander has printed what it had to say; asking for help is no mistake.
    if (exception instanceof CommanderError) return exception.exitCode === 0 ? EXIT.converged : EXIT.usage;
    throw exception;
  }
}
