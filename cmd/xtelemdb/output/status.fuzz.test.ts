/** The status file may be anybody's: it is a status that can be shown, or none. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parseStatus, type StatusDocument } from "../../../internal/agent/mod.ts";
import { jsonText } from "../../../internal/sys/mod.ts";
import { fuzzTest, mutatedText } from "../../../internal/testing/mod.ts";
import { shown } from "./shown.ts";
import { statusText } from "./status-text.ts";
import { fitted, newsOf, watchText } from "./watch-text.ts";

const TEXT = readFileSync(join(import.meta.dir, "..", "..", "..", "fixtures", "status", "status.json"), "utf8");

const WORDS = [
  "null",
  "true",
  "[]",
  "{}",
  '""',
  "1e308",
  "1e999",
  "-1",
  "0.5",
  "9007199254740993",
  '"\\u001b]0;x\\u0007"',
  '"\\u009b2J"',
  '"\\u202e"',
  '"\\ud800"',
  '"__proto__":',
  ",",
  "}",
  "]",
  "\0",
];

/** Everything that acts on a terminal, is not seen, or is half a character. */
const ACTING = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function show(document: StatusDocument): void {
  const reading = { status: document, events: [], at: 0 };
  const views = [
    statusText(document),
    watchText([reading, { ...reading, at: 5_000 }], document.agent.hostname).join("\n"),
    fitted(watchText([reading]), { columns: 40, rows: 5 }, "hint").join("\n"),
    newsOf(document),
  ];
  for (const view of views) expect(shown(view, false)).not.toMatch(ACTING);
  const json = jsonText(document, 2);
  expect(json).not.toMatch(ACTING);
  expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(document)));
}

/** Every place in a document where a value stands. */
function placesOf(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, part]) => placesOf(part, [...path, Array.isArray(value) ? Number(key) : key])),
  ];
}
const PLACES = placesOf(JSON.parse(TEXT)).filter((path) => path.length > 0);

const hostile = fc.oneof(
  fc.constantFrom(
    null,
    true,
    0,
    -1,
    1e308,
    -1e308,
    5e-324,
    Number.MAX_SAFE_INTEGER,
    "",
    "\u001b[2J\u001b]0;owned\u0007",
    "\u009b31m",
    "\u202edlrow",
    "a\nb\r\tc",
    [],
    {},
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.jsonValue({ maxDepth: 2 }),
);

/** A status with some of its values replaced. */
const replaced = fc.array(fc.tuple(fc.nat(PLACES.length - 1), hostile), { minLength: 1, maxLength: 4 }).map((changes) => {
  const document = JSON.parse(TEXT);
  for (const [index, value] of changes) {
    const path = PLACES[index] ?? [];
    const parent = path.slice(0, -1).reduce((at, key) => (typeof at === "object" && at !== null ? at[key] : undefined), document);
    if (typeof parent === "object" && parent !== null) parent[path[path.length - 1] ?? ""] = value;
  }
  return JSON.stringify(document);
});

describe("a status file", () => {
  test("that the program wrote is read as it is", () => {
    expect(parseStatus(TEXT)).toEqual(JSON.parse(TEXT));
  });

  test("of another format, or with a part missing, is none", () => {
    expect(parseStatus(TEXT.replace('"format": 1', '"format": 2'))).toBeUndefined();
    expect(parseStatus('{"format":1}')).toBeUndefined();
    expect(parseStatus("null")).toBeUndefined();
    expect(parseStatus("[".repeat(100_000))).toBeUndefined();
  });

  test("of a later release with more fields is read", () => {
    expect(parseStatus(TEXT.replace('"format": 1', '"more": {"x": 1}, "format": 1'))).toBeDefined();
  });

  fuzzTest(
    "with something wrong in its text can be shown, or is none",
    fc.property(mutatedText([TEXT], WORDS), (text) => {
      const document = parseStatus(text);
      if (document !== undefined) show(document);
    }),
    0.2,
  );

  fuzzTest(
    "with other values in it can be shown, or is none",
    fc.property(replaced, (text) => {
      const document = parseStatus(text);
      if (document !== undefined) show(document);
    }),
    0.2,
  );
});
