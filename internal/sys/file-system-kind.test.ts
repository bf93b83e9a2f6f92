/** Which file systems change behind this machine's back. FUSE is asked of the real kernel: a few lines of python are the file system. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { command, mountImage, mountMemory, Scratch, wholeTest } from "../testing/mod.ts";
import * as sys from "./mod.ts";

test("what only this machine changes has no name", () => {
  using scratch = new Scratch();
  for (const path of [scratch.folder, "/", "/proc", "/tmp"]) {
    const root = sys.openRootDirectory(path)._unsafeUnwrap();
    const name = sys.changesElsewhere(root);
    if (path !== "/" && path !== "/tmp") expect(name).toBeUndefined();
    // What nobody else changes, this kernel flushes.
    if (name === undefined) expect(sys.syncsWhole(root)).toBe(true);
    sys.close(root);
  }
});

wholeTest("where free space shows what is written at once it does, also for what is set aside", ["loop", "xfs"], () => {
  using scratch = new Scratch();
  mountMemory(scratch.path("tmpfs"));
  for (const kind of ["ext4", "xfs"] as const) mountImage(scratch.path(kind), kind);
  for (const name of ["tmpfs", "ext4", "xfs"]) {
    const root = sys.openRootDirectory(scratch.path(name))._unsafeUnwrap();
    expect(sys.showsSpaceAtOnce(root)).toBe(true);
    const free = (): number => sys.space(root)._unsafeUnwrap().freeBytes;
    const before = free();
    writeFileSync(scratch.path(name, "written"), new Uint8Array(5_000_000));
    const between = free();
    command("fallocate", "-l", "5000000", scratch.path(name, "set aside"));
    expect([name, before - between >= 5_000_000, between - free() >= 5_000_000]).toEqual([name, true, true]);
    sys.close(root);
  }
  const other = sys.openRootDirectory("/proc")._unsafeUnwrap();
  expect(sys.showsSpaceAtOnce(other)).toBe(false);
  sys.close(other);
});

/** Answers INIT, GETATTR, OPEN, OPENDIR and STATFS of a file system whose root is a directory with the file "file". */
const FUSE = `
import ctypes, os, struct, sys
fd = os.open('/dev/fuse', os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = b'fd=%d,rootmode=40000,user_id=0,group_id=0' % fd
if libc.mount(b'test', sys.argv[1].encode(), b'fuse', 0, options): sys.exit(os.strerror(ctypes.get_errno()))
def attr(node):
    mode = 0o40755 if node == 1 else 0o100644
    return struct.pack('<QQQQQQIIIIIIIIII', node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)
print('mounted', flush=True)
while True:
    try: message = os.read(fd, 1 << 20)
    except OSError: break
    length, opcode, unique, node = struct.unpack_from('<IIQQ', message)
    error, body = 0, b''
    if opcode == 26: body = struct.pack('<IIIIHHIIHHI7I', 7, 31, 65536, 0, 8, 4, 65536, 1, 0, 0, 0, *[0] * 7)
    elif opcode == 1: body = struct.pack('<QQQQII', 2, 1, 1, 1, 0, 0) + attr(2)
    elif opcode == 3: body = struct.pack('<QII', 1, 0, 0) + attr(node)
    elif opcode in (14, 27): body = struct.pack('<QII', 1, 0, 0)
    elif opcode == 17: body = struct.pack('<QQQQQIIII6I', 1, 1, 1, 1, 1, 512, 255, 512, 0, *[0] * 6)
    elif opcode in (2, 36, 42): continue
    elif opcode in (18, 25, 29): pass
    else: error = -38
    os.write(fd, struct.pack('<IiQ', 16 + len(body), error, unique) + body)
`;

wholeTest("what is behind FUSE has a name, and nobody knows who writes there", ["root", "namespaces"], async () => {
  using scratch = new Scratch();
  mkdirSync(scratch.path("mount"));
  writeFileSync(scratch.path("fuse.py"), FUSE);
  const fuse = Bun.spawn(["python3", scratch.path("fuse.py"), scratch.path("mount")], { stdout: "pipe", stderr: "pipe" });
  const { value } = await fuse.stdout.getReader().read();
  if (value === undefined) {
    console.log(`SKIPPED: a FUSE file system: ${await new Response(fuse.stderr).text()}`);
    return;
  }
  const root = sys.openRootDirectory(scratch.path("mount"))._unsafeUnwrap();
  expect(sys.changesElsewhere(root)).toBe("FUSE");
  expect(sys.syncsWhole(root)).toBe(false);
  const file = sys.openFileForReading(root, "file")._unsafeUnwrap();
  expect(sys.probeWriters(file)).toBe("unknown");
  sys.close(file);
  sys.close(root);
  Bun.spawnSync(["umount", "-l", scratch.path("mount")]);
  fuse.kill("SIGKILL");
  await fuse.exited;
});
