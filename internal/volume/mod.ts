/**
 * Volumes: one interface to a tree of files, and the kinds of it (local, sftp; s3 later).
 *
 * Promises: never follows a symbolic link below the root and never leaves the root; tells "it is not there" apart from "it cannot be asked"; ok from
 * `flush` and `sync` means stable storage. The same contract tests run over every kind.
 * Never: decides what to copy, or gives a file its final name other than by `publish`.
 */

export { MOST_ROOT_FILE_BYTES, type RootFileError } from "./_root-file.ts";
export * from "./address.ts";
export * from "./create-anew.ts";
export * from "./generation.ts";
export { openLocalVolume } from "./local/local-volume.ts";
export * from "./marker.ts";
export * from "./own-folders.ts";
export * from "./publish-own.ts";
export * from "./read-up-to.ts";
export { closeAllConnections } from "./sftp/sftp-connection.ts";
export { closeIdleConnections } from "./sftp/sftp-link.ts";
export { durableBytes } from "./sftp/sftp-temporary-file.ts";
export type { SshAddress } from "./sftp/ssh-address.ts";
export * from "./temporary-name.ts";
export * from "./volume.ts";
export * from "./volume-error.ts";
export * from "./writer-claim.ts";
