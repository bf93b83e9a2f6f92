/** What can go wrong with a tree of files, told apart by what it means and not by the call that said it. */
import { errnoText, printable, type SysError } from "../sys/mod.ts";

const REASONS = {
  "not-found": ["ENOENT"],
  exists: ["EEXIST", "ENOTEMPTY"],
  "not-a-directory": ["ENOTDIR"],
  "is-a-directory": ["EISDIR"],
  "is-a-symlink": ["ELOOP", "EXDEV"],
  "not-a-regular-file": [],
  denied: ["EACCES", "EPERM"],
  "no-space": ["ENOSPC", "EDQUOT"],
  "read-only": ["EROFS"],
  "name-too-long": ["ENAMETOOLONG"],
  "name-not-allowed": ["EINVAL", "EILSEQ"],
  "too-many-open-files": ["EMFILE", "ENFILE"],
  // ENOSPC, but of inotify_add_watch(2): no disk is full.
  "too-many-watches": [],
  unavailable: [
    "ESTALE",
    "ENODEV",
    "ENXIO",
    "ENOTCONN",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "ETIMEDOUT",
    "ECONNRESET",
    "ECONNABORTED",
    "ESHUTDOWN",
  ],
  "input-output": ["EIO", "EUCLEAN", "EBADMSG", "EREMOTEIO"],
  unsupported: ["EOPNOTSUPP", "ENOSYS"],
  "too-large": ["EFBIG", "EOVERFLOW"],
  // Another file system than the root's, which neither the guards nor a flush of the root reach.
  "mounted-below": [],
  // A listing that goes on and on.
  endless: [],
  // The way to another host. Each is the whole volume's, never one file's.
  "host-unreachable": [],
  "host-key-unknown": [],
  "host-key-changed": [],
  "login-refused": [],
  "sftp-missing": [],
  "connection-lost": [],
  "no-progress": [],
  "protocol-broken": [],
  other: [],
} as const satisfies Record<string, readonly string[]>;

export type VolumeErrorReason = keyof typeof REASONS;

export interface VolumeError {
  readonly kind: "volume";
  readonly reason: VolumeErrorReason;
  /** What was being done: "open", "list", "write", ... */
  readonly operation: string;
  /** The whole path, as a person would write it. */
  readonly path: string;
  /** The system's own code, such as ENOSPC; empty when the error is not the system's. */
  readonly code: string;
  /** What a far end or ssh said, in its own words. */
  readonly words?: string;
}

const TRANSPORT_REASONS = [
  "host-unreachable",
  "host-key-unknown",
  "host-key-changed",
  "login-refused",
  "sftp-missing",
  "connection-lost",
  "no-progress",
  "protocol-broken",
] as const satisfies readonly VolumeErrorReason[];

export type TransportReason = (typeof TRANSPORT_REASONS)[number];

/** Is it the way to the volume that failed, and not the volume? */
export const isTransportReason = (reason: string): reason is TransportReason => TRANSPORT_REASONS.some((one) => one === reason);

const reasonByCode = new Map<string, VolumeErrorReason>(
  // Object.entries forgets the literal keys it is given.
  (Object.entries(REASONS) as [VolumeErrorReason, readonly string[]][]).flatMap(([reason, codes]) =>
    codes.map((code) => [code, reason] as const),
  ),
);

export const volumeError = (operation: string, path: string, error: SysError): VolumeError => ({
  kind: "volume",
  reason: reasonByCode.get(error.code) ?? "other",
  operation,
  path,
  code: error.code,
});

/** "write /mnt/backup/x: no space left on device (ENOSPC)". The remedy is the caller's, who knows what the path is for. */
export function volumeErrorMessage(error: VolumeError): string {
  const words = error.words === undefined || error.words === "" ? "" : ` (${printable(error.words)})`;
  const what = error.code === "" ? `${error.reason.replaceAll("-", " ")}${words}` : `${errnoText(error.code)} (${error.code})`;
  return `${error.operation} ${printable(error.path)}: ${what}`;
}
