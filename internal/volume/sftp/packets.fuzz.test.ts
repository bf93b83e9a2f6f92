/** Bytes that a far end may send: answers of a real server (fixtures/sftp) with something wrong in them. */
import { describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { fuzzTest, mutated } from "../../testing/mod.ts";
import { PacketError, PacketReader, PacketSplitter } from "./packets.ts";
import { readLimits } from "./server-abilities.ts";

const recorded: Record<string, string> = JSON.parse(
  readFileSync(join(import.meta.dir, "..", "..", "..", "fixtures", "sftp", "replies.json"), "utf8"),
);
const REPLIES = Object.values(recorded).map((hex) => Buffer.from(hex, "hex"));

/** What is thrown, if it is a refusal; any other exception is a fault of ours. */
function refused(action: () => void): boolean {
  try {
    action();
    return false;
  } catch (exception) {
    if (!(exception instanceof PacketError)) throw exception;
    return true;
  }
}

const READINGS: readonly ((reader: PacketReader) => void)[] = [
  (reader) => reader.stat(),
  (reader) => reader.path(),
  (reader) => expect(reader.handle().length).toBeLessThanOrEqual(256),
  (reader) => {
    const { readBytes, writeBytes, openHandles } = readLimits(reader);
    for (const bytes of [readBytes, writeBytes]) expect(bytes).toBeWithin(4_096, 262_145);
    expect(openHandles).toBeWithin(1, 2 ** 20 + 1);
  },
  (reader) => {
    for (let left = reader.u32(); left > 0; left--) {
      reader.path();
      reader.bytes();
      reader.stat();
    }
  },
  (reader) => {
    while (reader.left > 0) {
      reader.path();
      reader.bytes();
    }
  },
];

describe("whatever comes", () => {
  fuzzTest(
    "a packet is read or refused, and never beyond its end",
    fc.property(mutated(REPLIES), fc.nat(20), (bytes, from) => {
      for (const read of READINGS) {
        const reader = new PacketReader(bytes.subarray(Math.min(from, bytes.length)));
        refused(() => read(reader));
        expect(reader.left).toBeWithin(0, bytes.length + 1);
      }
    }),
  );

  fuzzTest(
    "a stream is the same packets however it is cut, up to the same refusal",
    fc.property(
      fc.array(mutated(REPLIES, [], 2), { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 30 }),
      (parts, cuts) => {
        const stream = Buffer.concat(parts);
        const split = (lengths: readonly number[]): readonly [string[], boolean] => {
          const splitter = new PacketSplitter();
          const packets: string[] = [];
          const broken = refused(() => {
            for (let at = 0, cut = 0; at < stream.length; cut++) {
              const length = lengths[cut % lengths.length] ?? 1;
              const chunk = Uint8Array.from(stream.subarray(at, at + length));
              splitter.push(chunk, (packet) => packets.push(Buffer.from(packet).toString("latin1")));
              // Whoever gave the chunk may use it again.
              chunk.fill(0xaa);
              at += length;
            }
          });
          return [packets, broken];
        };
        expect(split(cuts)).toEqual(split([stream.length || 1]));
      },
    ),
  );
});
