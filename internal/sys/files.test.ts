/** The system calls, held against what node's own calls and other programs say of the same files. */
import { describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { command, Scratch } from "../testing/mod.ts";
import * as sys from "./mod.ts";

/** The value, or the failure of the test. */
function must<Value>(result: { isOk(): boolean; _unsafeUnwrap(): Value; _unsafeUnwrapErr(): unknown }): Value {
  if (!result.isOk()) throw new Error(JSON.stringify(result._unsafeUnwrapErr()));
  return result._unsafeUnwrap();
}

const codeOf = (result: { _unsafeUnwrapErr(): sys.SysError }): string => result._unsafeUnwrapErr().code;

function withRoot(action: (root: sys.FileDescriptor, scratch: Scratch) => void): void {
  using scratch = new Scratch();
  const root = must(sys.openRootDirectory(scratch.folder));
  action(root, scratch);
  sys.close(root);
}

const found = (directory: sys.FileDescriptor): Map<string, string> => {
  const names = new Map<string, string>();
  const note = (kind: string) => (name: string) => {
    names.set(name, kind);
  };
  // Opened anew: a listing goes on where the one before it ended.
  const opened = must(sys.openDirectoryBelow(directory, ""));
  must(
    sys.readEntries(opened, {
      file: (name, size, seconds, nanoseconds) => names.set(name, `file ${size} ${seconds}.${nanoseconds}`),
      directory: note("directory"),
      symlink: note("symlink"),
      special: note("special"),
      unreadable: note("unreadable"),
    }),
  );
  sys.close(opened);
  return names;
};

describe("stat", () => {
  test("says what lstat says, for every kind", () => {
    withRoot((root, scratch) => {
      writeFileSync(scratch.path("file"), "12345", { mode: 0o640 });
      mkdirSync(scratch.path("directory"), { mode: 0o2750 });
      symlinkSync("nowhere", scratch.path("link"));
      command("mkfifo", scratch.path("pipe"));
      command("touch", "-d", "1965-03-04T05:06:07.123456789Z", scratch.path("file"));
      for (const [name, kind] of [
        ["file", "file"],
        ["directory", "directory"],
        ["link", "symlink"],
        ["pipe", "other"],
      ] as const) {
        const stat = must(sys.statEntry(root, name));
        const wanted = lstatSync(scratch.path(name), { bigint: true });
        expect(stat.kind).toBe(kind);
        expect(BigInt(stat.mtimeSeconds) * 1_000_000_000n + BigInt(stat.mtimeNanoseconds)).toBe(wanted.mtimeNs);
        expect(BigInt(stat.ctimeSeconds) * 1_000_000_000n + BigInt(stat.ctimeNanoseconds)).toBe(wanted.ctimeNs);
        expect([stat.size, stat.blocks, stat.mode, stat.uid, stat.gid, stat.inode].map(BigInt)).toEqual([
          wanted.size,
          wanted.blocks,
          wanted.mode & 0o7777n,
          wanted.uid,
          wanted.gid,
          wanted.ino,
        ]);
      }
      expect(codeOf(sys.statEntry(root, "none"))).toBe("ENOENT");
      expect(codeOf(sys.statEntry(root, "file/x"))).toBe("ENOTDIR");
      expect(codeOf(sys.statEntry(root, "a\0b"))).toBe("EINVAL");
    });
  });

  test("modification times are set and read to the nanosecond, before 1970 and beyond 2106", () => {
    withRoot((root, scratch) => {
      const file = must(sys.createExclusive(root, "x", 0o600));
      fc.assert(
        // 34 bits of seconds from 1901 on: what ext4 and its like can hold.
        fc.property(
          fc.integer({ min: -(2 ** 31), max: 2 ** 33 }),
          fc.integer({ min: 0, max: 999_999_999 }),
          (seconds, nanoseconds) => {
            must(sys.setModificationTime(file, seconds, nanoseconds));
            const stat = must(sys.statDescriptor(file));
            expect([stat.mtimeSeconds, stat.mtimeNanoseconds]).toEqual([seconds, nanoseconds]);
          },
        ),
        { numRuns: 200 },
      );
      sys.close(file);
      expect(lstatSync(scratch.path("x")).isFile()).toBe(true);
    });
  });
});

describe("names and directories", () => {
  test("any name that the file system takes is made, listed, renamed and removed as it is", () => {
    withRoot((root) => {
      const bytes = fc
        .uint8Array({ minLength: 1, maxLength: 255 })
        .map((raw) => raw.map((byte) => (byte === 0x2f || byte === 0 ? 0x2e : byte)))
        .filter((raw) => !(raw.every((byte) => byte === 0x2e) && raw.length < 3));
      fc.assert(
        fc.property(bytes, (raw) => {
          const name = sys.textOfBytes(raw);
          sys.close(must(sys.createExclusive(root, name, 0o600)));
          expect([...found(root).keys()]).toEqual([name]);
          expect(codeOf(sys.createExclusive(root, name, 0o600))).toBe("EEXIST");
          must(sys.rename(root, name, "other"));
          sys.close(must(sys.createExclusive(root, name, 0o600)));
          expect(codeOf(sys.renameNoReplace(root, name, "other"))).toBe("EEXIST");
          must(sys.removeFile(root, "other"));
          must(sys.renameNoReplace(root, name, "other"));
          must(sys.removeFile(root, "other"));
        }),
        { numRuns: 200 },
      );
    });
  });

  test("names that are too long or hold a NUL are refused, never cut off", () => {
    withRoot((root) => {
      expect(codeOf(sys.createExclusive(root, "x".repeat(256), 0o600))).toBe("ENAMETOOLONG");
      expect(codeOf(sys.createExclusive(root, "é".repeat(20_000), 0o600))).toBe("ENAMETOOLONG");
      expect(codeOf(sys.createExclusive(root, "a\0b", 0o600))).toBe("EINVAL");
      expect([...found(root)]).toEqual([]);
    });
  });

  test("a directory of many entries is listed whole, each entry once, with its kind", () => {
    withRoot((root, scratch) => {
      for (let index = 0; index < 9_000; index++) writeFileSync(scratch.path(`${"long name ".repeat(8)}${index}`), String(index));
      mkdirSync(scratch.path("directory"));
      symlinkSync("/etc", scratch.path("link"));
      command("mkfifo", scratch.path("pipe"));
      const names = found(root);
      expect(names.size).toBe(9_003);
      expect([names.get("directory"), names.get("link"), names.get("pipe")]).toEqual(["directory", "symlink", "special"]);
      expect(names.get(`${"long name ".repeat(8)}8999`)).toMatch(/^file 4 \d+\.\d+$/);
    });
  });

  test("a path below a root may be longer than the kernel takes at once", () => {
    withRoot((root, scratch) => {
      const name = "directory-of-forty-letters-xxxxxxxxxxxxxx";
      let open = root;
      const depth = 200;
      for (let level = 0; level < depth; level++) {
        must(sys.makeDirectory(open, name, 0o755));
        const next = must(sys.openDirectoryBelow(open, name));
        if (open !== root) sys.close(open);
        open = next;
      }
      sys.close(must(sys.createExclusive(open, "deep", 0o600)));
      sys.close(open);
      const whole = Array(depth).fill(name).join("/");
      expect(whole.length).toBeGreaterThan(4096);
      const again = must(sys.openDirectoryBelow(root, whole));
      expect([...found(again).keys()]).toEqual(["deep"]);
      sys.close(again);
      expect(codeOf(sys.openDirectoryBelow(root, `${whole}/none`))).toBe("ENOENT");
      command("find", scratch.folder, "-mindepth", "1", "-delete");
    });
  });

  test("no symbolic link is followed below a root, and no path leads out of it", () => {
    withRoot((root, scratch) => {
      mkdirSync(scratch.path("a/b"), { recursive: true });
      symlinkSync("b", scratch.path("a", "inside"));
      symlinkSync("/etc", scratch.path("a", "outside"));
      expect(codeOf(sys.openDirectoryBelow(root, "a/inside"))).toBe("ENOTDIR");
      expect(codeOf(sys.openDirectoryBelow(root, "a/outside"))).toBe("ENOTDIR");
      expect(codeOf(sys.openDirectoryBelow(root, "a/outside/ssl"))).toBe("ELOOP");
      expect(codeOf(sys.openDirectoryBelow(root, "a/../../.."))).toBe("EXDEV");
      expect(codeOf(sys.openFileForReading(root, "a/inside"))).toBe("ELOOP");
      sys.close(must(sys.openDirectoryBelow(root, "a/b")));
    });
  });

  test("opening a pipe does not wait for its other end", () => {
    withRoot((root, scratch) => {
      command("mkfifo", scratch.path("pipe"));
      const pipe = must(sys.openFileForReading(root, "pipe"));
      expect(must(sys.statDescriptor(pipe)).kind).toBe("other");
      sys.close(pipe);
    });
  });
});

describe("reading and writing", () => {
  test("what is written at a position is read there, and a hole stays one", () => {
    withRoot((root, scratch) => {
      const file = must(sys.createExclusive(root, "x", 0o600));
      const buffer = new sys.IoBuffer(8192);
      buffer.bytes.fill(7);
      const far = 5 * 2 ** 30;
      expect(must(sys.writeFrom(file, buffer, 100, 50, far))).toBe(50);
      must(sys.truncateTo(file, far + 1_000_000));
      sys.close(file);
      const read = must(sys.openFileForReading(root, "x"));
      buffer.bytes.fill(0);
      expect(must(sys.readInto(read, buffer, 60, far))).toBe(60);
      expect([...buffer.bytes.subarray(48, 52)]).toEqual([7, 7, 0, 0]);
      expect(must(sys.readInto(read, buffer, 10, far + 1_000_000))).toBe(0);
      const data = must(sys.nextData(read, 0));
      expect(data).toBeGreaterThan(far - 65_536);
      expect(must(sys.nextHole(read, data))).toBeGreaterThan(far);
      expect(codeOf(sys.nextData(read, far + 999_999))).toBe("ENXIO");
      expect(must(sys.statDescriptor(read)).size).toBe(far + 1_000_000);
      sys.close(read);
      expect(lstatSync(scratch.path("x")).blocks * 512).toBeLessThan(1 << 20);
    });
  });

  test("more than the buffer holds is refused before the kernel sees it", () => {
    withRoot((root) => {
      const file = must(sys.createExclusive(root, "x", 0o600));
      const buffer = new sys.IoBuffer(16);
      expect(codeOf(sys.readInto(file, buffer, 17, 0))).toBe("EINVAL");
      expect(codeOf(sys.writeFrom(file, buffer, 10, 7, 0))).toBe("EINVAL");
      expect(codeOf(sys.readInto(file, buffer, 1, -1))).toBe("EINVAL");
      sys.close(file);
    });
  });

  test("space is what df says", () => {
    withRoot((root, scratch) => {
      const [, size = "", inodes = ""] = command("df", "-B1", "--output=size,itotal", scratch.folder)
        .trim()
        .split(/\s+/)
        .slice(-3);
      const space = must(sys.space(root));
      expect(space.readOnly).toBe(false);
      expect([space.totalBytes, space.totalInodes]).toEqual([Number(size), Number(inodes)]);
      expect(space.freeBytes).toBeLessThanOrEqual(space.totalBytes);
    });
  });
});

describe("the lock", () => {
  test("is held by one, says who, and is free when its holder lets go or dies", async () => {
    using scratch = new Scratch();
    const path = scratch.path("lock");
    const lock = must(sys.tryLockExclusive(path));
    must(lock.write('{"pid":1}'));
    must(lock.write("{}"));
    expect(readFileSync(path, "utf8")).toBe("{}");
    expect(Bun.spawnSync(["flock", "-n", path, "true"]).exitCode).toBe(1);
    lock.release();
    lock.release();
    expect(Bun.spawnSync(["flock", "-n", path, "true"]).exitCode).toBe(0);
    const other = Bun.spawn(["flock", "--no-fork", path, "sh", "-c", "echo held; exec sleep 60"], { stdout: "pipe" });
    await other.stdout.getReader().read();
    expect(codeOf(sys.tryLockExclusive(path))).toBe("EAGAIN");
    other.kill("SIGKILL");
    await other.exited;
    must(sys.tryLockExclusive(path)).release();
  });

  test("a symbolic link is not taken for a lock file", () => {
    using scratch = new Scratch();
    symlinkSync("/tmp/elsewhere", scratch.path("lock"));
    expect(codeOf(sys.tryLockExclusive(scratch.path("lock")))).toBe("ELOOP");
  });
});

test("the same error number has a name and a text, and an unknown one a number", () => {
  expect(sys.sysError("openat", 2)).toEqual({ kind: "sys", call: "openat", errno: 2, code: "ENOENT" });
  expect(sys.sysError("openat", 9999).code).toBe("E9999");
  expect(sys.errnoText("ENOSPC")).toContain("no space");
});
