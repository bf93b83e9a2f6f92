/** Turns what zod says of a value into a mistake with its place, what was found, what was expected and what was probably meant. */
import type { z } from "zod";
import { type Positioned, placeOf } from "./_positions.ts";
import { type KeyPath, type TomlTable, tomlTypeOf } from "./_toml.ts";
import type { Mistake } from "./config-error.ts";
import { suggest } from "./suggest.ts";

const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": ["hostname", "database", "status_file", "scan", "hosts", "replicas"],
  scan: ["interval", "watch", "settle", "max_wait", "exclude", "max_loss"],
  hosts: ["aliases", "data_dirs"],
  replicas: ["local", "import_origins", "reserve"],
};

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string in quotes",
  boolean: "true or false",
  array: 'an array such as ["..."]',
  object: "a table",
  record: "a table",
};

/** `[hosts.exao1]`, as a person would point at it. */
export const tableName = (path: KeyPath): string =>
  path.length === 0
    ? "the top level"
    : `[${path.map((part) => (/^[A-Za-z0-9_-]+$/.test(String(part)) ? part : JSON.stringify(part))).join(".")}]`;

export function valueAt(table: TomlTable, path: KeyPath): unknown {
  let value: unknown = table;
  for (const part of path) {
    // Only tables and arrays have parts; anything else answers undefined.
    value = typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[part] : undefined;
  }
  return value;
}

export class Mistakes {
  readonly #found: Mistake[] = [];

  constructor(
    private readonly text: string,
    private readonly positions: readonly Positioned[],
  ) {}

  get all(): readonly Mistake[] {
    return this.#found.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  add(path: KeyPath, what: "key" | "value", message: string, help: string): void {
    this.#found.push({ ...placeOf(this.text, this.positions, path, what), message, help });
  }

  /** The line on which a path stands, to refer to it from another mistake. */
  lineOf(path: KeyPath): number {
    return placeOf(this.text, this.positions, path, "key").line;
  }

  addIssue(table: TomlTable, issue: z.core.$ZodIssue): void {
    const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
    const name = JSON.stringify(path.findLast((part) => typeof part === "string") ?? "");
    if (issue.code === "unrecognized_keys") {
      const known = KNOWN_KEYS[String(path[0] ?? "")] ?? [];
      for (const key of issue.keys) {
        const meant = suggest(key, known);
        const help = meant === undefined ? `known here: ${known.join(", ")}` : `did you mean "${meant}"?`;
        this.add([...path, key], "key", `unknown key ${JSON.stringify(key)} in ${tableName(path)}`, help);
      }
      return;
    }
    const value = valueAt(table, path);
    if (issue.code === "invalid_type") {
      const found = `${tomlTypeOf(value)}${typeof value === "object" ? "" : ` (${String(value)})`}`;
      const expected = EXPECTED[issue.expected] ?? issue.expected;
      this.add(path, "value", `${name} is ${found}, but ${expected} is expected`, `write ${expected}`);
      return;
    }
    this.add(path, "value", `${name} is ${JSON.stringify(value)}, but ${issue.message} is expected`, `write ${issue.message}`);
  }
}
