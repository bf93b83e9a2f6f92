import type { DataDirectoryId, HostId } from "../inventory/mod.ts";

/** One data directory to scan: its rows' owner in the inventory, and its root as the operator named it. */
export interface ScanTarget {
  readonly host: HostId;
  readonly dataDirectory: DataDirectoryId;
  readonly root: string;
}
