import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { placeOf, positionsIn } from "./_positions.ts";
import { type KeyPath, parseToml } from "./_toml.ts";

const placesIn = (text: string, path: KeyPath): string => {
  const positions = positionsIn(text);
  const key = placeOf(text, positions, path, "key");
  const value = placeOf(text, positions, path, "value");
  return `${key.line}:${key.column} ${value.line}:${value.column}`;
};

describe("the key and the value of a path stand", () => {
  test.each<[string, string, KeyPath, string]>([
    ["in a plain assignment", 'a = 1\n  b="x"\n', ["b"], "2:3 2:5"],
    ["behind a header", "[a]\nb = 1\n[c]\nb = 2\n", ["c", "b"], "4:1 4:5"],
    ["under quoted keys with dots and escapes", '[a."b.c\\"d"]\n\'e.f\' = 1\n', ["a", 'b.c"d', "e.f"], "2:1 2:9"],
    ["in dotted keys with blanks", "a . b . c = 1\n", ["a", "b", "c"], "1:9 1:13"],
    ["in the middle of dotted keys", "a.b.c = 1\n", ["a", "b"], "1:3 1:3"],
    ["in an inline table", 'x = { "a" = 1, b.c = [2] }\n', ["x", "b", "c"], "1:18 1:22"],
    ["in an array over lines with comments", "x = [ # ]\n  1, # ,\n  'a',\n]\n", ["x", 1], "3:3 3:3"],
    ["in nested arrays", "x = [[1, 2], [3, 4]]\n", ["x", 1, 0], "1:15 1:15"],
    ["in an array of inline tables", "x = [{a = 1}, {a = 2}]\n", ["x", 1, "a"], "1:16 1:20"],
    ["in an array of tables", "[[x]]\na = 1\n[[x]]\na = 2\n", ["x", 1, "a"], "4:1 4:5"],
    ["behind a multi-line string full of traps", 'a = """\n[b]\n# \\"" c = 1 """\nb = 2\n', ["b"], "4:1 4:5"],
    ["behind a literal multi-line string that ends in quotes", "a = '''\n'' \\'''''\nb = 2\n", ["b"], "3:1 3:5"],
    ["behind an empty string and an escaped backslash", 'a = ""\nb = "\\\\" # "\nc = 3\n', ["c"], "3:1 3:5"],
    ["behind Windows line ends", "a = 1\r\nb = true\r\n", ["b"], "2:1 2:5"],
    ["at the end, without a line end", "a = 1\nb = 2", ["b"], "2:1 2:5"],
    ["behind a date", "a = 1979-05-27 07:32:00Z # x\nb = 2\n", ["b"], "2:1 2:5"],
    ["at a header, which has no value of its own", "a = 1\n[ b ]\n", ["b"], "2:3 2:3"],
    ["at the first header that goes through it", "[a.b]\n", ["a"], "1:2 1:2"],
    ["nowhere: then at the nearest table that stands somewhere", "[a]\nb = 1\n", ["a", "zzz"], "1:2 1:2"],
    ["nowhere at all", "a = 1\n", ["zzz"], "1:1 1:1"],
  ])("%s", (_, text, path, places) => {
    expect(parseToml(text).isOk()).toBe(true);
    expect(placesIn(text, path)).toBe(places);
  });
});

/** Writes a random document, and notes where it puts each key and each value. */
class Writer {
  text = "";
  readonly noted: { path: KeyPath; keyAt: number; valueAt: number }[] = [];

  write(text: string): void {
    this.text += text;
  }
}

type Value =
  | { readonly kind: "plain"; readonly text: string }
  | { readonly kind: "array"; readonly of: readonly Value[]; readonly gap: string }
  | { readonly kind: "table"; readonly of: readonly { readonly key: readonly string[]; readonly value: Value }[] };

const PLAIN = [
  "1",
  "-0.5",
  "true",
  "inf",
  "1979-05-27",
  "07:32:00",
  '""',
  "''",
  '"a # ] } , \\" \\\\"',
  "'\\'",
  '"""\n[x]\ny = 1 # \\"" ""\\\n """',
  "'''\n[[z]] '' \"\"\" '''''",
  '"\\u00e9\\U0001F600\\t"',
];
const KEYS = ["a", "b-c", "0", "_", "é", "a.b", 'say "hi"', "it's", "", "x\ty", "[t]", "#"];

const keys = fc.array(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 3 });
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(...PLAIN).map((text): Value => ({ kind: "plain", text })),
    fc.record({
      kind: fc.constant("array" as const),
      of: fc.array(tie("value"), { maxLength: 3 }),
      gap: fc.constantFrom("", " ", "\n", " # ], [\n  ", "\r\n\t"),
    }),
    fc.record({
      kind: fc.constant("table" as const),
      of: fc.uniqueArray(fc.record({ key: keys, value: tie("value") }), { maxLength: 3, selector: ({ key }) => key[0] }),
    }),
  ),
})).value;

/** A key in one of the ways to write it; the choice follows from its place, so that the same document is the same text. */
function spelled(key: string, at: number): string {
  if (/^[A-Za-z0-9_-]+$/.test(key) && at % 3 !== 0) return key;
  if (!/['\t]/.test(key) && at % 2 === 0) return `'${key}'`;
  return JSON.stringify(key);
}

function writeKeys(writer: Writer, parts: readonly string[]): number {
  let keyAt = 0;
  parts.forEach((part, index) => {
    if (index > 0) writer.write(writer.text.length % 2 === 0 ? " . " : ".");
    keyAt = writer.text.length;
    writer.write(spelled(part, keyAt));
  });
  return keyAt;
}

function writeAssignment(writer: Writer, path: KeyPath, key: readonly string[], of: Value): void {
  const keyAt = writeKeys(writer, key);
  writer.write(writer.text.length % 2 === 0 ? "=" : " = ");
  const whole = [...path, ...key];
  writer.noted.push({ path: whole, keyAt, valueAt: writer.text.length });
  writeValue(writer, whole, of);
}

function writeValue(writer: Writer, path: KeyPath, of: Value): void {
  if (of.kind === "plain") writer.write(of.text);
  else if (of.kind === "table") {
    writer.write("{ ");
    of.of.forEach((item, index) => {
      if (index > 0) writer.write(", ");
      writeAssignment(writer, path, item.key, item.value);
    });
    writer.write(" }");
  } else {
    writer.write("[");
    of.of.forEach((item, index) => {
      writer.write(index > 0 ? `,${of.gap}` : of.gap);
      const at = writer.text.length;
      writer.noted.push({ path: [...path, index], keyAt: at, valueAt: at });
      writeValue(writer, [...path, index], item);
    });
    writer.write(`${of.gap}]`);
  }
}

const documents = fc
  .array(
    fc.record({
      header: keys,
      array: fc.boolean(),
      entries: fc.uniqueArray(fc.record({ key: keys, value }), { maxLength: 4, selector: ({ key }) => key[0] }),
      note: fc.constantFrom("", "# [no] = 1 '''\n", "\n\n", "\t\r\n", '#"""\n'),
    }),
    { maxLength: 4 },
  )
  .map((tables) => {
    const writer = new Writer();
    tables.forEach(({ header, array, entries, note }, index) => {
      // The first table is the top level; each other one has a name of its own, so that none is defined twice.
      const name = index === 0 ? [] : [`table${index}`, ...header];
      writer.write(note);
      const isArray = array && index > 0;
      if (index > 0) {
        writer.write(isArray ? "[[ " : "[");
        writeKeys(writer, name);
        writer.write(isArray ? "]] # ]\n" : " ]\n");
      }
      for (const entry of entries) {
        writer.write(writer.text.length % 2 === 0 ? "" : "  ");
        writeAssignment(writer, isArray ? [...name, 0] : name, entry.key, entry.value);
        writer.write(writer.text.length % 2 === 0 ? "\n" : " # } ]\r\n");
      }
    });
    return writer;
  });

test("every key and value of a random document stands where it was written", () => {
  fc.assert(
    fc.property(documents, ({ text, noted }) => {
      expect(parseToml(text).isOk()).toBe(true);
      const byPath = new Map(
        positionsIn(text)
          .filter(({ kind }) => kind === "value")
          .map((found) => [JSON.stringify(found.path), found]),
      );
      for (const { path, keyAt, valueAt } of noted) expect(byPath.get(JSON.stringify(path))).toMatchObject({ keyAt, valueAt });
      expect(byPath.size).toBe(noted.length);
    }),
    { numRuns: 500 },
  );
});
