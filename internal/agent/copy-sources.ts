/**
 * Where the files of a group are read from. This host's own: from their data directory. Another host's: from a copy on this machine where one is current and
 * has not failed before, because that way is shorter; else from their host. What is to be repaired: from another replica, where its origin cannot give it now.
 */
import { type CurrentCopy, currentCopies, type FileOriginId, type PendingFile, type ReplicaId } from "../inventory/mod.ts";
import { localAddress } from "../volume/mod.ts";
import type { Agent } from "./agent.ts";
import type { FileSource, PackedResult } from "./copy-messages.ts";
import type { HostsAway } from "./hosts-away.ts";
import { isRepair, repairSources } from "./repair-sources.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import { addressOf, originAddressOf } from "./volume-address.ts";

export interface Sources {
  /** Undefined: its data directory on this machine. */
  readonly of: (file: PendingFile) => FileSource | undefined;
  /** Is there anything now that can give it? */
  readonly has: (file: PendingFile) => boolean;
}

/** `ready`: replicas that are there. `target`: the replica that is copied to. `isLeftAlone`: its origin is not to be asked now. */
export function sourcesOf(
  agent: Agent,
  files: readonly PendingFile[],
  target: ReplicaId,
  ready: readonly CheckedReplica[],
  isLeftAlone: (file: PendingFile) => boolean,
): Sources {
  const elsewhere = files.filter((file) => isRepair(file) || (file.mustBe !== undefined && isLeftAlone(file)));
  const repairs = repairSources(agent, elsewhere, target, ready);
  const usual = usualSources(agent, files, target, ready);
  return {
    of: (file) => repairs.get(file.id) ?? usual(file),
    has: (file) => repairs.has(file.id) || (!isRepair(file) && (!isLeftAlone(file) || usual(file)?.fromCopy === true)),
  };
}

function usualSources(
  agent: Agent,
  files: readonly PendingFile[],
  target: ReplicaId,
  ready: readonly CheckedReplica[],
): Sources["of"] {
  const { hosts, hostname } = agent.state;
  const remote = files.filter(({ directory }) => directory.host !== hostname);
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

/** What a group has shown of the hosts that it was to come from. `begun`: when it was asked for, by the clock that never jumps. */
export function tellHosts(
  hosts: HostsAway,
  group: readonly PendingFile[],
  sources: Sources,
  { copied, others }: PackedResult,
  begun: number,
): void {
  const gave = new Map<string, boolean>();
  const tell = (position: number, isGiven: boolean): void => {
    const file = group[position];
    if (file === undefined || sources.of(file)?.fromCopy !== false) return;
    const { host } = file.directory;
    gave.set(host, isGiven && gave.get(host) !== false);
  };
  for (const position of copied) tell(position, true);
  for (const [position, outcome] of others) {
    if (outcome.kind === "stored") tell(position, true);
    else if (outcome.reason === "OriginUnreachable") tell(position, false);
  }
  for (const [host, isGiven] of gave) {
    if (isGiven) hosts.served(host);
    else hosts.lost(host, begun, true);
  }
}
