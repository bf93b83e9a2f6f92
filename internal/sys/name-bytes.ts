/**
 * Names are bytes; in memory and in the database they are text. Valid UTF-8 stays what it is. A byte that is not part of any becomes the code point
 * U+10FF00 + byte, and so does each byte of a name's own code points in that range, so that every byte string maps to one text and back.
 */
const FIRST_RESERVED = 0x10ff00;
/** Up to here a code point is its byte. */
const ASCII_END = 0x80;
/** Every reserved code point begins with this UTF-16 unit; so do some others, which the exact path tells apart. */
const HIGH_SURROGATE = "\udbff";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Length of the valid UTF-8 sequence at `at`; 0 when there is none (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let index = at + 2; index < at + length; index++) {
    const byte = bytes[index] ?? 0;
    if (byte < 0x80 || byte > 0xbf) return 0;
  }
  return length;
}

/** The text of a name's bytes. */
export function textOfBytes(bytes: Uint8Array): string {
  try {
    const text = strict.decode(bytes);
    if (!text.includes(HIGH_SURROGATE)) return text;
  } catch {
    // Not UTF-8: the exact way below.
  }
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    const sequence = length === 0 ? "" : strict.decode(bytes.subarray(at, at + length));
    if (length > 0 && (sequence.codePointAt(0) ?? 0) < FIRST_RESERVED) {
      text += sequence;
      at += length;
      continue;
    }
    const end = at + Math.max(1, length);
    for (; at < end; at++) text += String.fromCodePoint(FIRST_RESERVED + (bytes[at] ?? 0));
  }
  return text;
}

/** The bytes of a name's text: the inverse of `textOfBytes`. */
export function bytesOfText(text: string): Uint8Array {
  if (!text.includes(HIGH_SURROGATE)) return encoder.encode(text);
  const parts: number[] = [];
  for (const character of text) {
    const codePoint = character.codePointAt(0) ?? 0;
    if (codePoint >= FIRST_RESERVED) parts.push(codePoint - FIRST_RESERVED);
    else parts.push(...encoder.encode(character));
  }
  return Uint8Array.from(parts);
}

/**
 * Control characters (Cc), what changes the direction of text or is not seen at all (Cf), line and paragraph separators, halves of characters: never printed as they are. And
 * the code points that stand for bytes.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\\]|[\u{10ff00}-\u{10ffff}]/gu;

/**
 * A name or path as it may be shown to a person: what could act on a terminal, or is no text, is written as `\xNN` or `\u{...}`. `\xNN` is always the byte, so that
 * different names look different, and `nameOfPrinted` is the way back.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

const ESCAPE = /\\(?:\\|x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,6})\}|)/g;

/** The name that a text stands for as `printable` writes it; undefined where it has no escape, or a backslash that is none. */
export function nameOfPrinted(printed: string): string | undefined {
  let isPrinted = printed.includes("\\");
  const name = printed.replace(ESCAPE, (written: string, byte?: string, codePoint?: string) => {
    const value = Number.parseInt(byte ?? codePoint ?? "", 16);
    if (written === "\\" || value > 0x10ffff) isPrinted = false;
    else if (byte !== undefined) return String.fromCodePoint(value < ASCII_END ? value : FIRST_RESERVED + value);
    else if (codePoint !== undefined) return String.fromCodePoint(value);
    return "\\";
  });
  return isPrinted ? name : undefined;
}

/**
 * A message of one or more lines as it may be shown, whatever is in it. Names in it should have gone through `printable`, which tells a backslash from
 * an escape and a line break in a name from one of the message; this is for what was forgotten.
 */
export const printableLines = (text: string): string =>
  text.replace(UNPRINTABLE, (character) => (character === "\\" || character === "\n" ? character : escaped(character)));

/** In JSON they are escaped in its own way; the line breaks between its lines are no part of any text. */
const UNPRINTABLE_IN_JSON = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const unit = (text: string, index: number): string => `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`;

/** JSON that acts on no terminal, and means the same. A name's reserved code points stay: they can be read back. `space`: as of `JSON.stringify`. */
export const jsonText = (value: unknown, space?: number): string =>
  JSON.stringify(value, null, space).replace(UNPRINTABLE_IN_JSON, (character) =>
    Array.from({ length: character.length }, (_, index) => unit(character, index)).join(""),
  );

function escaped(character: string): string {
  if (character === "\\") return "\\\\";
  const codePoint = character.codePointAt(0) ?? 0;
  const byte = codePoint >= FIRST_RESERVED ? codePoint - FIRST_RESERVED : codePoint;
  return codePoint < ASCII_END || codePoint >= FIRST_RESERVED
    ? `\\x${byte.toString(16).padStart(2, "0")}`
    : `\\u{${codePoint.toString(16)}}`;
}
