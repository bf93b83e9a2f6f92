/** Turns what zod says of a value into a mistake with its place, what was found, what was expected and what was probably meant. */
import type { z } from "zod";
import { type Positioned, placeOf } from "./_positions.ts";
import { type KeyPath, type TomlTable, tomlTypeOf } from "./_toml.ts";
import type { Mistake } from "./config-error.ts";
import { KNOWN_KEYS } from "./schema.ts";
import { suggest } from "./suggest.ts";

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string in quotes",
  boolean: "true or false",
  array: 'an array such as ["..."]',
  object: "a table",
  record: "a table",
};

/** What an operator could write instead; schema.test.ts proves that each is right, and that no key is left out. */
export const EXAMPLES: Readonly<Record<string, string>> = {
  hostname: 'hostname = "exao1"',
  database: 'database = "/var/lib/xtelemdb/inventory.db"',
  status_file: 'status_file = "/run/xtelemdb/status.json"',
  interval: 'interval = "10m"',
  watch: "watch = true",
  settle: 'settle = "10s"',
  max_wait: 'max_wait = "1h"',
  exclude: 'exclude = ["*.tmp"]',
  max_loss: 'max_loss = "20%"',
  workers: "workers = 2",
  max_entries: "max_entries = 50_000_000",
  nice: "nice = 10",
  io_priority: 'io_priority = "idle"',
  stall_timeout: 'stall_timeout = "5m"',
  inventory_copy_every: 'inventory_copy_every = "1d"',
  every: 'every = "30d"',
  listen: 'listen = "127.0.0.1:9440"',
  allow_remote: "allow_remote = true",
  address: 'address = "ssh://icc"',
  aliases: 'aliases = ["aoc"]',
  data_dirs: 'data_dirs = ["/opt/MagAOX/logs"]',
  local: "local = true",
  import_origins: "import_origins = true",
  import_layout: 'import_layout = "role"',
  import_rewrite: 'import_rewrite = ["/logs -> /opt/MagAOX/logs"]',
  reserve: 'reserve = "1 GiB"',
  bandwidth: 'bandwidth = "50 MB"',
  connections: "connections = 2",
  ssh_options: 'ssh_options = ["IdentityFile=/etc/xtelemdb/key"]',
  timeout: 'timeout = "60s"',
};

const TABLE_EXAMPLES: Readonly<Record<string, string>> = {
  scan: "[scan]",
  status: "[status]",
  verify: "[verify]",
  hosts: "[hosts.exao1]",
  replicas: '[replicas."/mnt/backup"]',
};

/** The line to write at a path: that of its key, or the header of its table. */
function exampleOf(path: KeyPath): string {
  const [section = "", ...rest] = path.map(String);
  const key = ["scan", "status", "verify"].includes(section) ? rest[0] : rest[1];
  return EXAMPLES[key ?? section] ?? TABLE_EXAMPLES[section] ?? "what the example configuration shows";
}

/** `in [hosts.exao1]`, as a person would point at it. */
const whereabouts = (path: KeyPath): string =>
  path.length === 0
    ? "at the top level"
    : `in [${path.map((part) => (/^[A-Za-z0-9_-]+$/.test(String(part)) ? part : JSON.stringify(part))).join(".")}]`;

/** The value at a path, or undefined. */
export function valueAt(table: TomlTable, path: KeyPath): unknown {
  let value: unknown = table;
  for (const part of path) {
    // Only tables and arrays have parts; anything else answers undefined.
    value = typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[part] : undefined;
  }
  return value;
}

/** A copy of the table without what zod found wrong: the mistaken key goes, and with an element of an array the whole array. */
export function withoutMistaken(table: TomlTable, issues: readonly z.core.$ZodIssue[]): TomlTable {
  const copy = structuredClone(table);
  for (const issue of issues) {
    const path = issue.path.map(String);
    const paths = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...path, key]) : [path];
    for (const whole of paths) {
      const firstIndex = issue.path.findIndex((part) => typeof part === "number");
      const cut = firstIndex < 0 ? whole : whole.slice(0, firstIndex);
      const parent = valueAt(copy, cut.slice(0, -1));
      if (typeof parent === "object" && parent !== null) Reflect.deleteProperty(parent, cut[cut.length - 1] ?? "");
    }
  }
  return copy;
}

/** More help nobody, and finding the place of each takes its time. */
const MOST_TOLD = 100;

export class Mistakes {
  readonly #found: Mistake[] = [];

  constructor(
    private readonly text: string,
    private readonly positions: readonly Positioned[],
  ) {}

  /** In the order of the text. */
  get all(): readonly Mistake[] {
    return this.#found.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  /** Adds a mistake at the key or the value of a path. */
  add(path: KeyPath, what: "key" | "value", message: string, help: string): void {
    if (this.#isFull()) return;
    this.#found.push({ ...placeOf(this.text, this.positions, path, what), message, help });
    if (!this.#isFull()) return;
    const last = { line: this.text.split("\n").length, column: 1 };
    this.#found.push({ ...last, message: "there are more mistakes than are told", help: "correct these first" });
  }

  #isFull(): boolean {
    return this.#found.length >= MOST_TOLD;
  }

  /** The line on which a path stands, to refer to it from another mistake. */
  lineOf(path: KeyPath): number {
    return this.#isFull() ? 1 : placeOf(this.text, this.positions, path, "key").line;
  }

  /** Adds what zod found wrong in the table that was parsed from the text. */
  addIssue(table: TomlTable, issue: z.core.$ZodIssue): void {
    const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
    const name = JSON.stringify(path.findLast((part) => typeof part === "string") ?? "");
    if (issue.code === "unrecognized_keys") {
      const known = KNOWN_KEYS[String(path[0] ?? "")] ?? [];
      for (const key of issue.keys.slice(0, MOST_TOLD)) {
        const meant = suggest(key, known);
        const help = meant === undefined ? `known here: ${known.join(", ")}` : `did you mean "${meant}"?`;
        this.add([...path, key], "key", `unknown key ${JSON.stringify(key)} ${whereabouts(path)}`, help);
      }
      return;
    }
    const value = valueAt(table, path);
    if (issue.code === "invalid_type") {
      const found = `${tomlTypeOf(value)}${typeof value === "object" ? "" : ` (${typeof value === "string" ? JSON.stringify(value) : String(value)})`}`;
      const expected = EXPECTED[issue.expected] ?? issue.expected;
      this.add(path, "value", `${name} is ${found}, but ${expected} is expected`, `write ${exampleOf(path)}`);
      return;
    }
    this.add(path, "value", `${name} is ${JSON.stringify(value)}, but ${issue.message} is expected`, `write ${exampleOf(path)}`);
  }
}
