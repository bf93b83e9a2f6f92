/**
 * Where the status endpoint listens: one spelling for a TCP address, one for a unix socket. The endpoint asks nobody who they are, so an address
 * that other machines reach is told apart.
 */
import { err, ok, type Result } from "neverthrow";
import type { ListenAddress } from "./desired-state.ts";
import { absolutePath } from "./names.ts";

/** Loaded when an address is there to be read: it takes longer than all the rest of a short command. */
const net = () => process.getBuiltinModule("node:net");

const UNIX = "unix:";
/** struct sockaddr_un holds 108 bytes, the NUL at its end among them (unix(7)). */
const MOST_PATH_BYTES = 107;
const HOST_NAME = /^(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/;

/** Reads "127.0.0.1:9440", "[::1]:9440", "localhost:9440" or "unix:/run/xtelemdb/status.sock". A refusal is a sentence that follows the quoted value. */
export function parseListenAddress(text: string): Result<ListenAddress, string> {
  if (text.startsWith(UNIX)) {
    const path = absolutePath(text.slice(UNIX.length));
    if (path.isErr()) return err(`is no unix socket: the path ${path.error}`);
    if (path.value === "/" || text.endsWith("/")) return err("is no unix socket: the path is that of a folder");
    if (new TextEncoder().encode(path.value).length > MOST_PATH_BYTES) {
      return err(`is no unix socket: its path is longer than ${MOST_PATH_BYTES} bytes, the most that the system takes`);
    }
    return ok({ kind: "unix", path: path.value });
  }
  const [, bracketed, plain = "", port = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text) ?? [];
  if (port === "") return err('is neither "HOST:PORT" nor "unix:/PATH"');
  if (Number(port) < 1 || Number(port) > 65_535) return err(`names the port ${port}: a number from 1 to 65535`);
  if (bracketed !== undefined && net().isIP(bracketed) !== 6)
    return err(`names ${JSON.stringify(bracketed)}, which is no IPv6 address`);
  if (bracketed === undefined && !net().isIPv4(plain) && (!HOST_NAME.test(plain) || /^[\d.]+$/.test(plain))) {
    return err(`names the host ${JSON.stringify(plain)}, which is neither an IPv4 address nor a name`);
  }
  return ok({ kind: "tcp", host: bracketed === undefined ? plain : oneSpelling(bracketed), port: Number(port) });
}

/** An IPv6 address has many spellings; a URL has the shortest (RFC 5952). A few rare ones Bun's URL does not take: they stay as they are. */
function oneSpelling(address: string): string {
  const url = `http://[${address}]/`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address;
}

/** The text that `parseListenAddress` reads back. */
export const formatListenAddress = (address: ListenAddress): string =>
  address.kind === "unix"
    ? `${UNIX}${address.path}`
    : `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;

/** Do only programs on this machine reach it? A name other than localhost may be any machine's. */
export const isLocalAddress = (address: ListenAddress): boolean =>
  address.kind === "unix" ||
  address.host.toLowerCase() === "localhost" ||
  address.host === "::1" ||
  (net().isIPv4(address.host) && address.host.startsWith("127."));
