"""
A disk with the manners of vfat: names that differ only in case are one name, which keeps the spelling it was made with; modification times are whole, even
seconds; nothing has an owner or a mode; there are no links; some characters are not allowed. Arguments: mount point, folder behind it, bytes that fit.
"""
import errno, os, stat, sys
from fusepy import FUSE, FuseOSError, Operations

MOUNT, BEHIND, SIZE = sys.argv[1], sys.argv[2], int(sys.argv[3])
BLOCK = 4096
LARGEST = 2**32 - 1


def is_allowed(name):
    return not any(c in '"*:<>?|\\' or ord(c) < 32 for c in name) and name[-1:] not in (".", " ")


def real(path):
    """Where it is behind: as it was spelled when it was made."""
    whole = BEHIND
    for name in [part for part in path.split("/") if part]:
        if not os.path.lexists(os.path.join(whole, name)):
            try: found = next((one for one in os.listdir(whole) if one.casefold() == name.casefold()), name)
            except OSError: found = name
            name = found
        whole = os.path.join(whole, name)
    return whole


def new(path):
    if not is_allowed(os.path.basename(path)): raise FuseOSError(errno.EINVAL)
    return real(path)


def used():
    blocks = 0
    for folder, _, names in os.walk(BEHIND):
        blocks += 1 + sum(-(-os.lstat(os.path.join(folder, name)).st_size // BLOCK) for name in names)
    return blocks


class Vfat(Operations):
    def __call__(self, operation, path, *rest):
        try: return getattr(self, operation)(path, *rest)
        except AttributeError: raise FuseOSError(errno.ENOSYS)
        except OSError as error: raise FuseOSError(error.errno or errno.EIO)

    def init(self, path): self.free = SIZE // BLOCK - used()
    def destroy(self, path): return None
    def access(self, path, mode): return 0
    def getattr(self, path, handle=None):
        found = os.lstat(real(path))
        names = ("st_atime", "st_ctime", "st_ino", "st_nlink", "st_size", "st_blocks")
        kind = stat.S_IFDIR if stat.S_ISDIR(found.st_mode) else stat.S_IFREG
        return {**{name: getattr(found, name) for name in names}, "st_mtime": int(found.st_mtime) // 2 * 2, "st_mode": kind | 0o755, "st_uid": 0, "st_gid": 0}

    def readdir(self, path, handle): return [".", "..", *os.listdir(real(path))]
    def statfs(self, path):
        return dict(f_bsize=BLOCK, f_frsize=BLOCK, f_blocks=SIZE // BLOCK, f_bfree=self.free, f_bavail=self.free, f_files=0, f_ffree=0, f_favail=0, f_namemax=255)

    def take(self, old, size):
        if size > LARGEST: raise FuseOSError(errno.EFBIG)
        blocks = -(-size // BLOCK) - -(-old // BLOCK)
        if blocks > self.free: raise FuseOSError(errno.ENOSPC)
        self.free -= blocks

    def open(self, path, flags): return os.open(real(path), os.O_RDONLY if flags & os.O_ACCMODE == os.O_RDONLY else os.O_RDWR)
    def create(self, path, mode, info=None):
        if self.free <= 0: raise FuseOSError(errno.ENOSPC)
        return os.open(new(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)

    def read(self, path, length, offset, handle): return os.pread(handle, length, offset)
    def write(self, path, data, offset, handle):
        size = os.fstat(handle).st_size
        self.take(size, max(size, offset + len(data)))
        return os.pwrite(handle, data, offset)

    def truncate(self, path, length, handle=None):
        whole = real(path)
        self.take(os.lstat(whole).st_size, length)
        os.truncate(whole, length)

    def flush(self, path, handle): return 0
    def fsync(self, path, datasync, handle): os.fsync(handle)
    def fsyncdir(self, path, datasync, handle): return 0
    def release(self, path, handle): os.close(handle)
    def mkdir(self, path, mode):
        self.take(0, BLOCK)
        os.mkdir(new(path))

    def rmdir(self, path):
        os.rmdir(real(path))
        self.free += 1

    def unlink(self, path):
        whole = real(path)
        self.free += -(-os.lstat(whole).st_size // BLOCK)
        os.unlink(whole)

    def rename(self, old, to):
        source, target = real(old), new(to)
        if source != target and os.path.lexists(target): self.free += -(-os.lstat(target).st_size // BLOCK)
        os.rename(source, target)

    def link(self, to, old): raise FuseOSError(errno.EPERM)
    def symlink(self, to, old): raise FuseOSError(errno.EPERM)
    def chmod(self, path, mode): return 0
    def chown(self, path, uid, gid): raise FuseOSError(errno.EPERM)
    def utimens(self, path, times=None): os.utime(real(path), times)


FUSE(Vfat(), MOUNT, foreground=True, nothreads=True, attr_timeout=0, entry_timeout=0, use_ino=True)
