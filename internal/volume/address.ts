/** Where a volume is, as plain data that can be handed to another thread; and the way to open it. */
import type { Result } from "neverthrow";
import { openLocalVolume } from "./local/local-volume.ts";
import { openSftpVolume } from "./sftp/sftp-volume.ts";
import type { SshAddress } from "./sftp/ssh-address.ts";
import type { Eventually, Volume } from "./volume.ts";
import type { VolumeError } from "./volume-error.ts";

export interface LocalAddress {
  readonly kind: "local";
  /** What a person calls it: its path. */
  readonly name: string;
}

export type VolumeAddress = LocalAddress | SshAddress;

export const localAddress = (root: string): LocalAddress => ({ kind: "local", name: root });

/** Opens the root of a volume. Never makes it. */
export const openVolume = (address: VolumeAddress): Eventually<Result<Volume, VolumeError>> =>
  address.kind === "local" ? openLocalVolume(address.name) : openSftpVolume(address);
