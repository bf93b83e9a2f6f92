/** Folders of ours at a replica's root, beside those of the hosts. No host's name begins with a dot. */

/** Below it, for each origin host, the manifests of its directories. */
export const MANIFEST_FOLDER = ".xtelemdb-manifest";

/** Copies of the inventories that keep the rows of what is there. */
export const INVENTORY_FOLDER = ".xtelemdb-inventory";
