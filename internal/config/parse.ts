/** TOML text to desired state: all mistakes at once, or a state in which nothing is left to doubt. */
import { dirname, resolve } from "node:path";
import { err, ok, type Result } from "neverthrow";
import { Mistakes, withoutMistaken } from "./_mistakes.ts";
import { checkOverlaps } from "./_overlaps.ts";
import { positionsIn } from "./_positions.ts";
import { type KeyPath, parseToml, type TomlTable } from "./_toml.ts";
import type { ConfigError } from "./config-error.ts";
import type { AbsolutePath, DesiredState, Host, HostName, ListenAddress, Replica, SshSettings } from "./desired-state.ts";
import { defaultDatabase, defaultStatusFile, type Environment } from "./environment.ts";
import { parseRewrite } from "./import-rules.ts";
import { isLocalAddress, parseListenAddress } from "./listen-address.ts";
import { absolutePath, hostName, replicaKey, sshHost } from "./names.ts";
import { type Configuration, configurationSchema, type HostTable } from "./schema.ts";
import { parseDuration, parseShare, parseSize } from "./units.ts";

const FIX_PATH = 'write it as an absolute path, such as "/opt/MagAOX/logs"';

/** Parses and checks a configuration. `file` is its path, for messages and for paths relative to it. */
export function parseConfiguration(text: string, file: string, environment: Environment): Result<DesiredState, ConfigError> {
  const source = text.replace(/^\ufeff/, "");
  const invalid = (mistakes: Mistakes["all"]): Result<never, ConfigError> =>
    err({ kind: "config-invalid", file, text: source, mistakes });
  const toml = parseToml(source);
  if (toml.isErr()) {
    return invalid([{ ...toml.error, message: `not TOML: ${toml.error.message}` }]);
  }
  const mistakes = new Mistakes(source, positionsIn(source));
  const { configuration, hostsAreWhole } = shapeOf(toml.value, mistakes);
  const hosts = hostsOf(configuration, mistakes);
  const replicas = replicasOf(configuration, mistakes);
  const own = configuration && ownName(configuration, hostsAreWhole ? hosts : [], environment, mistakes);
  // A host of which a directory was refused is left for the next time: its others would be counted wrongly.
  const whole = hosts.filter((host) => host.dataDirectories.length === configuration?.hosts[host.name]?.data_dirs.length);
  checkOverlaps(whole, replicas, own, mistakes);
  const { database, statusFile } = filesOf(configuration, file, environment, mistakes);
  const listen = configuration && listenOf(configuration, [database, statusFile, resolve(file)], mistakes);
  if (mistakes.all.length > 0 || configuration === undefined || own === undefined) return invalid(mistakes.all);

  const { scan } = configuration;
  const settings = {
    hostname: own,
    database,
    statusFile,
    nice: configuration.nice,
    ioPriority: configuration.io_priority,
    stallTimeoutMilliseconds: parseDuration(configuration.stall_timeout) ?? 0,
    inventoryCopyEveryMilliseconds: parseDuration(configuration.inventory_copy_every) ?? 0,
    status: { listen },
    scan: {
      intervalMilliseconds: parseDuration(scan.interval) ?? 0,
      settleMilliseconds: parseDuration(scan.settle) ?? 0,
      maxWaitMilliseconds: parseDuration(scan.max_wait) ?? 0,
      watch: scan.watch,
      exclude: scan.exclude,
      workers: scan.workers,
      maxLoss: parseShare(scan.max_loss) ?? 0,
      maxEntries: scan.max_entries,
    },
    verify: {
      everyMilliseconds: parseDuration(configuration.verify.every) ?? 0,
      bandwidthBytes: parseSize(configuration.verify.bandwidth) ?? 0,
    },
    hosts,
    replicas,
  };
  return ok({ hash: new Bun.CryptoHasher("sha256").update(JSON.stringify(settings)).digest("hex"), file, ...settings });
}

/** The configuration in its right shape. What is mistaken in it is told and left out, so that what is right can be checked further. */
function shapeOf(
  table: TomlTable,
  mistakes: Mistakes,
): { readonly configuration: Configuration | undefined; readonly hostsAreWhole: boolean } {
  for (const section of ["hosts", "replicas"]) {
    // zod passes over this one name without a word.
    if (!Object.hasOwn(Object(table[section]), "__proto__")) continue;
    mistakes.add([section, "__proto__"], "key", 'the name "__proto__" is refused', "choose another name");
  }
  const parsed = configurationSchema.safeParse(table);
  if (parsed.success) return { configuration: parsed.data, hostsAreWhole: true };
  const { issues } = parsed.error;
  for (const issue of issues) mistakes.addIssue(table, issue);
  const rest = configurationSchema.safeParse(withoutMistaken(table, issues));
  return { configuration: rest.data, hostsAreWhole: issues.every(({ path }) => path[0] !== "hosts") };
}

/** The program's own files; relative paths follow the folder of the configuration. */
function filesOf(
  configuration: Configuration | undefined,
  file: string,
  environment: Environment,
  mistakes: Mistakes,
): { readonly database: string; readonly statusFile: string } {
  const place = (path: string | undefined): string | undefined => path && resolve(dirname(resolve(file)), path);
  const database = place(configuration?.database) ?? defaultDatabase(environment);
  const statusFile = place(configuration?.status_file) ?? defaultStatusFile(environment, database);
  if (database === statusFile) {
    const key = configuration?.status_file === undefined ? "database" : "status_file";
    mistakes.add(
      [key],
      "value",
      `the inventory and the status file are both ${JSON.stringify(database)}`,
      "give each its own name",
    );
  }
  return { database, statusFile };
}

/** Where the status endpoint listens; a mistake in it is told. */
function listenOf(
  { status: { listen: text, allow_remote: allowRemote } }: Configuration,
  files: readonly string[],
  mistakes: Mistakes,
): ListenAddress | undefined {
  if (text === undefined) return undefined;
  const told = (what: string, help: string): undefined => {
    mistakes.add(["status", "listen"], "value", `the address ${JSON.stringify(text)} ${what}`, help);
    return undefined;
  };
  const parsed = parseListenAddress(text);
  if (parsed.isErr()) return told(parsed.error, 'write "127.0.0.1:9440", "[::1]:9440" or "unix:/run/xtelemdb/status.sock"');
  const address = parsed.value;
  if (address.kind === "unix" && files.includes(address.path))
    return told("is that of another file of xtelemdb", "give each its own name");
  if (isLocalAddress(address) || allowRemote) return address;
  return told(
    "may be reached from other machines, and the endpoint asks nobody who they are",
    `write ${JSON.stringify(`127.0.0.1:${address.kind === "tcp" ? address.port : ""}`)}, or add allow_remote = true`,
  );
}

function hostsOf(configuration: Configuration | undefined, mistakes: Mistakes): Host[] {
  const hosts: Host[] = [];
  const takenBy = new Map<string, KeyPath>();
  const take = (name: string, path: KeyPath, what: "key" | "value"): HostName | undefined => {
    const checked = hostName(name);
    if (checked.isErr()) {
      mistakes.add(path, what, `the host name ${JSON.stringify(name)} ${checked.error}`, "choose another name");
      return undefined;
    }
    const other = takenBy.get(name);
    if (other !== undefined) {
      mistakes.add(
        path,
        what,
        `the name ${JSON.stringify(name)} is taken: line ${mistakes.lineOf(other)} has it already`,
        "every name and alias belongs to one host",
      );
      return undefined;
    }
    takenBy.set(name, path);
    return checked.value;
  };
  const entries = Object.entries(configuration?.hosts ?? {});
  const names = entries.map(([key]) => take(key, ["hosts", key], "key"));
  entries.forEach(([key, table], index) => {
    const aliases = table.aliases.flatMap((alias, at) => take(alias, ["hosts", key, "aliases", at], "value") ?? []);
    const dataDirectories = table.data_dirs.flatMap((text, at): AbsolutePath[] => {
      const checked = absolutePath(text);
      if (checked.isOk()) return [checked.value];
      mistakes.add(
        ["hosts", key, "data_dirs", at],
        "value",
        `the data directory ${JSON.stringify(text)} ${checked.error}`,
        FIX_PATH,
      );
      return [];
    });
    const name = names[index];
    const address = hostAddressOf(key, table, mistakes);
    const ssh = sshSettings(table);
    if (name !== undefined) hosts.push({ name, aliases, dataDirectories, ssh, ...(address === undefined ? {} : { address }) });
  });
  return hosts;
}

/** Where a host is reached; a mistake in it is told. */
function hostAddressOf(key: string, { address, ssh_options: options }: HostTable, mistakes: Mistakes): Host["address"] {
  if (address === undefined) {
    if (options.length > 0) {
      const message = `the host ${JSON.stringify(key)} has no address: there is no ssh to it`;
      mistakes.add(["hosts", key, "ssh_options"], "key", message, 'add address = "ssh://HOST", or remove "ssh_options"');
    }
    return undefined;
  }
  const parsed = sshHost(address);
  if (parsed.isOk()) return parsed.value;
  mistakes.add(["hosts", key, "address"], "value", `the address ${JSON.stringify(address)} ${parsed.error}`, 'write "ssh://icc"');
  return undefined;
}

const sshSettings = (table: Pick<HostTable, "connections" | "ssh_options" | "timeout">): SshSettings => ({
  connections: table.connections,
  sshOptions: table.ssh_options,
  timeoutMilliseconds: parseDuration(table.timeout) ?? 0,
});

function replicasOf(configuration: Configuration | undefined, mistakes: Mistakes): Replica[] {
  const replicas: Replica[] = [];
  for (const [key, table] of Object.entries(configuration?.replicas ?? {})) {
    const path = ["replicas", key];
    const parsed = replicaKey(key);
    if (parsed.isErr()) {
      mistakes.add(
        path,
        "key",
        `the replica ${JSON.stringify(key)} ${parsed.error}`,
        'write [replicas."/mnt/backup"] or [replicas."ssh://host/path/"]',
      );
      continue;
    }
    const { id, target } = parsed.value;
    const twin = replicas.find((replica) => replica.id === id);
    if (twin !== undefined) {
      const first = mistakes.lineOf(["replicas", twin.written]);
      mistakes.add(
        path,
        "key",
        `the replica ${JSON.stringify(key)} is declared twice: line ${first} names the same place`,
        "remove one of the two",
      );
      continue;
    }
    if (table.local === true && target.kind !== "local") {
      mistakes.add(
        [...path, "local"],
        "value",
        `${JSON.stringify(key)} is on another host, so it is not local`,
        'remove "local"',
      );
    }
    if (table.local === false && target.kind === "local") {
      mistakes.add(
        [...path, "local"],
        "value",
        `${JSON.stringify(key)} is a path on this machine, so it is local`,
        'remove "local", or write the URL "ssh://host/path/"',
      );
    }
    const { import_origins: importOrigins, import_layout: importLayout, workers } = table;
    const importRewrites = table.import_rewrite.flatMap((text) => parseRewrite(text) ?? []);
    const ssh = sshSettings(table);
    if (target.kind === "local" && ssh.sshOptions.length > 0) {
      mistakes.add(
        [...path, "ssh_options"],
        "key",
        `the replica ${JSON.stringify(key)} is a path on this machine: there is no ssh`,
        'remove "ssh_options"',
      );
    }
    const limits = { reserveBytes: parseSize(table.reserve) ?? 0, bandwidthBytes: parseSize(table.bandwidth) ?? 0, workers };
    replicas.push({ id, written: key, target, importOrigins, importLayout, importRewrites, ...limits, ssh });
  }
  return replicas;
}

/** The configured or the machine's name, as the host it stands for: a host's own name, or an alias of it. */
function ownName(
  configuration: Configuration,
  hosts: readonly Host[],
  environment: Environment,
  mistakes: Mistakes,
): HostName | undefined {
  const written = configuration.hostname ?? environment.hostname.split(".")[0] ?? "";
  const checked = hostName(written);
  if (checked.isErr()) {
    mistakes.add(["hostname"], "value", `hostname ${JSON.stringify(written)} ${checked.error}`, 'set hostname = "exao1"');
    return undefined;
  }
  // A machine may carry its domain in its name, and be declared with it or without.
  const names: readonly string[] = configuration.hostname === undefined ? [environment.hostname, written] : [written];
  const host = hosts.find((one) => [one.name, ...one.aliases].some((name) => names.includes(name)));
  if (host !== undefined) return host.name;
  if (configuration.hostname !== undefined && hosts.length > 0) {
    const declared = hosts.map(({ name }) => name).join(", ");
    mistakes.add(
      ["hostname"],
      "value",
      `hostname ${JSON.stringify(written)} is not declared in [hosts]`,
      `declared are: ${declared}; add [hosts.${written}] or correct the name`,
    );
  }
  return checked.value;
}
