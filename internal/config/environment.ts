/** What the configuration takes from the world around it, so that a test can hand in another world. */
import { hostname, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";

export interface Environment {
  readonly hostname: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly home: string;
  /** Whether a file is there: to choose among configuration files. */
  exists(path: string): boolean;
}

/** The real world. `exists` is handed in, since this layer looks at no disk but for its own file. */
export function systemEnvironment(exists: (path: string) => boolean): Environment {
  const { uid, homedir } = userInfo();
  return { hostname: hostname(), variables: process.env, uid, home: process.env.HOME ?? homedir, exists };
}

/** systemd may hand over several directories, separated by colons (systemd.exec(5)): the first is ours. */
const firstOf = (directories: string | undefined): string | undefined =>
  directories?.split(":").find((directory) => directory !== "");

/** A relative path in an XDG variable is to be ignored (XDG Base Directory Specification): it would follow the working directory. */
const absoluteOr = (directory: string | undefined, otherwise: string): string =>
  directory?.startsWith("/") ? directory : otherwise;

/**
 * The configuration when no --config is given: $XTELEMDB_CONFIG, else the user's own when it is there (never root's), else the machine's. The
 * working directory has no say: it may be anybody's.
 */
export function defaultConfigurationFile(environment: Environment): string {
  const { variables, uid, home } = environment;
  if (variables.XTELEMDB_CONFIG) return resolve(variables.XTELEMDB_CONFIG);
  const own = join(absoluteOr(variables.XDG_CONFIG_HOME, join(home, ".config")), "xtelemdb", "xtelemdb.toml");
  if (uid !== 0 && environment.exists(own)) return own;
  return "/etc/xtelemdb/xtelemdb.toml";
}

/** Where the inventory lies unless the configuration says so. */
export function defaultDatabase({ variables, uid, home }: Environment): string {
  const state = firstOf(variables.STATE_DIRECTORY);
  if (state !== undefined) return join(state, "inventory.db");
  if (uid === 0) return "/var/lib/xtelemdb/inventory.db";
  return join(absoluteOr(variables.XDG_STATE_HOME, join(home, ".local", "state")), "xtelemdb", "inventory.db");
}

/** Where the status file lies unless the configuration says so. */
export function defaultStatusFile({ variables }: Environment, database: string): string {
  const runtime = firstOf(variables.RUNTIME_DIRECTORY);
  return join(runtime ?? dirname(database), "status.json");
}
