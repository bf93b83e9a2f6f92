/** Where the declared replicas and origin hosts are, as the volumes want to know it. */
import type { DesiredState, Host, Replica, SshSettings } from "../config/mod.ts";
import type { DeclaredDataDirectory } from "../inventory/mod.ts";
import { localAddress, type SshAddress, type VolumeAddress } from "../volume/mod.ts";

/** Connections to one far end: more of them share a processor here and there without being faster. */
const CONNECTIONS = 4;

type Place = Pick<SshAddress, "host" | "user" | "port" | "path" | "name">;

const sshAddress = (
  place: Place,
  { connections, sshOptions, timeoutMilliseconds }: SshSettings,
  mostEntries: number,
): SshAddress => ({
  kind: "ssh",
  ...place,
  options: sshOptions,
  connections: connections || CONNECTIONS,
  timeoutMilliseconds,
  mostEntries,
});

export const addressOf = ({ scan }: DesiredState, { id, target, ssh }: Replica): VolumeAddress =>
  target.kind === "local" ? localAddress(target.root) : sshAddress({ ...target, name: id }, ssh, scan.maxEntries);

/** Where this agent looks into a data directory of a host: here, unless the host has an address. */
export function originAddressOf({ hostname, scan }: DesiredState, host: Host | undefined, dataDirectory: string): VolumeAddress {
  if (host?.address === undefined || host.name === hostname) return localAddress(dataDirectory);
  const place = { ...host.address, path: dataDirectory, name: `ssh://${host.address.host}/${dataDirectory}` };
  return sshAddress(place, host.ssh, scan.maxEntries);
}

/** The same for a data directory of any host. */
export const addressOfDataDirectory = (
  state: DesiredState,
  { hostName, path }: Pick<DeclaredDataDirectory, "hostName" | "path">,
): VolumeAddress =>
  originAddressOf(
    state,
    state.hosts.find(({ name }) => name === hostName),
    path,
  );

/** A folder below a volume's root, as a volume of its own. */
export function addressBelow(address: VolumeAddress, path: string): VolumeAddress {
  const whole = (root: string): string => (path === "" ? root : `${root.replace(/\/$/, "")}/${path}`);
  if (address.kind === "local") return { ...address, name: whole(address.name) };
  return { ...address, name: whole(address.name), path: address.path === "" ? path : whole(address.path) };
}
