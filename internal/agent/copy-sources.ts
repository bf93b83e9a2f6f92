/**
 * Where the files of a group are read from. This host's own: from their data directory. Another host's: from a copy on this machine where one is current and
 * has not failed before, because that way is shorter; else from their host.
 */
import { type CurrentCopy, currentCopies, type FileOriginId, type PendingFile, type ReplicaId } from "../inventory/mod.ts";
import { localAddress } from "../volume/mod.ts";
import type { Agent } from "./agent.ts";
import type { FileSource } from "./copy-messages.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import { addressOf, originAddressOf } from "./volume-address.ts";

/** `ready`: replicas that are there. `target`: the replica that is copied to. */
export function sourcesOf(
  agent: Agent,
  group: readonly PendingFile[],
  target: ReplicaId,
  ready: readonly CheckedReplica[],
): (file: PendingFile) => FileSource | undefined {
  const { hosts, hostname } = agent.state;
  const remote = group.filter(({ directory }) => directory.host !== hostname);
  if (remote.length === 0) return () => undefined;
  const others = ready.filter(({ replica, row }) => replica.target.kind === "local" && row.id !== target);
  const untried = remote.filter(({ attempt }) => attempt === undefined);
  const ids = others.map(({ row }) => row.id);
  // An inventory that cannot be asked now will tell so elsewhere; the origin is always right.
  const known = agent.inventory
    .readNow((session) => currentCopies(session, untried, ids))
    .unwrapOr(new Map<FileOriginId, CurrentCopy>());
  return ({ id, directory: { host, dataDirectory } }) => {
    if (host === hostname) return undefined;
    const copy = known.get(id);
    const other = others.find(({ row }) => row.id === copy?.replica);
    if (copy !== undefined && other !== undefined) {
      const address = localAddress(`${addressOf(agent.state, other.replica).name}/${host}${dataDirectory}`);
      return { address, fromCopy: true, replica: other.row.id, mustBe: copy.digest };
    }
    const origin = hosts.find(({ name }) => name === host);
    return { address: originAddressOf(agent.state, origin, dataDirectory), fromCopy: false };
  };
}
