/** Host names, paths and replica keys: what is allowed, and one spelling for each. A refusal is a sentence that follows the quoted value. */
import { err, ok, type Result } from "neverthrow";
import type { AbsolutePath, HostName, ReplicaTarget, ReplicaUrl } from "./desired-state.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Room is left for names that are made of it; DNS allows 253 at most, and a machine's name 64. */
const MAX_HOST_NAME_BYTES = 220;

export function hostName(text: string): Result<HostName, string> {
  if (text === "") return err("is empty: a host needs a name");
  if (text === "." || text === ".." || text.includes("/"))
    return err('is no host name: it becomes a folder at each replica, so no "/", "." or ".."');
  if (CONTROL.test(text)) return err("holds control characters");
  if (text.startsWith(".xtelemdb")) return err('begins with ".xtelemdb", which xtelemdb keeps for itself');
  if (new TextEncoder().encode(text).length > MAX_HOST_NAME_BYTES) return err(`is longer than ${MAX_HOST_NAME_BYTES} bytes`);
  // Checked just now: this is the only way to make one.
  return ok(text as HostName);
}

/** PATH_MAX, without the NUL at its end. */
const MAX_PATH_BYTES = 4095;

const isTooLong = (text: string): boolean => new TextEncoder().encode(text).length > MAX_PATH_BYTES;
const TOO_LONG = `is longer than ${MAX_PATH_BYTES} bytes, the most that the system takes`;

/** Takes doubled and trailing slashes off; refuses what is not absolute, or goes back up. */
export function absolutePath(text: string): Result<AbsolutePath, string> {
  if (!text.startsWith("/")) return err('is not an absolute path: it must begin with "/"');
  if (isTooLong(text)) return err(TOO_LONG);
  if (CONTROL.test(text)) return err("holds control characters");
  const names = text.split("/").filter((name) => name !== "");
  if (names.some((name) => name === "." || name === "..")) return err('must not hold "." or ".."');
  // Checked just now: this is the only way to make one.
  return ok(`/${names.join("/")}` as AbsolutePath);
}

export interface ReplicaKey {
  readonly id: ReplicaUrl;
  readonly target: ReplicaTarget;
}

/** A replica's key in the configuration: an absolute path, or `ssh://[user@]host[:port]/path` (relative to the login directory; `//path` is absolute). */
export function replicaKey(text: string): Result<ReplicaKey, string> {
  if (text.startsWith("ssh://")) return sshKey(text);
  if (text.includes("://")) return err('has a scheme that is not known: a replica is a path, or "ssh://host/path"');
  return absolutePath(text).andThen((root) =>
    root === "/"
      ? err("is the root of the whole machine: name the folder where the copies are to lie")
      : // A normalised path is a replica's identity.
        ok({ id: root as string as ReplicaUrl, target: { kind: "local" as const, root } }),
  );
}

/** `[user@]host[:port]`, as it is written and as ssh takes it. */
interface SshAuthority {
  readonly written: string;
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

function sshAuthority(user: string | undefined, host: string, port: string | undefined): Result<SshAuthority, string> {
  if (!/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)$/.test(host)) {
    return err(`names the host ${JSON.stringify(host)}: letters, digits, ".", "_" and "-" only, and no "-" at its beginning`);
  }
  if (user !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(user)) {
    return err(`names the user ${JSON.stringify(user)}: letters, digits, ".", "_" and "-" only, and no "-" at its beginning`);
  }
  const number = port === undefined ? undefined : Number(port);
  if (number !== undefined && !(/^\d+$/.test(port ?? "") && number >= 1 && number <= 65_535)) {
    return err(`names the port ${JSON.stringify(port)}: a number from 1 to 65535`);
  }
  return ok({
    written: `${user === undefined ? "" : `${user}@`}${host}${number === undefined ? "" : `:${number}`}`,
    // ssh takes an IPv6 address without its brackets.
    host: host.replaceAll(/[[\]]/g, ""),
    ...(user === undefined ? {} : { user }),
    ...(number === undefined ? {} : { port: number }),
  });
}

const SSH_URL = /^ssh:\/\/(?:([^@/]*)@)?(\[[0-9A-Fa-f:.]+\]|[^:/@]*)(?::([^/]*))?(\/.*)?$/s;

/** Where an origin host is reached: `ssh://[user@]host[:port]`, without a path. */
export function sshHost(text: string): Result<{ readonly host: string; readonly user?: string; readonly port?: number }, string> {
  const match = SSH_URL.exec(text);
  if (match === null || CONTROL.test(text)) return err('is not of the form "ssh://[user@]host[:port]"');
  const [, user, host = "", port, path = ""] = match;
  if (path.replaceAll("/", "") !== "") return err("has a path: the paths of a host are its data_dirs");
  return sshAuthority(user, host, port).map(({ written: _written, ...rest }) => rest);
}

function sshKey(text: string): Result<ReplicaKey, string> {
  const match = SSH_URL.exec(text);
  if (match === null) return err('is not of the form "ssh://[user@]host[:port]/path"');
  const [, user, host = "", port, path = ""] = match;
  if (CONTROL.test(text)) return err("holds control characters");
  if (isTooLong(text)) return err(TOO_LONG);
  const authority = sshAuthority(user, host, port);
  if (authority.isErr()) return err(authority.error);
  const absolute = path.startsWith("//");
  const names = path.split("/").filter((name) => name !== "");
  if (names.length === 0) return err('has no path: write "ssh://host/path" (in the login directory) or "ssh://host//path"');
  if (names.some((name) => name === "." || name === "..")) return err('must not hold "." or ".."');
  // sftp expands no "~": a folder of that name would be made.
  if (names[0]?.startsWith("~")) return err('begins with "~": "ssh://host/path" is relative to the login directory already');
  const where = `${absolute ? "/" : ""}${names.join("/")}`;
  const { written, ...target } = authority.value;
  // The normalised URL is a replica's identity; it ends in "/" as in the handbook.
  return ok({ id: `ssh://${written}/${where}/` as ReplicaUrl, target: { kind: "ssh", ...target, path: where } });
}

/** The key that `add_replica` writes: `prefix` is a path or a whole key; with `host`, a path relative to the login directory there unless it begins with "/". */
export function replicaKeyFromArguments(given: { readonly prefix: string; readonly host?: string }): Result<string, string> {
  if (given.host !== undefined && /[/\s]/.test(given.host))
    return err(`cannot be on the host ${JSON.stringify(given.host)}: give its name only`);
  if (given.host !== undefined && given.prefix.includes("://")) return err("names its host already: leave out the other one");
  const key = given.host === undefined ? given.prefix : `ssh://${given.host}/${given.prefix}`;
  return replicaKey(key).map((parsed) => (parsed.target.kind === "local" ? parsed.id : key));
}

/** Is `inner` the same as `outer`, or below it? */
export const isWithin = (inner: string, outer: string): boolean =>
  inner === outer || inner.startsWith(outer === "/" ? "/" : `${outer}/`);
