/** Whatever stands in a configuration: it is refused with its place, or means what `config show` says; nothing else happens, and soon. */

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { fuzzTest, mutatedText } from "../testing/mod.ts";
import { configurations, environmentOf, FILE } from "./_for-tests.ts";
import { positionsIn } from "./_positions.ts";
import { parseToml } from "./_toml.ts";
import { renderConfigError } from "./config-error.ts";
import { addReplica, removeReplica } from "./edit.ts";
import { parseConfiguration } from "./parse.ts";
import { showConfiguration } from "./show.ts";

const ANNOTATED = readFileSync(join(import.meta.dir, "..", "..", "config", "xtelemdb.toml"), "utf8");
/** With every line that an operator may take the "#" from. */
const WHOLE = ANNOTATED.replaceAll(/^# (?=\[|[a-z_]+ = )/gm, "");
const CORPUS = [ANNOTATED, WHOLE, ...fc.sample(configurations, { numRuns: 20, seed: 1 }).map(({ text }) => text)];

const WORDS = [
  "[",
  "]",
  "[[",
  "]]",
  "{",
  "}",
  '"',
  "'",
  '"""',
  "'''",
  "=",
  ".",
  ",",
  "#",
  "\n",
  "\r\n",
  "\r",
  "\t",
  "\\",
  "\0",
  "\u007f",
  "\ufeff",
  "\\u0000",
  "\\ud800",
  "\\U0010ffff",
  "\\U00110000",
  "\\x1b",
  "\u001b[31m",
  "\u202e",
  "\u{10ff41}",
  "__proto__",
  "constructor",
  "toString",
  "nan",
  "-inf",
  "1e999",
  "9007199254740993",
  "-0",
  "0x7fffffffffffffff",
  "1979-05-27T07:32:00Z",
  "1979-13-40",
  "99:99:99",
  "true",
  "[replicas.",
  "[hosts.",
  '[replicas."ssh://a/b"]',
  '"ssh://u@[::1]:22//x"',
  '["/a", "/a/b"]',
  '"0s"',
  '"99999999999999999999d"',
  '"1e9 GiB"',
  '"100%"',
  "hostname = ",
  "data_dirs = ",
  "aliases = ",
  "exclude = ",
  "listen = ",
  '"unix:/"',
  "..",
  "/../",
  "~",
];

const environment = environmentOf();
const load = (text: string) => parseConfiguration(text, FILE, environment);

/** No case may take longer: the machine may be busy, a loop that depends on the input is worse by far. */
const SLOW_MILLISECONDS = 10_000;

function check(text: string): void {
  const begun = performance.now();
  const loaded = load(text);
  if (loaded.isErr()) {
    const rendered = renderConfigError(loaded.error);
    expect(rendered).toContain(FILE);
    if (loaded.error.kind !== "config-invalid") throw new Error(loaded.error.kind);
    expect(loaded.error.mistakes.length).toBeGreaterThan(0);
    const lines = loaded.error.text.split("\n");
    for (const { line, column, message, help } of loaded.error.mistakes) {
      expect(line).toBeWithin(1, lines.length + 1);
      expect(column).toBeWithin(1, (lines[line - 1]?.length ?? 0) + 2);
      expect(message).not.toBe("");
      expect(help).not.toBe("");
    }
  } else {
    const state = loaded.value;
    expect(load(showConfiguration(state))._unsafeUnwrap()).toEqual(state);
    const added = addReplica(text, FILE, environment, { key: "/mnt/of/the/fuzz", importOrigins: true });
    if (added.isOk()) {
      const removed = removeReplica(added.value, FILE, environment, "/mnt/of/the/fuzz/");
      if (removed.isOk()) expect(load(removed.value)._unsafeUnwrap()).toEqual(state);
    }
    for (const { written } of state.replicas.slice(0, 3)) removeReplica(text, FILE, environment, written);
  }
  expect(performance.now() - begun).toBeLessThan(SLOW_MILLISECONDS);
}

describe("a configuration, whatever is in it", () => {
  fuzzTest(
    "right ones with something wrong in them are refused with their place, or loaded and shown",
    fc.property(mutatedText(CORPUS, WORDS), check),
    0.5,
  );

  fuzzTest(
    "words of TOML in any order",
    fc.property(
      fc
        .array(fc.oneof(fc.constantFrom(...WORDS), fc.string({ unit: "binary", maxLength: 6 })), { maxLength: 40 })
        .map((words) => words.join("")),
      check,
    ),
    0.5,
  );

  fuzzTest(
    "every place lies in its text, and the places go forward",
    fc.property(mutatedText(CORPUS, WORDS), (text) => {
      if (parseToml(text).isErr()) return;
      for (const { keyAt, valueAt, end } of positionsIn(text)) {
        expect(keyAt).toBeWithin(0, text.length + 1);
        expect(valueAt).toBeWithin(0, text.length + 1);
        expect(end).toBeWithin(keyAt, text.length + 1);
      }
    }),
    0.5,
  );

  test.each([
    ["arrays in arrays", (n: number) => `x = ${"[".repeat(n)}${"]".repeat(n)}`],
    ["arrays that never end", (n: number) => `x = ${"[".repeat(n)}`],
    ["tables in tables", (n: number) => `x = ${"{a=".repeat(n)}1${"}".repeat(n)}`],
    ["a key of many parts", (n: number) => `${"a.".repeat(n)}b = 1`],
    ["a header of many parts", (n: number) => `[hosts.${"a.".repeat(n)}b]`],
    ["unknown keys", (n: number) => Array.from({ length: n }, (_, index) => `k${index} = 1`).join("\n")],
    ["replicas", (n: number) => Array.from({ length: n }, (_, index) => `[replicas."/mnt/${index}"]`).join("\n")],
    ["hosts", (n: number) => Array.from({ length: n }, (_, index) => `[hosts.h${index}]\ndata_dirs = ["/d${index}"]`).join("\n")],
    [
      "data directories",
      (n: number) => `[hosts.exao1]\ndata_dirs = [${Array.from({ length: n }, (_, index) => `"/${index}"`).join(",")}]`,
    ],
    ["one long key", (n: number) => `${"k".repeat(n * 10)} = 1`],
    ["one long string", (n: number) => `hostname = "${"x".repeat(n * 10)}"`],
    ["line ends", (n: number) => "\n".repeat(n * 10)],
    ["comments", (n: number) => "# x\n".repeat(n)],
    ["quotes", (n: number) => `x = ${'"'.repeat(n)}`],
    ["escapes", (n: number) => `hostname = "${"\\u0041".repeat(n)}"`],
  ])(
    "a great many %s take no great time",
    (_, make) => {
      for (const length of [10, 1_000, 20_000, 100_000]) check(make(length));
    },
    60_000,
  );
});
