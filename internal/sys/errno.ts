/** What the kernel said, and what it means in words (errno(3); the numbers are those of Linux on x86-64 and arm64). */
export interface SysError {
  readonly kind: "sys";
  /** The call that failed, such as "openat". */
  readonly call: string;
  readonly errno: number;
  /** Such as "ENOENT"; "E<number>" for one without a name here. */
  readonly code: string;
}

const TABLE: Readonly<Record<number, readonly [code: string, text: string]>> = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such file or directory"],
  4: ["EINTR", "interrupted"],
  5: ["EIO", "input/output error"],
  6: ["ENXIO", "no such device or address"],
  9: ["EBADF", "bad file descriptor"],
  11: ["EAGAIN", "held by another process"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "permission denied"],
  14: ["EFAULT", "bad address"],
  16: ["EBUSY", "busy"],
  17: ["EEXIST", "it exists already"],
  18: ["EXDEV", "it lies beyond the root, or on another file system"],
  19: ["ENODEV", "no such device"],
  20: ["ENOTDIR", "not a directory"],
  21: ["EISDIR", "it is a directory"],
  22: ["EINVAL", "not possible here"],
  23: ["ENFILE", "too many open files in the system"],
  24: ["EMFILE", "too many open files"],
  26: ["ETXTBSY", "text file busy"],
  27: ["EFBIG", "file too large"],
  28: ["ENOSPC", "no space left on device"],
  29: ["ESPIPE", "illegal seek"],
  30: ["EROFS", "read-only file system"],
  31: ["EMLINK", "too many links"],
  36: ["ENAMETOOLONG", "name too long"],
  38: ["ENOSYS", "the system has no such call"],
  39: ["ENOTEMPTY", "directory not empty"],
  40: ["ELOOP", "a symbolic link is in the way"],
  61: ["ENODATA", "no data"],
  74: ["EBADMSG", "bad message: data on disk are damaged"],
  75: ["EOVERFLOW", "value too large"],
  84: ["EILSEQ", "the file system does not allow this name"],
  90: ["EMSGSIZE", "message too long"],
  95: ["EOPNOTSUPP", "not supported"],
  97: ["EAFNOSUPPORT", "this kind of address is not supported"],
  103: ["ECONNABORTED", "connection aborted"],
  104: ["ECONNRESET", "connection reset"],
  107: ["ENOTCONN", "not connected"],
  108: ["ESHUTDOWN", "shut down"],
  110: ["ETIMEDOUT", "timed out"],
  111: ["ECONNREFUSED", "nobody listens there"],
  112: ["EHOSTDOWN", "the host is down"],
  113: ["EHOSTUNREACH", "the host cannot be reached"],
  116: ["ESTALE", "stale file handle"],
  117: ["EUCLEAN", "the file system needs repair"],
  121: ["EREMOTEIO", "remote input/output error"],
  122: ["EDQUOT", "disk quota exceeded"],
};

const TEXTS = new Map(Object.values(TABLE));

export const sysError = (call: string, errno: number): SysError => ({
  kind: "sys",
  call,
  errno,
  code: TABLE[errno]?.[0] ?? `E${errno}`,
});

/** A few plain words for a code; the code itself when there are none. */
export const errnoText = (code: string): string => TEXTS.get(code) ?? code;
