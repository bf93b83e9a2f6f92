/** What ends a command of the agent. What is wrong with one file, disk or host is never here: it is a condition, and the others go on. */
import { type InventoryError, inventoryErrorMessage } from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";

export type AgentError =
  | InventoryError
  | { readonly kind: "status-file"; readonly path: string; readonly detail: string }
  | { readonly kind: "worker"; readonly detail: string }
  | EndpointError
  | { readonly kind: "no-such-data-directory"; readonly path: string; readonly declared: readonly string[] }
  /** Nothing is known of this host, or of this path of it; `host` is left out where any was meant. */
  | { readonly kind: "nothing-recorded"; readonly host?: string; readonly path?: string };

/** Why the status endpoint cannot listen. `address` is as the operator wrote it: "host:port" or the path of a socket. */
export interface EndpointError {
  readonly kind: "endpoint";
  readonly address: string;
  readonly why: "in-use" | "denied" | "no-such-address" | "in-the-way" | "impossible";
  readonly detail: string;
}

const ENDPOINT_HELP: Readonly<Record<EndpointError["why"], string>> = {
  "in-use": 'another process listens there, perhaps another xtelemdb: stop it, or choose another "listen"',
  denied: "ports below 1024 take root; a socket's folder must be writable for the agent's user, such as /run/xtelemdb",
  "no-such-address": 'use an address of this machine in "listen", such as "127.0.0.1:9440"',
  "in-the-way": 'something that is no socket stands there, and is left alone: move it away, or choose another "listen"',
  impossible:
    'check "listen": an address and a port, or "unix:" and the path of a socket (at most 107 bytes) in a folder that exists',
};

/** What happened, to which path, and why; on a second line, what to do next. */
export function agentErrorMessage(error: AgentError): string {
  switch (error.kind) {
    case "status-file":
      return `the status file ${printable(error.path)} cannot be written: ${error.detail}\nhelp: check "status_file" in the configuration, its folder and its free space`;
    case "worker":
      return `a worker broke: ${error.detail}\nhelp: this is a fault of xtelemdb: please report it; what was copied is safe, and the next run goes on from there`;
    case "endpoint":
      return `the status endpoint cannot listen on ${printable(error.address)}: ${error.detail}\nhelp: ${ENDPOINT_HELP[error.why]}`;
    case "no-such-data-directory":
      return `${printable(error.path)} is not a data directory of this host\nhelp: declared are: ${error.declared.map(printable).join(", ") || "none"}`;
    case "nothing-recorded": {
      const place = [error.host, error.path].filter((part) => part !== undefined).join(":");
      return `nothing is recorded of ${printable(place)}\nhelp: check the path (as it is at the origin) and the host; files of a backup that nobody has imported are made known by import_origins`;
    }
    default:
      return inventoryErrorMessage(error);
  }
}

/**
 * Is it an inventory that only a person can put right (exit code 4): held by another process, damaged, newer, not there? A disk that is full or gives errors for now
 * is none: the next start may find it well.
 */
export const agentErrorNeedsPerson = (error: AgentError): boolean =>
  error.kind.startsWith("inventory-") && error.kind !== "inventory-unusable";
