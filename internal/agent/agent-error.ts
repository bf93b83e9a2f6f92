/** What ends a command of the agent. What is wrong with one file, disk or host is never here: it is a condition, and the others go on. */
import { type InventoryError, inventoryErrorMessage } from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";

export type AgentError =
  | InventoryError
  | { readonly kind: "status-file"; readonly path: string; readonly detail: string }
  | { readonly kind: "worker"; readonly detail: string }
  | { readonly kind: "no-such-data-directory"; readonly path: string; readonly declared: readonly string[] };

/** What happened, to which path, and why; on a second line, what to do next. */
export function agentErrorMessage(error: AgentError): string {
  switch (error.kind) {
    case "status-file":
      return `the status file ${printable(error.path)} cannot be written: ${error.detail}\nhelp: check "status_file" in the configuration, its folder and its free space`;
    case "worker":
      return `a worker broke: ${error.detail}\nhelp: this is a fault of xtelemdb: please report it; what was copied is safe, and the next run goes on from there`;
    case "no-such-data-directory":
      return `${printable(error.path)} is not a data directory of this host\nhelp: declared are: ${error.declared.map(printable).join(", ") || "none"}`;
    default:
      return inventoryErrorMessage(error);
  }
}

/** Is it the inventory that cannot be used (exit code 4)? A restart does not heal that. */
export const agentErrorIsInventory = (error: AgentError): boolean => error.kind.startsWith("inventory-");
