/** The one file that knows which TOML library this is (DESIGN.md section 8), and where in the text a key or value stands. */
import { parse, TomlDate, TomlError } from "@std/toml";
import { err, ok, type Result } from "neverthrow";

export type TomlTable = Readonly<Record<string, unknown>>;

export interface TomlProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type KeyPath = readonly (string | number)[];

export function parseToml(text: string): Result<TomlTable, TomlProblem> {
  try {
    return ok(parse(text));
  } catch (exception) {
    if (!(exception instanceof TomlError)) throw exception;
    const message = exception.message.split("\n")[0]?.replace(/^Invalid TOML document: /, "") ?? "not TOML";
    return err({ line: exception.line, column: exception.column, message });
  }
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
