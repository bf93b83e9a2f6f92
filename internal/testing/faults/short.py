"""A file system whose reads and writes transfer less than they were asked to, as read(2) and write(2) allow. Arguments: mount point, folder behind it, seed."""
import errno, os, random, sys
from fusepy import FUSE, FuseOSError, Operations

MOUNT, BEHIND, SEED = sys.argv[1], sys.argv[2], int(sys.argv[3])
chance = random.Random(SEED)


def fewer(length):
    """At least a byte, or nothing would ever be transferred; half of the time all of it."""
    return length if length <= 1 or chance.random() < 0.5 else chance.randint(1, length)


class Short(Operations):
    def __call__(self, operation, path, *rest):
        try:
            return getattr(self, operation)(BEHIND + path, *rest)
        except AttributeError:
            raise FuseOSError(errno.ENOSYS)
        except OSError as error:
            raise FuseOSError(error.errno or errno.EIO)

    def init(self, path): return None
    def destroy(self, path): return None
    def access(self, path, mode): return 0
    def getattr(self, path, handle=None):
        stat = os.lstat(path)
        names = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid", "st_blocks")
        return {name: getattr(stat, name) for name in names}

    def readdir(self, path, handle): return [".", "..", *os.listdir(path)]
    def statfs(self, path):
        space = os.statvfs(path)
        return {name: getattr(space, name) for name in ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_frsize", "f_namemax")}

    def open(self, path, flags): return os.open(path, flags & ~os.O_CREAT & ~os.O_DIRECT)
    def create(self, path, mode, info=None): return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    def read(self, path, length, offset, handle): return os.pread(handle, fewer(length), offset)
    def write(self, path, data, offset, handle): return os.pwrite(handle, data[: fewer(len(data))], offset)
    def truncate(self, path, length, handle=None): os.truncate(path, length)
    def flush(self, path, handle): return 0
    def fsync(self, path, datasync, handle): os.fsync(handle)
    def fsyncdir(self, path, datasync, handle): return 0
    def release(self, path, handle): os.close(handle)
    def mkdir(self, path, mode): os.mkdir(path, mode)
    def rmdir(self, path): os.rmdir(path)
    def unlink(self, path): os.unlink(path)
    def rename(self, old, new): os.rename(old, BEHIND + new)
    def link(self, new, old): os.link(BEHIND + old, new)
    def chmod(self, path, mode): os.chmod(path, mode)
    def chown(self, path, uid, gid): os.chown(path, uid, gid)
    def utimens(self, path, times=None): os.utime(path, times)


FUSE(Short(), MOUNT, foreground=True, nothreads=True, direct_io=True, attr_timeout=0, entry_timeout=0)
