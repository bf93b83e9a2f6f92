"""Serves disks as files through FUSE, and records every write and every flush of them in one order.

recorder.py MOUNT LOG IMAGE...: MOUNT/0, MOUNT/1, ... are the images; a loop device over such a file sends each flush of its file system as an fsync. What is written to
MOUNT/mark is a mark in the log. A record of the log: kind (0 write, 1 flush, 2 mark), disk, offset, length; then so many bytes. It speaks the kernel's own protocol
(linux/fuse.h, version 7.31): one thread answers one request after the other, so that the order in the log is the order in which a disk would have seen it.
"""
import ctypes, errno, os, struct, sys

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT = 1, 2, 3, 4, 14, 15, 16, 17, 18, 20, 25, 26
OPENDIR, RELEASEDIR, INTERRUPT, DESTROY, BATCH_FORGET = 27, 29, 36, 38, 42
SILENT = (FORGET, INTERRUPT, BATCH_FORGET)
WRITTEN, FLUSHED, MARKED = 0, 1, 2
MARK = "mark"
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
MOST_BYTES = 1 << 20
ROOT = 1
FOR_EVER = 1 << 30

mount, log_path, *images = sys.argv[1:]
log = open(log_path, "wb", buffering=0)
disks = [os.open(image, os.O_RDWR) for image in images]
sizes = [os.fstat(disk).st_size for disk in disks]
# Node 1 is the root, then the disks, then the file of the marks.
names = [str(number) for number in range(len(disks))] + [MARK]


def record(kind, disk, offset, data):
    os.writev(log.fileno(), [struct.pack("<BBxxxxxxQQ", kind, disk, offset, len(data)), data])


def attributes(node):
    directory = node == ROOT
    size = 0 if directory or node - 2 >= len(disks) else sizes[node - 2]
    mode = 0o40755 if directory else 0o100600
    return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer_lookup(node, body):
    name = body.rstrip(b"\0").decode()
    if name not in names: raise OSError(errno.ENOENT, name)
    found = names.index(name) + 2
    return struct.pack("<4QII", found, 0, FOR_EVER, FOR_EVER, 0, 0) + attributes(found)


def answer_attributes(node, body):
    return struct.pack("<QII", FOR_EVER, 0, 0) + attributes(node)


def answer_open(node, body):
    return struct.pack("<QII", 0, 0, 0)


def answer_read(node, body):
    offset, length = struct.unpack_from("<QI", body, 8)
    return os.pread(disks[node - 2], length, offset) if node - 2 < len(disks) else b""


def answer_write(node, body):
    offset, length = struct.unpack_from("<QI", body, 8)
    data = body[40 : 40 + length]
    disk = node - 2
    if disk < len(disks):
        os.pwrite(disks[disk], data, offset)
        record(WRITTEN, disk, offset, data)
    else:
        record(MARKED, 0, 0, data)
    return struct.pack("<II", length, 0)


def answer_fsync(node, body):
    if node - 2 < len(disks): record(FLUSHED, node - 2, 0, b"")
    return b""


def answer_init(node, body):
    return struct.pack("<4I2H2I2H8I", 7, 31, MOST_BYTES, BIG_WRITES | MAX_PAGES, 16, 12, MOST_BYTES, 1, MOST_BYTES // 4096, 0, *[0] * 8)


def answer_statfs(node, body):
    return struct.pack("<5Q4I6I", 0, 0, 0, 0, 0, 4096, 255, 4096, 0, *[0] * 6)


def nothing(node, body):
    return b""


ANSWERS = {
    LOOKUP: answer_lookup, GETATTR: answer_attributes, SETATTR: answer_attributes, OPEN: answer_open, OPENDIR: answer_open, READ: answer_read,
    WRITE: answer_write, FSYNC: answer_fsync, INIT: answer_init, STATFS: answer_statfs, FLUSH: nothing, RELEASE: nothing, RELEASEDIR: nothing,
    DESTROY: nothing,
}


def reply(device, unique, error, data):
    try:
        os.writev(device, [struct.pack("<IiQ", 16 + len(data), -error, unique), data])
    except FileNotFoundError:
        pass  # Whoever asked was interrupted meanwhile.


def serve(device):
    while True:
        try:
            request = os.read(device, MOST_BYTES + 65536)
        except OSError as error:
            if error.errno == errno.ENODEV: return  # Unmounted.
            if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT): continue
            raise
        _, operation, unique, node = struct.unpack_from("<IIQQ", request)
        if operation in SILENT: continue
        answer = ANSWERS.get(operation)
        # ENOSYS tells the kernel not to ask again; a loop device then writes zeros where it would have punched a hole.
        if answer is None: reply(device, unique, errno.ENOSYS, b"")
        else:
            try:
                data = answer(node, request[40:])
            except OSError as error:
                reply(device, unique, error.errno or errno.EIO, b"")
            else:
                reply(device, unique, 0, data)


device = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
if libc.mount(b"recorder", mount.encode(), b"fuse.recorder", 0, options.encode()) != 0:
    sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
serve(device)
