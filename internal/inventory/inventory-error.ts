/** What can go wrong with the inventory, and what an operator does about it. */
export type InventoryError =
  | { readonly kind: "inventory-missing"; readonly path: string }
  | { readonly kind: "inventory-locked"; readonly path: string; readonly holder: string }
  | { readonly kind: "inventory-whole"; readonly path: string; readonly fileOrigins: number }
  | { readonly kind: "inventory-in-the-way"; readonly path: string }
  | { readonly kind: "inventory-damaged"; readonly path: string; readonly detail: string }
  | { readonly kind: "inventory-foreign"; readonly path: string }
  | { readonly kind: "inventory-newer"; readonly path: string; readonly migration: string }
  | { readonly kind: "inventory-unusable"; readonly path: string; readonly detail: string };

/** What happened, to which path, and why; on a second line, what to do next. */
export function inventoryErrorMessage(error: InventoryError): string {
  switch (error.kind) {
    case "inventory-missing":
      return `there is no inventory at ${error.path} yet\nhelp: run "xtelemdb scan" or "xtelemdb sync" to make it, or name the right file with "database" in the configuration`;
    case "inventory-locked":
      return `the inventory ${error.path} is in use by ${error.holder}\nhelp: wait for it to end, or stop it (systemctl stop xtelemdb), then try again`;
    case "inventory-whole":
      return `the inventory ${error.path} is whole and knows ${error.fileOrigins} files: there is nothing to rebuild; nothing was changed\nhelp: to have it made again all the same, move it aside together with its -wal and -shm files, and try again`;
    case "inventory-in-the-way":
      return `something stands there already: ${error.path}; nothing was changed\nhelp: name a file that is not there yet, or move that one away`;
    case "inventory-damaged":
      return `the inventory ${error.path} is damaged (${error.detail}); nothing was changed\nhelp: run "xtelemdb inventory rebuild": it keeps the damaged file aside, and makes the inventory again from what the replicas keep of it`;
    case "inventory-foreign":
      return `${error.path} is the database of another program, and no inventory; nothing was changed\nhelp: name the right file with "database" in the configuration`;
    case "inventory-newer":
      return `the inventory ${error.path} was made by a newer xtelemdb (it has the migration "${error.migration}", unknown here); nothing was changed\nhelp: install that release or a later one`;
    case "inventory-unusable":
      return `the inventory ${error.path} cannot be used: ${error.detail}\nhelp: check that its folder exists, is writable for this user and has free space, and look after its disk (dmesg)`;
  }
}
