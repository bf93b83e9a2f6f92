/** The contract of a volume. Every kind of volume is added to `KINDS`, and has to keep it. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { IoBuffer, machineId } from "../sys/mod.ts";
import { makeScratch, Scratch, SFTP_SERVER } from "../testing/mod.ts";
import {
  claimName,
  closeIdleConnections,
  isOwnClaim,
  MARKER_NAME,
  openLocalVolume,
  openVolume,
  parseClaim,
  parseMarker,
  readClaim,
  readMarker,
  type Volume,
  type VolumeDirectory,
  type WriterClaim,
  writeClaim,
  writeMarker,
} from "./mod.ts";
import {
  asideName,
  isPartialName,
  isTemporaryName,
  nameBeforeSetApart,
  partialName,
  setApartName,
  temporaryName,
} from "./temporary-name.ts";

const KINDS: readonly (readonly [name: string, open: (root: string) => Promise<Volume>])[] = [
  ["local", async (root) => openLocalVolume(root)._unsafeUnwrap()],
  ...(existsSync(SFTP_SERVER)
    ? [
        ["sftp", (root: string) => openOverPipes(root)] as const,
        ["weak sftp", (root: string) => openOverPipes(root, "posix-rename")] as const,
        ["weaker sftp", (root: string) => openOverPipes(root, "posix-rename,hardlink,statvfs,limits")] as const,
      ]
    : []),
];
if (!existsSync(SFTP_SERVER)) console.log(`SKIPPED: the contract over sftp: ${SFTP_SERVER} is missing`);

/** OpenSSH's own sftp-server, without ssh between: a script in its place. `missing`: what it is not to offer. */
async function openOverPipes(root: string, missing = ""): Promise<Volume> {
  const script = join(makeScratch(), "ssh");
  const without = missing === "" ? "" : ` -P ${missing}`;
  writeFileSync(script, `#!/bin/sh\nexec ${SFTP_SERVER}${without}\n`, { mode: 0o755 });
  process.env.XTELEMDB_SSH = script;
  const address = {
    kind: "ssh",
    name: `ssh://far/${root}`,
    host: script,
    path: root,
    options: [],
    mostEntries: 1e9,
    connections: 2,
  } as const;
  return (await openVolume({ ...address, timeoutMilliseconds: 10_000 }))._unsafeUnwrap();
}
afterAll(() => closeIdleConnections());

const CLAIM: WriterClaim = {
  format: 1,
  inventory: "11111111-2222-4333-8444-555555555555",
  machine: "m1",
  hostname: "exao1",
  database: "/var/lib/xtelemdb/inventory.db",
  since: "2026-11-01T00:00:00.000Z",
};
const TEMPORARY = temporaryName("0123456789abcdef");

async function must<Value>(outcome: PromiseLike<{ _unsafeUnwrap(): Value }> | { _unsafeUnwrap(): Value }): Promise<Value> {
  return (await outcome)._unsafeUnwrap();
}
const reasonOf = async (
  outcome: PromiseLike<{ _unsafeUnwrapErr(): { reason: string } }> | { _unsafeUnwrapErr(): { reason: string } },
) => (await outcome)._unsafeUnwrapErr().reason;

/** Writes a temporary file with this content. */
async function write(directory: VolumeDirectory, content: string): Promise<void> {
  const file = await must(directory.createTemporary(TEMPORARY));
  const bytes = new TextEncoder().encode(content);
  const buffer = new IoBuffer(Math.max(1, bytes.length));
  buffer.bytes.set(bytes);
  await must(file.reserve(bytes.length));
  await must(file.write(buffer, bytes.length, 0));
  await must(file.seal(bytes.length, { mode: 0o640, uid: 0, gid: 0, mtimeSeconds: -5, mtimeNanoseconds: 7 }));
  await must(file.sync());
  file.close();
  file.close();
}

test.skipIf(!existsSync(SFTP_SERVER))(
  "one folder reached by two ways is known to be on one file system of one machine",
  async () => {
    using scratch = new Scratch();
    const [local, far] = [openLocalVolume(scratch.folder)._unsafeUnwrap(), await openOverPipes(scratch.folder)];
    const [near, away] = [await local.fate(), await far.fate()];
    // Where there is no machine-id(5), only the name can tell; this one is a path.
    if (machineId() !== "") expect(away.machine).toBe(near.machine);
    expect(away.fileSystem).toBe(near.fileSystem);
    expect(near.parts).not.toEqual([]);
    expect(away.parts).toEqual([]);
    local.close();
    far.close();
  },
);

describe.each(KINDS)("a %s volume", (_kind, open) => {
  const far = _kind !== "local";
  const replaces = !_kind.startsWith("weak");

  async function withRoot(action: (root: VolumeDirectory, scratch: Scratch, volume: Volume) => Promise<void>): Promise<void> {
    using scratch = new Scratch();
    const volume = await open(scratch.folder);
    const root = await must(volume.openDirectory(""));
    await action(root, scratch, volume);
    root.close();
    root.close();
    volume.close();
    volume.close();
  }

  test("a file has its final name all at once, with its mode and time, and can be read back", async () => {
    await withRoot(async (root, scratch, volume) => {
      await write(root, "hello");
      expect(statSync(scratch.path(TEMPORARY)).size).toBe(5);
      expect(await must(root.look("final"))).toBeUndefined();
      await must(root.publish(TEMPORARY, "final", "new"));
      await must(root.sync());
      if (volume.flushesWhole) await must(volume.flush());
      else expect(await reasonOf(volume.flush())).toBe("unsupported");
      expect(await must(root.look("final"))).toMatchObject({
        kind: "file",
        size: 5,
        mode: 0o640,
        // SFTP 3 counts whole seconds from 1970 on.
        mtimeSeconds: far ? 0 : -5,
        mtimeNanoseconds: far ? 0 : 7,
      });
      expect(await must(root.look(TEMPORARY))).toBeUndefined();
      const source = await must(root.openSource("final"));
      const buffer = new IoBuffer(10);
      expect(await must(source.read(buffer, 10, 1))).toBe(4);
      expect(new TextDecoder().decode(buffer.bytes.subarray(0, 4))).toBe("ello");
      expect(await must(source.read(buffer, 10, 5))).toBe(0);
      source.close();
    });
  });

  test('publishing as "new" never replaces, "replace" does, and a failed one changes nothing', async () => {
    await withRoot(async (root, scratch) => {
      writeFileSync(scratch.path("final"), "theirs");
      await write(root, "ours");
      expect(await reasonOf(root.publish(TEMPORARY, "final", "new"))).toBe("exists");
      expect(readFileSync(scratch.path("final"), "utf8")).toBe("theirs");
      expect(readdirSync(scratch.folder).toSorted()).toEqual([TEMPORARY, "final"]);
      if (replaces) {
        await must(root.publish(TEMPORARY, "final", "replace"));
        expect(readFileSync(scratch.path("final"), "utf8")).toBe("ours");
      } else {
        expect(await reasonOf(root.publish(TEMPORARY, "final", "replace"))).toBe("unsupported");
        expect(readFileSync(scratch.path("final"), "utf8")).toBe("theirs");
        expect(readdirSync(scratch.folder).toSorted()).toEqual([TEMPORARY, "final"]);
        await must(root.removeTemporary(TEMPORARY));
      }
      expect(await reasonOf(root.publish(TEMPORARY, "none", "replace"))).toBe("not-found");
      await write(root, "anew");
      await must(root.publish(TEMPORARY, "free", "replace"));
      expect(readFileSync(scratch.path("free"), "utf8")).toBe("anew");
      expect(readdirSync(scratch.folder).toSorted()).toEqual(["final", "free"]);
    });
  });

  test('"renew" takes a free name and one of our own, leaves nothing aside, and heals what was cut off', async () => {
    await withRoot(async (root, scratch) => {
      const renewed = async (content: string): Promise<void> => {
        await write(root, content);
        await must(root.publish(TEMPORARY, "final", "renew"));
        expect(readFileSync(scratch.path("final"), "utf8")).toBe(content);
      };
      await renewed("first");
      await renewed("second");
      expect(readdirSync(scratch.folder).toSorted()).toEqual(["final"]);
      expect(await reasonOf(root.publish(TEMPORARY, "final", "renew"))).toBe("not-found");
      expect(readFileSync(scratch.path("final"), "utf8")).toBe("second");
      expect(readdirSync(scratch.folder).toSorted()).toEqual(["final"]);
      // Cut off before the successor had the name, and before the old file was removed.
      if (!replaces) {
        renameSync(scratch.path("final"), scratch.path(asideName(TEMPORARY)));
        await renewed("third");
        expect(readdirSync(scratch.folder).toSorted()).toEqual(["final"]);
        writeFileSync(scratch.path(asideName(TEMPORARY)), "second");
        await renewed("fourth");
        expect(readdirSync(scratch.folder).toSorted()).toEqual(["final"]);
      }
      mkdirSync(scratch.path("folder"));
      await write(root, "fifth");
      expect((await root.publish(TEMPORARY, "folder", "renew")).isErr()).toBe(true);
      expect(readdirSync(scratch.folder).toSorted()).toEqual([TEMPORARY, "final", "folder"]);
    });
  });

  test("a temporary file is made once, is private while it is written, and is removed by name", async () => {
    await withRoot(async (root, scratch) => {
      const file = await must(root.createTemporary(TEMPORARY));
      expect(statSync(scratch.path(TEMPORARY)).mode & 0o777).toBe(0o600);
      expect(await reasonOf(root.createTemporary(TEMPORARY))).toBe("exists");
      file.close();
      await must(root.removeTemporary(TEMPORARY));
      expect(await reasonOf(root.removeTemporary(TEMPORARY))).toBe("not-found");
    });
  });

  test("what an earlier run began is gone on with, and keeps all that it has; nobody finds it under the name that it gave up", async () => {
    await withRoot(async (root, scratch) => {
      const goOn = root.continueTemporary?.bind(root);
      expect(goOn !== undefined).toBe(far);
      if (goOn === undefined) return;
      const partial = partialName("0123456789abcdef");
      const apart = setApartName(partial, "01234567");
      expect(await must(goOn(partial))).toBeUndefined();
      writeFileSync(scratch.path(partial), "0123456789");
      const found = await must(goOn(partial));
      if (found === undefined) throw new Error("it is there");
      expect(found.size).toBe(10);
      const buffer = new IoBuffer(4);
      buffer.bytes.set(new TextEncoder().encode("4567"));
      await must(found.file.write(buffer, 4, 4));
      await must(found.file.sync());
      found.file.close();
      expect(readFileSync(scratch.path(partial), "utf8")).toBe("0123456789");
      await must(root.publish(partial, apart, "new"));
      expect(await must(goOn(partial))).toBeUndefined();
      expect(await reasonOf(root.publish(partial, "final", "replace"))).toBe("not-found");
      expect(readdirSync(scratch.folder)).toEqual([apart]);
    });
  });

  test("what is not there is told from what cannot be asked, and no link is followed", async () => {
    await withRoot(async (root, scratch, volume) => {
      mkdirSync(scratch.path("sub"));
      writeFileSync(scratch.path("file"), "");
      symlinkSync("/etc", scratch.path("out"));
      symlinkSync("file", scratch.path("link"));
      expect(await reasonOf(volume.openDirectory("none/deeper"))).toBe("not-found");
      expect(await reasonOf(volume.openDirectory("file"))).toBe("not-a-directory");
      expect(await reasonOf(volume.openDirectory("out"))).toMatch(/^(is-a-symlink|not-a-directory)$/);
      expect(await reasonOf(volume.openDirectory("out/ssl"))).toBe("is-a-symlink");
      expect(await reasonOf(volume.openDirectory("../x"))).toBe("is-a-symlink");
      expect(await reasonOf(root.openSource("link"))).toBe("is-a-symlink");
      expect(await reasonOf(root.openSource("sub"))).toBe("not-a-regular-file");
      expect(await reasonOf(root.openSource("none"))).toBe("not-found");
      expect(await reasonOf(root.makeDirectory("file", { mode: 0o755 }))).toBe("exists");
      expect(await must(root.look("link"))).toMatchObject({ kind: "symlink" });
      expect(await reasonOf(root.createTemporary("x".repeat(256)))).toBe("name-too-long");
    });
  });

  test("a directory is made with its mode, whatever the umask", async () => {
    await withRoot(async (root, scratch) => {
      const before = process.umask(0o077);
      await must(root.makeDirectory("open", { mode: 0o2775 }));
      process.umask(before);
      expect(statSync(scratch.path("open")).mode & 0o7777).toBe(0o2775);
    });
  });

  test("a hole is written as one and found as one", async () => {
    await withRoot(async (root, scratch) => {
      const file = await must(root.createTemporary(TEMPORARY));
      const buffer = new IoBuffer(4096);
      buffer.bytes.fill(1);
      await must(file.write(buffer, 4096, 8 << 20));
      await must(file.seal(16 << 20, { mode: 0o600, uid: 0, gid: 0, mtimeSeconds: 0, mtimeNanoseconds: 0 }));
      file.close();
      expect(statSync(scratch.path(TEMPORARY))).toMatchObject({ size: 16 << 20 });
      const source = await must(root.openSource(TEMPORARY));
      const stretch = await must(source.nextData(0));
      expect(statSync(scratch.path(TEMPORARY)).blocks * 512).toBeLessThan(1 << 20);
      // Holes cannot be seen through SFTP.
      expect(stretch).toMatchObject({ start: far ? 0 : 8 << 20 });
      expect(await must(source.nextData(stretch?.end ?? 0))).toBeUndefined();
      source.close();
    });
  });

  test("a file reads the same in order, backwards, in odd steps, and beyond its end", async () => {
    await withRoot(async (root, scratch) => {
      const content = Buffer.alloc(3_000_001);
      for (let index = 0; index < content.length; index++) content[index] = (index * 2_654_435_761) >>> 13;
      writeFileSync(scratch.path("file"), content);
      const source = await must(root.openSource("file"));
      const buffer = new IoBuffer(1 << 20);
      const readAt = async (position: number, length: number): Promise<void> => {
        const count = await must(source.read(buffer, length, position));
        const expected = content.subarray(position, position + length);
        expect(count).toBe(expected.length);
        expect(Buffer.compare(buffer.bytes.subarray(0, count), expected)).toBe(0);
      };
      for (let at = 0; at <= content.length; at += 1 << 20) await readAt(at, 1 << 20);
      for (let at = content.length; at > 0; at -= 700_001) await readAt(Math.max(0, at), 300_000);
      for (const step of [1, 1000, 261_120, 261_121, 999_983]) {
        for (let at = 0; at < 5 * step; at += step) await readAt(at, step);
      }
      await readAt(content.length, 10);
      await readAt(content.length + 5, 10);
      source.close();
    });
  });

  test("the marker comes back as it was written, and is not written over", async () => {
    await withRoot(async (_root, scratch, volume) => {
      expect(await must(readMarker(volume))).toBeUndefined();
      const marker = { format: 1, uuid: "11111111-2222-4333-8444-555555555555", created: "2026-11-01T00:00:00.000Z" } as const;
      await must(writeMarker(volume, marker, { hex: "0011223344556677", how: "new" }));
      expect(await must(readMarker(volume))).toEqual(marker);
      const other = { ...marker, uuid: "99999999-2222-4333-8444-555555555555" };
      expect((await writeMarker(volume, other, { hex: "0011223344556677", how: "new" })).isErr()).toBe(true);
      expect(await must(readMarker(volume))).toEqual(marker);
      expect(statSync(scratch.path(MARKER_NAME)).mode & 0o777).toBe(0o644);
    });
  });

  test("a claim comes back as it was written; a new one is not written over it, its own place may", async () => {
    await withRoot(async (_root, scratch, volume) => {
      expect(await must(readClaim(volume, "exao1"))).toBeUndefined();
      await must(writeClaim(volume, "exao1", CLAIM, "0011223344556677", "new"));
      expect(await must(readClaim(volume, "exao1"))).toEqual(CLAIM);
      expect(await must(readClaim(volume, "exao2"))).toBeUndefined();
      const other = { ...CLAIM, inventory: "another" };
      const taken = await writeClaim(volume, "exao1", other, "0011223344556677", "new");
      expect(taken._unsafeUnwrapErr()).toMatchObject({ reason: "exists" });
      expect(await must(readClaim(volume, "exao1"))).toEqual(CLAIM);
      await must(writeClaim(volume, "exao1", other, "0011223344556677", "renew"));
      expect(await must(readClaim(volume, "exao1"))).toEqual(other);
      expect(readdirSync(scratch.folder)).toEqual([claimName("exao1")]);
    });
  });
});

test.each([
  ["the same inventory", {}, true],
  ["the same inventory under another path", { database: "/moved.db" }, true],
  ["the same inventory in a container without a machine-id", { machine: "", hostname: "c0ffee" }, true],
  ["a copy of the inventory on another machine", { machine: "m2" }, false],
  ["a new inventory in the place of the lost one", { inventory: "new" }, true],
  ["another inventory on the same machine", { inventory: "new", database: "/other.db" }, false],
  ["another inventory on another machine", { inventory: "new", machine: "m2" }, false],
  ["another inventory of another name on the same machine", { inventory: "new", hostname: "exao2" }, false],
])("a claim, seen by %s", (_, changes, own) => {
  expect(isOwnClaim(CLAIM, { ...CLAIM, ...changes })).toBe(own);
});

test("no text crashes the reading of a claim, and only a right one is one", () => {
  expect(parseClaim("/c", JSON.stringify(CLAIM))._unsafeUnwrap()).toEqual(CLAIM);
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => expect(parseClaim("/c", text).isErr()).toBe(true)));
});

test("a root that is missing or a file is told, and never made", async () => {
  using scratch = new Scratch();
  writeFileSync(scratch.path("file"), "");
  expect(openLocalVolume(scratch.path("none"))._unsafeUnwrapErr()).toMatchObject({
    reason: "not-found",
    path: scratch.path("none"),
  });
  expect(openLocalVolume(scratch.path("file"))._unsafeUnwrapErr().reason).toBe("not-a-directory");
});

test("no text crashes the reading of a marker, and only a right one is one", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(parseMarker("/m", text).isErr()).toBe(true);
    }),
  );
});

test("only names of our own make are temporary", () => {
  expect(isTemporaryName(TEMPORARY)).toBe(true);
  expect(asideName(TEMPORARY)).toBe(temporaryName("fedcba9876543210"));
  const partial = partialName("0123456789abcdef");
  const apart = setApartName(partial, "01234567");
  expect([partial, apart].map(isTemporaryName)).toEqual([true, true]);
  expect([partial, apart].map(isPartialName)).toEqual([true, false]);
  expect([TEMPORARY, partial, apart].map(nameBeforeSetApart)).toEqual([undefined, undefined, partial]);
  for (const name of [
    ".xtelemdb-0123456789abcdef-01234567.part",
    ".xtelemdb-0123456789abcdef-.partial",
    ".xtelemdb-0123456789ABCDEF.part",
    ".xtelemdb-0123.part",
    `x${TEMPORARY}`,
    `${TEMPORARY}x`,
    `${TEMPORARY}\n`,
  ]) {
    expect(isTemporaryName(name)).toBe(false);
  }
});
