/** The desired state: what the operator declared, parsed and checked once. Nothing behind this layer doubts it. */
import type { ImportLayoutName, Rewrite } from "./import-rules.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** The configured name of an origin host: a single path component. */
export type HostName = Branded<"HostName">;
/** An absolute path with no ".", "..", doubled or trailing slash. */
export type AbsolutePath = Branded<"AbsolutePath">;
/** A replica's identity: its normalised path or ssh URL. */
export type ReplicaUrl = Branded<"ReplicaUrl">;

export interface DesiredState {
  /** SHA-256 over everything below that decides what is done: another hash is another generation. */
  readonly hash: string;
  readonly file: string;
  readonly hostname: HostName;
  readonly database: string;
  readonly statusFile: string;
  /** 0..19: as nice(1) counts; 0 leaves it as it is. */
  readonly nice: number;
  readonly ioPriority: IoPriority;
  /** A worker that makes no progress for this long is given up and replaced. */
  readonly stallTimeoutMilliseconds: number;
  /** A replica gets a copy of the inventory at most this often; 0: never. */
  readonly inventoryCopyEveryMilliseconds: number;
  readonly status: StatusSettings;
  readonly scan: ScanSettings;
  readonly verify: VerifySettings;
  readonly hosts: readonly Host[];
  readonly replicas: readonly Replica[];
}

export type IoPriority = "normal" | "low" | "idle";

/** Where the status endpoint listens. What other machines reach is here only because the operator allowed it. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: AbsolutePath };

export interface StatusSettings {
  /** Undefined: there is no endpoint. */
  readonly listen: ListenAddress | undefined;
}

export interface ScanSettings {
  readonly intervalMilliseconds: number;
  readonly settleMilliseconds: number;
  readonly maxWaitMilliseconds: number;
  readonly watch: boolean;
  readonly exclude: readonly string[];
  /** Directories that are listed at a time; 0 adapts to the disk and the processors. */
  readonly workers: number;
  /** Share 0..1 of a data directory that may vanish in one scan. */
  readonly maxLoss: number;
  /** A tree with more files and directories has no end. */
  readonly maxEntries: number;
}

export interface VerifySettings {
  /** Each copy is read back within this time; 0 promises nothing. */
  readonly everyMilliseconds: number;
  /** Bytes a second that reading back at one replica may take; 0 is no limit. */
  readonly bandwidthBytes: number;
}

export interface Host {
  readonly name: HostName;
  readonly aliases: readonly HostName[];
  readonly dataDirectories: readonly AbsolutePath[];
  /** Where this agent reaches it, when it is to scan it from here. */
  readonly address?: { readonly user?: string; readonly host: string; readonly port?: number };
  readonly ssh: SshSettings;
}

export interface SshSettings {
  /** ssh connections at a time for each worker; 0 adapts to the work. */
  readonly connections: number;
  /** As in ssh_config(5). */
  readonly sshOptions: readonly string[];
  /** How long a far end may be silent while it owes an answer. */
  readonly timeoutMilliseconds: number;
}

export type ReplicaTarget =
  | { readonly kind: "local"; readonly root: AbsolutePath }
  | { readonly kind: "ssh"; readonly user?: string; readonly host: string; readonly port?: number; readonly path: string };

export interface Replica {
  readonly id: ReplicaUrl;
  /** The key as it stands in the configuration. */
  readonly written: string;
  readonly target: ReplicaTarget;
  /** What is there already is imported at first sight. */
  readonly importOrigins: boolean;
  /** How it is laid out: by one of the known layouts, and the operator's own rules, which go first. */
  readonly importLayout: ImportLayoutName;
  readonly importRewrites: readonly Rewrite[];
  /** Bytes that are to stay free. */
  readonly reserveBytes: number;
  /** Bytes a second that copying may take; 0 is no limit. */
  readonly bandwidthBytes: number;
  /** Groups that are copied at a time; 0 adapts to the disk and the processors. */
  readonly workers: number;
  readonly ssh: SshSettings;
}

/** What a replica has that is declared by its key alone; a test compares it with the schema. */
export const REPLICA_DEFAULTS = {
  importLayout: "hostname",
  importRewrites: [],
  reserveBytes: 0,
  bandwidthBytes: 0,
  workers: 0,
  ssh: { connections: 0, sshOptions: [], timeoutMilliseconds: 60_000 },
} as const satisfies Partial<Replica>;
