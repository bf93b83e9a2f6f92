/** The desired state as TOML with every default filled in; it loads to the same desired state. */
import type { DesiredState, Host, SshSettings } from "./desired-state.ts";
import { formatRewrite } from "./import-rules.ts";
import { formatListenAddress, isLocalAddress } from "./listen-address.ts";
import { formatDuration, formatShare } from "./units.ts";

/** DEL, which TOML wants escaped (https://toml.io/en/v1.0.0#string), and whatever else a terminal would obey or not show. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u{10ff00}-\u{10ffff}]/gu;

function escaped(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length > 4 ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
}

/** A JSON string is a TOML basic string, but for those. */
const quoted = (text: string): string => JSON.stringify(text).replace(UNSEEN, escaped);
const list = (texts: readonly string[]): string => `[${texts.map(quoted).join(", ")}]`;

const sshLines = ({ connections, sshOptions, timeoutMilliseconds }: SshSettings): string[] => [
  `connections = ${connections}`,
  `ssh_options = ${list(sshOptions)}`,
  `timeout = ${quoted(formatDuration(timeoutMilliseconds))}`,
];

/** Without an endpoint there is nothing to write for `listen`, which has no default. */
const statusLines = ({ listen }: DesiredState["status"]): string[] => [
  ...(listen === undefined ? [] : [`listen = ${quoted(formatListenAddress(listen))}`]),
  `allow_remote = ${listen !== undefined && !isLocalAddress(listen)}`,
];

const hostUrl = ({ user, host, port }: NonNullable<Host["address"]>): string =>
  `ssh://${user === undefined ? "" : `${user}@`}${host.includes(":") ? `[${host}]` : host}${port === undefined ? "" : `:${port}`}`;

/** A machine that is none of the declared hosts has its name from the system: written, it would be refused. */
const hostnameLine = ({ hostname, hosts }: DesiredState): string =>
  hosts.length === 0 || hosts.some(({ name }) => name === hostname)
    ? `hostname = ${quoted(hostname)}`
    : `# hostname = ${quoted(hostname)}    # this machine's own name, which no declared host has`;

export function showConfiguration(state: DesiredState): string {
  const lines = [
    hostnameLine(state),
    `database = ${quoted(state.database)}`,
    `status_file = ${quoted(state.statusFile)}`,
    `nice = ${state.nice}`,
    `io_priority = ${quoted(state.ioPriority)}`,
    `stall_timeout = ${quoted(formatDuration(state.stallTimeoutMilliseconds))}`,
    `inventory_copy_every = ${quoted(formatDuration(state.inventoryCopyEveryMilliseconds))}`,
    "",
    "[scan]",
    `interval = ${quoted(formatDuration(state.scan.intervalMilliseconds))}`,
    `watch = ${state.scan.watch}`,
    `settle = ${quoted(formatDuration(state.scan.settleMilliseconds))}`,
    `max_wait = ${quoted(formatDuration(state.scan.maxWaitMilliseconds))}`,
    `exclude = ${list(state.scan.exclude)}`,
    `workers = ${state.scan.workers}`,
    `max_loss = ${quoted(formatShare(state.scan.maxLoss))}`,
    `max_entries = ${state.scan.maxEntries}`,
    "",
    "[status]",
    ...statusLines(state.status),
    "",
    "[verify]",
    `every = ${quoted(formatDuration(state.verify.everyMilliseconds))}`,
    `bandwidth = ${quoted(`${state.verify.bandwidthBytes} B`)}`,
  ];
  for (const host of state.hosts) {
    lines.push(
      "",
      `[hosts.${quoted(host.name)}]`,
      `aliases = ${list(host.aliases)}`,
      `data_dirs = ${list(host.dataDirectories)}`,
    );
    if (host.address !== undefined) lines.push(`address = ${quoted(hostUrl(host.address))}`, ...sshLines(host.ssh));
  }
  for (const replica of state.replicas) {
    lines.push("", `[replicas.${quoted(replica.written)}]`);
    if (replica.target.kind === "local") lines.push("local = true");
    lines.push(
      `import_origins = ${replica.importOrigins}`,
      `import_layout = ${quoted(replica.importLayout)}`,
      `import_rewrite = ${list(replica.importRewrites.map(formatRewrite))}`,
      `reserve = ${quoted(`${replica.reserveBytes} B`)}`,
      `bandwidth = ${quoted(`${replica.bandwidthBytes} B`)}`,
      `workers = ${replica.workers}`,
    );
    if (replica.target.kind === "ssh") lines.push(...sshLines(replica.ssh));
  }
  return `${lines.join("\n")}\n`;
}
