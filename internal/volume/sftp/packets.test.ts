/** SFTP's bytes: what is written is read back, and no bytes crash or hang the reading. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { OPEN, PacketError, PacketReader, PacketSplitter, PacketWriter, REPLY, REQUEST } from "./packets.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

test("numbers, names and attributes come back as they were written", () => {
  fc.assert(
    fc.property(u32, fc.maxSafeNat(), fc.uint8Array({ maxLength: 300 }), u32, u32, (id, size, bytes, time, mode) => {
      const permissions = mode & 0o7777;
      const packet = new PacketWriter(REQUEST.open, id)
        .u64(size)
        .bytes(bytes)
        .u32(OPEN.read)
        .attributes({
          size,
          owner: { uid: id, gid: time },
          permissions: 0o100000 | permissions,
          mtimeSeconds: time,
          atimeSeconds: id,
        })
        .finish();
      const reader = new PacketReader(packet.subarray(4));
      expect(new DataView(packet.buffer, packet.byteOffset).getUint32(0)).toBe(packet.length - 4);
      expect([reader.byte(), reader.u32(), reader.u64()]).toEqual([REQUEST.open, id, size]);
      expect(Buffer.compare(reader.bytes(), bytes)).toBe(0);
      expect(reader.u32()).toBe(OPEN.read);
      expect(reader.stat()).toMatchObject({
        kind: "file",
        size,
        uid: id,
        gid: time,
        mode: permissions,
        mtimeSeconds: time,
        atimeSeconds: id,
      });
      expect(reader.left).toBe(0);
    }),
  );
});

test("packets are the same however the stream is cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 10 }),
      fc.infiniteStream(fc.nat(20)),
      (bodies, cuts) => {
        const stream = Buffer.concat(
          bodies.map((body) => {
            const packet = Buffer.alloc(4 + body.length);
            packet.writeUInt32BE(body.length);
            packet.set(body, 4);
            return packet;
          }),
        );
        const splitter = new PacketSplitter();
        const seen: Buffer[] = [];
        for (let at = 0; at < stream.length; ) {
          const length = 1 + (cuts.next().value ?? 0);
          splitter.push(stream.subarray(at, at + length), (packet) => seen.push(Buffer.from(packet)));
          at += length;
        }
        expect(seen).toEqual(bodies.map((body) => Buffer.from(body)));
      },
    ),
  );
});

/** Reads a packet in every way there is. */
const readings: readonly ((reader: PacketReader) => unknown)[] = [
  (reader) => reader.stat(),
  (reader) => reader.path(),
  (reader) => {
    for (let left = reader.u32(); left > 0; left--) {
      reader.path();
      reader.bytes();
      reader.stat();
    }
  },
  (reader) => [reader.u64(), reader.byte()],
];

test("no bytes do more than be refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const read of readings) {
        try {
          read(new PacketReader(bytes));
        } catch (exception) {
          expect(exception).toBeInstanceOf(PacketError);
        }
      }
      try {
        new PacketSplitter().push(bytes, () => undefined);
      } catch (exception) {
        expect(exception).toBeInstanceOf(PacketError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("what a shell prints is shown, not taken for a length", () => {
  expect(() => new PacketSplitter().push(new TextEncoder().encode("Welcome to popeye"), () => undefined)).toThrow(
    "Welcome to popeye",
  );
});

test("the reply types are those of the draft", () => {
  expect(REPLY).toEqual({ version: 2, status: 101, handle: 102, data: 103, name: 104, attributes: 105, extended: 201 });
});
