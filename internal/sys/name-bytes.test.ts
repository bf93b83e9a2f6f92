import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bytesOfText, nameOfPrinted, printable, textOfBytes } from "./name-bytes.ts";

/** Control characters, and what turns the direction of text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const name = fc.uint8Array({ maxLength: 60 });
/** Bytes that are near to being UTF-8: texts with a few bytes changed, and the sequences at the edges of what is allowed. */
const nearText = fc
  .tuple(fc.string({ unit: "binary" }), fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }))
  .map(([text, changes]) => {
    const bytes = new TextEncoder().encode(text);
    for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  });

describe("names as text", () => {
  test("every byte string comes back as it was", () => {
    fc.assert(
      fc.property(fc.oneof(name, nearText), (bytes) => {
        expect(bytesOfText(textOfBytes(bytes))).toEqual(bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  test("valid UTF-8 without reserved code points stays the text that it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(textOfBytes(new TextEncoder().encode(text))).toBe(text);
      }),
    );
  });

  test("the text is always well formed, so that every database takes it", () => {
    fc.assert(fc.property(fc.oneof(name, nearText), (bytes) => expect(textOfBytes(bytes).isWellFormed()).toBe(true)));
  });

  test("two byte strings never share a text", () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(textOfBytes(a) === textOfBytes(b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });

  test.each([
    ["a lone byte", [0xff], "\u{10ffff}"],
    ["an overlong slash", [0xc0, 0xaf], "\u{10ffc0}\u{10ffaf}"],
    ["an encoded surrogate", [0xed, 0xa0, 0x80], "\u{10ffed}\u{10ffa0}\u{10ff80}"],
    ["above U+10FFFF", [0xf4, 0x90, 0x80, 0x80], "\u{10fff4}\u{10ff90}\u{10ff80}\u{10ff80}"],
    ["a reserved code point", [0xf4, 0x8f, 0xbc, 0x80], "\u{10fff4}\u{10ff8f}\u{10ffbc}\u{10ff80}"],
    ["a neighbour of them", [0xf4, 0x8f, 0xbb, 0xbf], "\u{10feff}"],
    ["a byte order mark", [0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
  ])("%s", (_what, bytes, text) => {
    expect(textOfBytes(Uint8Array.from(bytes))).toBe(text);
  });
});

describe("what is printed", () => {
  test("acts on no terminal, whatever the name", () => {
    fc.assert(
      fc.property(fc.oneof(name, nearText), (bytes) => {
        expect(printable(textOfBytes(bytes))).not.toMatch(UNSAFE);
      }),
      { numRuns: 1_000 },
    );
  });

  test("tells different names apart", () => {
    fc.assert(
      fc.property(nearText, nearText, (a, b) => {
        const [one, other] = [textOfBytes(a), textOfBytes(b)];
        if (one !== other) expect(printable(one)).not.toBe(printable(other));
      }),
    );
  });

  test("can be read back, whatever the name", () => {
    fc.assert(
      fc.property(fc.oneof(name, nearText), (bytes) => {
        const text = textOfBytes(bytes);
        const printed = printable(text);
        expect(nameOfPrinted(printed)).toBe(printed === text ? undefined : text);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(["plain", "a\\b", "\\", "\\x4", "\\xg0", "\\u{}", "\\u{110000}", "\\\\ok \\no"])("%j is never printed", (text) => {
    expect(nameOfPrinted(text)).toBeUndefined();
  });

  test.each([
    ["plain é 漢.xrif", "plain é 漢.xrif"],
    ["line\nbreak", "line\\x0abreak"],
    ["\u001b[31m", "\\x1b[31m"],
    ["\u{10ffff}", "\\xff"],
    ["\u{10ff85}", "\\x85"],
    ["\u0085", "\\u{85}"],
    ["back\\slash", "back\\\\slash"],
    ["\u202e", "\\u{202e}"],
  ])("%j is printed as %j", (text, printed) => {
    expect(printable(text)).toBe(printed);
  });
});
