/** Files that are hard to copy as they are: names, contents, times, modes. */
import type { FileDescription } from "./tree.ts";

const at = (iso: string, nanoseconds = 0n): bigint => BigInt(Date.parse(iso)) * 1_000_000n + nanoseconds;

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

export const HARD_FILES: readonly FileDescription[] = [
  { path: "empty", content: "" },
  { path: "a".repeat(255), content: "ASCII name of 255 bytes" },
  { path: "é".repeat(127), content: "UTF-8 name of 254 bytes" },
  { path: "line\nbreak\r\ttab", content: "control characters" },
  { path: "-rf", content: "leading dash" },
  { path: " leading and trailing ", content: "spaces" },
  { path: "  ", content: "nothing but spaces" },
  { path: "quotes'\"`$(id)\\;&|*?[a]{b}", content: "shell characters" },
  { path: bytes(0xff, 0xfe, 0x2e, 0x78), content: "no UTF-8" },
  { path: bytes(0x61, 0xc3, 0x28, 0x80), content: "half a character" },
  { path: bytes(0xed, 0xa0, 0x80), content: "an encoded surrogate" },
  { path: bytes(0xf4, 0x8f, 0xbc, 0x80), content: "U+10FF00, which stands for a byte in the inventory" },
  { path: "caf\u00e9", content: "NFC" },
  { path: "cafe\u0301", content: "NFD" },
  { path: "Case", content: "upper" },
  { path: "case", content: "lower" },
  { path: ".hidden", content: "a dot" },
  { path: "...", content: "three dots" },
  { path: `${"deep/".repeat(30)}file`, content: "30 levels" },
  { path: `${"d".repeat(255)}/${"e".repeat(255)}/x`, content: "long names of directories" },
  { path: new Uint8Array(Buffer.from("dir\xff\n/inner \xe9", "latin1")), content: "a directory that is no UTF-8" },
  { path: "1965", content: "before 1970", mtime: at("1965-03-04T05:06:07Z", 123_456_789n) },
  { path: "1969", content: "a nanosecond before 1970", mtime: -1n },
  { path: "2242", content: "beyond 32 and 34 bits of a clock", mtime: at("2242-03-16T12:56:32Z", 999_999_999n) },
  { path: "1970", content: "at 0", mtime: 0n },
  { path: "nanoseconds", content: "1 ns", mtime: at("2026-11-01T08:20:15Z", 1n) },
  { path: "read-only", content: "0444", mode: 0o444 },
  { path: "private", content: "0600", mode: 0o600 },
  { path: "executable", content: "0755", mode: 0o755 },
  { path: "set-id", content: "6711", mode: 0o6711 },
  { path: "no-rights", content: "0000", mode: 0 },
  { path: "one megabyte", size: 1 << 20, seed: 1 },
  { path: "one byte more", size: (1 << 20) + 1, seed: 2 },
  { path: "ten megabytes", size: 10 << 20, seed: 3 },
];
