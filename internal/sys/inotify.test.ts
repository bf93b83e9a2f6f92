/** The decoder against every buffer the kernel could fill, and the calls against the real kernel. */
import { describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import fc from "fast-check";
import { Scratch } from "../testing/mod.ts";
import * as sys from "./mod.ts";

const { IN } = sys;

describe("the decoder", () => {
  interface Raw {
    readonly watch: number;
    readonly mask: number;
    readonly name: Uint8Array;
    readonly padding: number;
  }

  /** struct inotify_event, as inotify(7) has it. */
  const encode = (events: readonly Raw[]): Uint8Array =>
    Buffer.concat(
      events.map(({ watch, mask, name, padding }) => {
        const head = Buffer.alloc(16);
        head.writeInt32LE(watch, 0);
        head.writeUInt32LE(mask, 4);
        head.writeUInt32LE(4711, 8);
        head.writeUInt32LE(name.length + padding, 12);
        return Buffer.concat([head, name, Buffer.alloc(padding)]);
      }),
    );

  const bits = [IN.create, IN.closeWrite, IN.movedTo, IN.deleteSelf, IN.moveSelf, IN.ignored, IN.overflow];
  const bytes = fc.uint8Array({ maxLength: 255 }).map((raw) => raw.map((byte) => (byte === 0 ? 1 : byte)));
  const raw: fc.Arbitrary<Raw> = fc.record({
    watch: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 ** 31 - 1 })),
    mask: fc.tuple(fc.constantFrom(...bits), fc.boolean()).map(([bit, directory]) => bit + (directory ? IN.isDirectory : 0)),
    name: fc.oneof(
      bytes,
      fc.constantFrom("", "a", "b").map((text) => new TextEncoder().encode(text)),
    ),
    padding: fc.integer({ min: 0, max: 16 }),
  });

  test("tells each name of each watch once, with all that happened to it, in the order of first sight", () => {
    fc.assert(
      fc.property(fc.array(raw), (events) => {
        const wanted: { watch: number; mask: number; name: string }[] = [];
        for (const { watch, mask, name } of events) {
          if (mask & IN.overflow) continue;
          const text = sys.textOfBytes(name);
          const same = wanted.find(
            (one) => one.watch === watch && one.name === text && (one.mask & IN.isDirectory) === (mask & IN.isDirectory),
          );
          if (same === undefined) wanted.push({ watch, mask, name: text });
          else same.mask |= mask;
        }
        const decoded = sys.decodeEvents(encode(events));
        expect([...decoded.watches]).toEqual(wanted.map(({ watch }) => watch));
        expect([...decoded.masks]).toEqual(wanted.map(({ mask }) => mask));
        expect([...decoded.names]).toEqual(wanted.map(({ name }) => name));
        expect(decoded.overflowed).toBe(events.some(({ mask }) => (mask & IN.overflow) !== 0));
      }),
      { numRuns: 1_000 },
    );
  });

  test("survives whatever bytes it is given", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const { watches, masks, names } = sys.decodeEvents(noise);
        expect([masks.length, names.length]).toEqual([watches.length, watches.length]);
      }),
    );
  });
});

/** Everything that was reported before now: "watch bits name". */
function reported(inotify: sys.InotifyDescriptor): string[] {
  const wakeup = sys.createWakeup()._unsafeUnwrap();
  const buffer = new sys.IoBuffer(1 << 16);
  const names = Object.entries(IN);
  const rows: string[] = [];
  // Its file is the last event there is. It stays watched, under one number.
  const end = sys.openRootDirectory(sentinel.folder)._unsafeUnwrap();
  const last = sys.addWatch(inotify, end)._unsafeUnwrap();
  writeFileSync(sentinel.path("end"), "");
  for (let ended = false; !ended; ) {
    const bytes = sys.waitAndRead(inotify, wakeup, buffer)._unsafeUnwrap();
    if (bytes === undefined) throw new Error("nobody woke it up");
    const { watches, masks, names: files } = sys.decodeEvents(bytes);
    watches.forEach((watch, row) => {
      const words = names.filter(([, bit]) => ((masks[row] ?? 0) & bit) !== 0).map(([word]) => word);
      if (watch === last) ended ||= words.includes("closeWrite");
      else rows.push(`${watch} ${words.join("+")} ${files[row]}`);
    });
  }
  unlinkSync(sentinel.path("end"));
  sys.close(end);
  sys.closeWatching(wakeup);
  return rows;
}
const sentinel = new Scratch();

function withWatch(action: (inotify: sys.InotifyDescriptor, watch: number, scratch: Scratch) => void): () => void {
  return () => {
    using scratch = new Scratch();
    mkdirSync(scratch.path("d"));
    const inotify = sys.createInotify()._unsafeUnwrap();
    const directory = sys.openRootDirectory(scratch.path("d"))._unsafeUnwrap();
    const watch = sys.addWatch(inotify, directory)._unsafeUnwrap();
    sys.close(directory);
    action(inotify, watch, scratch);
    sys.closeWatching(inotify);
  };
}

describe("a watched directory", () => {
  test(
    "reports new names, closed writers and what was moved in; not writes, readers, attributes or what went",
    withWatch((inotify, watch, scratch) => {
      const path = (name: string) => scratch.path("d", name);
      const file = openSync(path("slow"), "w");
      expect(reported(inotify)).toEqual([`${watch} create slow`]);
      for (let count = 0; count < 100; count++) writeFileSync(file, "more");
      expect(reported(inotify)).toEqual([]);
      closeSync(file);
      expect(reported(inotify)).toEqual([`${watch} closeWrite slow`]);
      readFileSync(path("slow"));
      Bun.spawnSync(["chmod", "600", path("slow")]);
      expect(reported(inotify)).toEqual([]);
      renameSync(path("slow"), path("fast"));
      expect(reported(inotify)).toEqual([`${watch} movedTo fast`]);
      mkdirSync(path("below"));
      symlinkSync("nowhere", path("link"));
      writeFileSync(path("at once"), "x");
      expect(reported(inotify)).toEqual([
        `${watch} create+isDirectory below`,
        `${watch} create link`,
        `${watch} closeWrite+create at once`,
      ]);
      for (const name of ["fast", "link", "at once"]) unlinkSync(path(name));
      renameSync(path("below"), scratch.path("elsewhere"));
      expect(reported(inotify)).toEqual([]);
    }),
  );

  test(
    "reports when it is moved, deleted or not watched any more; its number never comes back",
    withWatch((inotify, watch, scratch) => {
      renameSync(scratch.path("d"), scratch.path("moved"));
      const [moved = ""] = reported(inotify);
      expect(moved).toMatch(new RegExp(`^${watch} moveSelf`));
      const again = sys.openRootDirectory(scratch.path("moved"))._unsafeUnwrap();
      expect(sys.addWatch(inotify, again)._unsafeUnwrap()).toBe(watch);
      sys.removeWatch(inotify, watch)._unsafeUnwrap();
      expect(sys.removeWatch(inotify, watch)._unsafeUnwrapErr().code).toBe("EINVAL");
      expect(reported(inotify)).toEqual([`${watch} ignored `]);
      const other = sys.addWatch(inotify, again)._unsafeUnwrap();
      expect(other).toBeGreaterThan(watch);
      sys.close(again);
      rmdirSync(scratch.path("moved"));
      expect(reported(inotify)).toEqual([`${other} deleteSelf+ignored `]);
    }),
  );

  test(
    "is the one that was opened, even if it lost its name or something else got it",
    withWatch((inotify, _watch, scratch) => {
      mkdirSync(scratch.path("old"));
      const old = sys.openRootDirectory(scratch.path("old"))._unsafeUnwrap();
      renameSync(scratch.path("old"), scratch.path("new"));
      symlinkSync("/etc", scratch.path("old"));
      const watch = sys.addWatch(inotify, old)._unsafeUnwrap();
      writeFileSync(scratch.path("new", "x"), "");
      expect(reported(inotify)).toEqual([`${watch} closeWrite+create x`]);
      sys.close(old);
    }),
  );

  test(
    "names are bytes, and any of them comes back as it is",
    withWatch((inotify, watch, scratch) => {
      const root = sys.openRootDirectory(scratch.path("d"))._unsafeUnwrap();
      const name = sys.textOfBytes(Uint8Array.from([0xff, 0x0a, 0xc3, 0xa9, 0x80]));
      sys.close(sys.createExclusive(root, name, 0o600)._unsafeUnwrap());
      expect(reported(inotify)).toEqual([`${watch} closeWrite+create ${name}`]);
      sys.close(root);
    }),
  );

  test(
    "whatever is no directory is refused",
    withWatch((inotify, _watch, scratch) => {
      writeFileSync(scratch.path("d", "file"), "");
      const root = sys.openRootDirectory(scratch.path("d"))._unsafeUnwrap();
      const file = sys.openFileForReading(root, "file")._unsafeUnwrap();
      expect(sys.addWatch(inotify, file)._unsafeUnwrapErr().code).toBe("ENOTDIR");
      for (const descriptor of [file, root]) sys.close(descriptor);
    }),
  );
});

test("who waits is woken up, also when that came first", () => {
  const inotify = sys.createInotify()._unsafeUnwrap();
  const wakeup = sys.createWakeup()._unsafeUnwrap();
  sys.wake(wakeup)._unsafeUnwrap();
  const buffer = new sys.IoBuffer(1 << 12);
  for (const _ of [1, 2]) expect(sys.waitAndRead(inotify, wakeup, buffer)._unsafeUnwrap()).toBeUndefined();
  sys.closeWatching(inotify);
  sys.closeWatching(wakeup);
});
