/** Where a tree on another host is, and the ssh command that leads there. */
export interface SshAddress {
  readonly kind: "ssh";
  /** What a person calls it: its URL. */
  readonly name: string;
  readonly user?: string;
  readonly host: string;
  readonly port?: number;
  /** Relative to the login directory unless it begins with "/". */
  readonly path: string;
  /** As in ssh_config(5): "IdentityFile=/etc/xtelemdb/key". */
  readonly options: readonly string[];
  /** Connections at a time, at most. */
  readonly connections: number;
  /** How long the far end may be silent while it owes an answer. */
  readonly timeoutMilliseconds: number;
  /** So many names are listed through one opened volume, at most: what has more has no end. */
  readonly mostEntries: number;
}

/**
 * The arguments of ssh(1). What stands first wins, so these promises cannot be taken back by an option: it never asks, it never hangs for ever, it
 * runs nothing but sftp. Everything else is the operator's configuration.
 */
export function sshArguments(address: SshAddress): readonly string[] {
  const keepAliveSeconds = Math.max(1, Math.ceil(address.timeoutMilliseconds / 4000));
  return [
    "-oBatchMode=yes",
    `-oServerAliveInterval=${keepAliveSeconds}`,
    "-oServerAliveCountMax=3",
    `-oConnectTimeout=${Math.max(1, Math.ceil(address.timeoutMilliseconds / 2000))}`,
    "-oControlMaster=no",
    "-oClearAllForwardings=yes",
    "-oForwardX11=no",
    "-oForwardAgent=no",
    "-oPermitLocalCommand=no",
    "-oRemoteCommand=none",
    "-oRequestTTY=no",
    "-oLogLevel=ERROR",
    ...address.options.map((option) => `-o${option}`),
    ...(address.user === undefined ? [] : ["-l", address.user]),
    ...(address.port === undefined ? [] : ["-p", String(address.port)]),
    "-s",
    "--",
    address.host,
    "sftp",
  ];
}

/** Two addresses with the same key are reached through the same connections. */
export const connectionKey = ({ path: _path, name: _name, ...rest }: SshAddress): string => JSON.stringify(rest);
