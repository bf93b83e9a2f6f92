/** The one file that knows which TOML library this is (DESIGN.md section 8), and where in the text a key or value stands. */
import { parse, TomlDate, TomlError } from "@std/toml";
import { err, ok, type Result } from "neverthrow";

export type TomlTable = Readonly<Record<string, unknown>>;

export interface TomlProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly help: string;
}

/** The library's words for the usual slips, in words for an operator. Other messages are handed on as they are. */
const IN_PLAIN_WORDS: Readonly<Record<string, readonly [message: string, help: string]>> = {
  "invalid value": ["this is no value", 'strings need quotes, such as "exao1"; true, false and numbers need none'],
  "unfinished string": ["the string has no end", "close it with the quote it began with"],
  "control characters are not allowed in strings": [
    "a control character in a string",
    'write it as an escape such as "\\t", or remove it',
  ],
  "each key-value declaration must be followed by an end-of-line": [
    "something follows the value on its line",
    "write one key a line; a comment begins with #",
  ],
  "trying to redefine an already defined table or value": [
    "this is declared further up already",
    "put the two together, or remove one",
  ],
};

function inPlainWords(error: TomlError, text: string): TomlProblem {
  const { line, column } = error;
  const message = error.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "it cannot be read";
  // The library sees a line that ends inside a string as one with a control character in it.
  const atLineEnd = /^\r?$/.test(text.split("\n")[line - 1]?.slice(column - 1) ?? "");
  const known = atLineEnd && message.startsWith("control characters") ? "unfinished string" : message;
  const [words, help] = IN_PLAIN_WORDS[known] ?? [message, "https://toml.io/en/v1.0.0 says how TOML is written"];
  return { line, column, message: words, help };
}

export type KeyPath = readonly (string | number)[];

/** No configuration is longer, and nothing in one lies deeper: what is goes on for ever, or is something else. */
const MOST_CHARACTERS = 1 << 18;
const MOST_DEPTH = 64;

/** The values of a text. Dates stay objects of the library: no key of ours is a date. */
export function parseToml(text: string): Result<TomlTable, TomlProblem> {
  const refused = (message: string, help: string): Result<never, TomlProblem> => err({ line: 1, column: 1, message, help });
  if (text.length > MOST_CHARACTERS) return refused(`it is longer than ${MOST_CHARACTERS} characters`, "is this the right file?");
  try {
    const table: TomlTable = parse(text);
    return isDeeper(table, MOST_DEPTH)
      ? refused(`its tables lie more than ${MOST_DEPTH} deep in each other`, "no key of xtelemdb lies deeper than three")
      : ok(table);
  } catch (exception) {
    if (!(exception instanceof TomlError)) throw exception;
    return err(inPlainWords(exception, text));
  }
}

/** Looks without recursion: dotted keys nest as deep as a text is long. */
function isDeeper(table: TomlTable, most: number): boolean {
  let level: readonly object[] = [table];
  for (let depth = 0; depth < most; depth++) {
    level = level.flatMap((one) => Object.values(one).filter((value) => typeof value === "object" && value !== null));
    if (level.length === 0) return false;
  }
  return true;
}

/** A word for what a value is, as in messages. */
export function tomlTypeOf(value: unknown): string {
  if (value instanceof TomlDate) return "a date";
  if (Array.isArray(value)) return "an array";
  if (value === null || value === undefined) return "nothing";
  switch (typeof value) {
    case "string":
      return "a string";
    case "number":
      return Number.isInteger(value) ? "a whole number" : "a number";
    case "bigint":
      return "a whole number";
    case "boolean":
      return "a boolean";
    default:
      return "a table";
  }
}
