/** The lock file beside the inventory, whatever is in it. */
import { describe, expect } from "bun:test";
import fc from "fast-check";
import { fuzzTest, mutatedText } from "../testing/mod.ts";
import { parseHolder } from "./open.ts";

const HOLDER = '{"command":"xtelemdb sync continuous=true","pid":4321,"hostname":"exao1","since":"2026-11-24T12:00:00.000Z"}';
const CLOSED = '{"closed":{"size":"4096","mtime":"1795528247000000000","inode":"12"}}';
const WORDS = ["null", "1e999", "-1", "0.5", "{}", "[]", '"', ",", '"pid":"/../../etc"', '"__proto__":', "\u001b[2J"];

describe("a lock file", () => {
  fuzzTest(
    "names a process, or nobody",
    fc.property(mutatedText([HOLDER, CLOSED], WORDS), (text) => {
      const holder = parseHolder(text);
      if (holder === undefined) return;
      expect(Number.isSafeInteger(holder.pid) && holder.pid > 0).toBe(true);
      for (const word of [holder.command, holder.hostname, holder.since]) expect(word).toBeString();
    }),
    0.5,
  );
});
