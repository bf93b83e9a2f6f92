/** Where the declared replicas are, as the volumes want to know it. */
import type { Replica } from "../config/mod.ts";
import { localAddress, type VolumeAddress } from "../volume/mod.ts";

/** Connections to one far end: more of them share a processor here and there without being faster. */
const CONNECTIONS = 4;

export function addressOf({ id, target, connections, sshOptions, timeoutMilliseconds }: Replica): VolumeAddress {
  if (target.kind === "local") return localAddress(target.root);
  return { ...target, name: id, options: sshOptions, connections: connections || CONNECTIONS, timeoutMilliseconds };
}
