/** `add_replica`: declares a replica in the configuration, and looks at its root at once. */
import type { ImportSummary } from "../../internal/agent/mod.ts";
import {
  addReplica,
  type DesiredState,
  type Edit,
  editConfiguration,
  loadConfiguration,
  parseConfiguration,
  replicaKeyFromArguments,
  tryEdit,
} from "../../internal/config/mod.ts";
import { booleanOption } from "./boolean-option.ts";
import {
  agentOptions,
  configurationFile,
  failWithAgentError,
  failWithConfigError,
  optionsOf,
  print,
  printError,
  printJson,
} from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { importText } from "./output/import-text.ts";
import type { Register } from "./program.ts";
import { replicaIdOf } from "./replica-argument.ts";

interface Options {
  readonly prefix?: string;
  readonly host?: string;
  readonly importOrigins?: boolean;
  readonly newVolume?: boolean;
  readonly notMounted?: boolean;
  readonly dryRun?: boolean;
}

export const addReplicaCommand: Register = (program, context, end) => {
  program
    .command("add_replica")
    .description("declare a replica: every file of every data directory is to be there")
    .argument("[replica]", "a whole key instead of prefix and host: /mnt/backup, ssh://popeye/ceph/magao-x/")
    .option("--prefix <path>", "the folder that is to hold the copies; it must exist before anything is copied")
    .option(
      "--host <host>",
      "the host it is on, over ssh; the prefix is then relative to the login directory unless it begins with /",
    )
    .option(
      "--import-origins [boolean]",
      "make file origins from the copies that are there already, now or at first sight (see import_origins)",
      booleanOption,
    )
    .option(
      "--new-volume [boolean]",
      "what is mounted there takes the place of the replica's volume, which is gone for good; every file is copied to it",
      booleanOption,
    )
    .option(
      "--not-mounted [boolean]",
      "with new_volume: although nothing is mounted there, so that the copies lie on the disk that holds the folder",
      booleanOption,
    )
    .option("--dry-run [boolean]", "print the new configuration, change nothing", booleanOption)
    .addHelpText(
      "after",
      `
Examples:
  xtelemdb add_replica prefix=/mnt/backup
  xtelemdb add_replica host=popeye prefix=ceph/magao-x/ import_origins=true
  xtelemdb add_replica ssh://popeye/ceph/magao-x/
  xtelemdb add_replica prefix=/mnt/backup new_volume=true    a new disk for one that died`,
    )
    .action((positional: string | undefined, _options, command) => {
      const options = optionsOf<Options>(command);
      return end(run(positional, options));
    });

  /** The copies become known at once where that is possible; the agent does it otherwise. Whatever comes of it, the replica is declared. */
  async function importNow(
    state: DesiredState,
    replica: string,
    options: ReturnType<typeof optionsOf<Options>>,
    isReady: boolean,
  ): Promise<{ readonly summary: ImportSummary | null; readonly text: string }> {
    if (!isReady) return { summary: null, text: "what is there is imported as soon as the replica is ready" };
    const { agentErrorMessage, importOrigins } = await import("../../internal/agent/mod.ts");
    const { agent, clear } = agentOptions(context, options, "error");
    const done = await importOrigins(state, { ...agent, replica, hash: false, dryRun: false });
    clear();
    if (done.isOk()) return { summary: done.value, text: importText(done.value) };
    const text =
      done.error.kind === "inventory-locked"
        ? state.replicas.some(({ id, importOrigins }) => id === replica && importOrigins)
          ? "what is there is imported by the agent that is running"
          : `what is there is not imported while an agent runs: stop it, run "xtelemdb import_origins prefix=${replica}", and start it again`
        : `what is there was not imported: ${agentErrorMessage(done.error)}`;
    return { summary: null, text };
  }

  /** A dry run says of a new volume whether there is one. */
  async function tellRefusal(text: string, file: string, key: string): Promise<number> {
    const state = parseConfiguration(text, file, context.environment);
    if (state.isErr()) return failWithConfigError(state.error);
    const id = replicaIdOf(state.value, { prefix: key }).unwrapOr(undefined);
    const replica = state.value.replicas.find((one) => one.id === id);
    if (replica === undefined) return EXIT.converged;
    const { refusalOfNewVolume } = await import("../../internal/agent/mod.ts");
    const refusal = await refusalOfNewVolume(state.value, replica);
    if (refusal === undefined) return EXIT.converged;
    printError(`${refusal.message}\nhelp: ${refusal.help}`);
    return EXIT.failed;
  }

  async function run(positional: string | undefined, options: ReturnType<typeof optionsOf<Options>>): Promise<number> {
    const prefix = positional ?? options.prefix;
    if (prefix === undefined || (positional !== undefined && options.prefix !== undefined)) {
      printError("add_replica needs one prefix\nhelp: xtelemdb add_replica prefix=/mnt/backup");
      return EXIT.usage;
    }
    const key = replicaKeyFromArguments({ prefix, ...(options.host === undefined ? {} : { host: options.host }) });
    if (key.isErr()) {
      printError(`the replica ${JSON.stringify(prefix)} ${key.error}\nhelp: xtelemdb add_replica prefix=/mnt/backup`);
      return EXIT.usage;
    }
    const file = configurationFile(context, options);
    const importOrigins = options.importOrigins === true;
    const newVolume = options.newVolume === true;
    const notMounted = options.notMounted === true;
    if (notMounted && !newVolume) {
      printError(
        "not_mounted=true is said of a new volume\nhelp: xtelemdb add_replica prefix=/mnt/backup new_volume=true not_mounted=true",
      );
      return EXIT.usage;
    }
    const edit: Edit = (text = "") =>
      addReplica(text, file, context.environment, { key: key.value, importOrigins, mayBeDeclared: newVolume });
    const edited = await (options.dryRun ? tryEdit(file, edit) : editConfiguration(file, edit));
    if (edited.isErr()) return failWithConfigError(edited.error);
    const { before, after } = edited.value;
    const added = before === after ? null : key.value;
    if (options.dryRun) {
      if (options.json) printJson({ dryRun: true, file, added, configuration: after });
      else print(after.replaceAll("\r\n", "\n").trimEnd());
      return newVolume && !notMounted ? tellRefusal(after, file, key.value) : EXIT.converged;
    }
    // What was written must load as any other program will load it.
    const loaded = await loadConfiguration(file, context.environment);
    if (loaded.isErr()) return failWithConfigError(loaded.error);
    const id = replicaIdOf(loaded.value, { prefix: key.value }).unwrapOr(undefined);
    const replica = loaded.value.replicas.find((one) => one.id === id);
    if (replica === undefined) {
      printError(`${key.value} was added to ${file}, and somebody has taken it out again\nhelp: look at the file, and try again`);
      return EXIT.failed;
    }
    const { prepareReplica } = await import("../../internal/agent/mod.ts");
    const isDeclared = loaded.value.hosts.some(({ name }) => name === loaded.value.hostname);
    const prepared = await prepareReplica(loaded.value, replica, { newVolume, notMounted, now: Date.now() });
    if (prepared.isErr()) return failWithAgentError(prepared.error);
    const { kind, message, help } = prepared.value;
    const isReady = kind !== "not-ready";
    const imported = importOrigins ? await importNow(loaded.value, replica.id, options, isReady) : undefined;
    // To declare it was what was asked for; a new volume that is none was not.
    const code = newVolume && !isReady ? EXIT.failed : EXIT.converged;
    if (options.json) {
      printJson({ file, added, importOrigins, root: { kind, message, help }, imported: imported?.summary ?? null });
      return code;
    }
    if (added !== null) print(`added ${added} to ${file}${before === undefined ? " (new)" : ""}`);
    print(`${isReady ? "" : "not ready yet: "}${message}`);
    if (help !== "") print(`help: ${help}`);
    if (imported !== undefined) print(imported.text);
    print(
      isDeclared
        ? `${isReady ? "next" : "once it is ready"}: "xtelemdb plan" shows what will be copied, "xtelemdb sync" copies it`
        : `next: declare this host (${loaded.value.hostname}) with its data_dirs in ${file}`,
    );
    return code;
  }
};
