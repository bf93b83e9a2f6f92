/** What the tests of this folder share: a world that does not depend on the machine, and random configurations. */
import fc from "fast-check";
import type { Environment } from "./environment.ts";
import { parseConfiguration } from "./parse.ts";

export const FILE = "/etc/xtelemdb/xtelemdb.toml";

export const environmentOf = (changes: Partial<Environment> = {}): Environment => ({
  hostname: "exao1",
  variables: {},
  uid: 0,
  home: "/root",
  exists: () => false,
  ...changes,
});

/** Parses, and fails the test with the mistakes when there are any. */
export function stateOf(text: string, environment = environmentOf()) {
  return parseConfiguration(text, FILE, environment).match(
    (state) => state,
    (error) => {
      throw new Error(JSON.stringify(error, null, 2));
    },
  );
}

/** `line:column: message | help` of every mistake. */
export function mistakesOf(text: string, environment = environmentOf()): string[] {
  return parseConfiguration(text, FILE, environment).match(
    () => [],
    (error) =>
      error.kind === "config-invalid"
        ? error.mistakes.map(({ line, column, message, help }) => `${line}:${column}: ${message} | ${help}`)
        : [error.kind],
  );
}

/** The text of a Result; anything else fails the test. */
export function wanted<Value>(result: { match<Out>(ok: (value: Value) => Out, err: (error: unknown) => Out): Out }): Value {
  return result.match(
    (value) => value,
    (error) => {
      throw new Error(JSON.stringify(error, null, 2));
    },
  );
}

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,6}$/);
const comment = fc.constantFrom("", "", "# note", '# [replicas."/no"] # "', "\t#: odd", "#");
const blank = fc.constantFrom("", "", "\n", "\n\n");

const localKey = name.map((text) => `/mnt/${text}`);
const sshKey = fc
  .tuple(
    fc.constantFrom("", "me@"),
    name,
    fc.constantFrom("", ":2222"),
    fc.constantFrom("/", "//"),
    name,
    fc.constantFrom("", "/"),
  )
  .map(([user, host, port, slash, path, end]) => `ssh://${user}${host}${port}${slash}${path}${end}`);
export const replicaKeys = fc.oneof(localKey, sshKey);

interface RandomReplica {
  readonly key: string;
  readonly importOrigins: boolean | undefined;
  readonly reserve: string | undefined;
  readonly workers: number | undefined;
  readonly local: boolean;
  readonly style: "header" | "inline" | "dotted";
  readonly note: string;
}

const replica: fc.Arbitrary<RandomReplica> = fc.record({
  key: replicaKeys,
  importOrigins: fc.option(fc.boolean(), { nil: undefined }),
  reserve: fc.option(fc.constantFrom("1 GiB", "500MB", "0", "1.5 TiB"), { nil: undefined }),
  workers: fc.option(fc.nat(64), { nil: undefined }),
  local: fc.boolean(),
  style: fc.constantFrom("header", "header", "inline", "dotted"),
  note: comment,
});

function optionsOf({ key, importOrigins, reserve, workers, local }: RandomReplica): string[] {
  return [
    ...(local && key.startsWith("/") ? ["local = true"] : []),
    ...(importOrigins === undefined ? [] : [`import_origins = ${importOrigins}`]),
    ...(importOrigins === true ? ['import_layout = "short"', 'import_rewrite = ["/a b -> /c", "/ -> /"]'] : []),
    ...(reserve === undefined ? [] : [`reserve = '${reserve}'`, `bandwidth = "${reserve}"`]),
    ...(workers === undefined ? [] : [`workers = ${workers}`]),
  ];
}

function linesOf(one: RandomReplica): string {
  const key = JSON.stringify(one.key);
  const options = optionsOf(one);
  if (one.style === "header")
    return [`[replicas.${key}] ${one.note}`, ...options.map((line) => `  ${line} ${one.note}`)].join("\n");
  if (one.style === "inline" || options.length === 0) return `${key} = { ${options.join(", ")} } ${one.note}`;
  return options.map((line) => `${key} . ${line} ${one.note}`).join("\n");
}

/** A right configuration in any of the ways to write one, with comments everywhere, and the keys of its replicas. */
export const configurations = fc
  .record({
    replicas: fc.uniqueArray(replica, { maxLength: 5, selector: ({ key }) => key.replace(/\/$/, "") }),
    directories: fc.uniqueArray(name, { maxLength: 3 }),
    exclude: fc.array(fc.constantFrom("*.tmp", "a#b", "sub/*.old", "é\"'\\[", "tab\there")),
    interval: fc.constantFrom("10m", "1h30m", "90s", "24d"),
    maxLoss: fc.constantFrom("20%", "0%", "100%", "33.333333%", "0.000001%"),
    notes: fc.array(fc.tuple(comment, blank), { minLength: 8, maxLength: 8 }),
    newline: fc.constantFrom("\n", "\r\n"),
    mark: fc.constantFrom("", "", "\ufeff"),
    lastLine: fc.boolean(),
    scanLast: fc.boolean(),
  })
  .map(({ replicas, directories, exclude, interval, maxLoss, notes, newline, mark, lastLine, scanLast }) => {
    const note = (index: number): string => `${notes[index]?.[1] ?? ""}${notes[index]?.[0] ?? ""}`;
    const scan = `[scan]\ninterval = "${interval}"\nmax_loss = "${maxLoss}"\nexclude = [\n${exclude.map((one) => `  ${JSON.stringify(one)}, # "]`).join("\n")}\n]`;
    const grouped = replicas.filter(({ style }) => style !== "header").map(linesOf);
    const text = [
      note(0),
      'hostname = "exao1"',
      note(1),
      scanLast ? "" : scan,
      note(2),
      `[hosts.exao1]\naliases = ["aoc"]\ndata_dirs = ${JSON.stringify(directories.map((one) => `/data/${one}`))}`,
      note(3),
      grouped.length === 0 ? "" : `[replicas]\n${grouped.join(`\n${notes[4]?.[0] ?? ""}\n`)}`,
      ...replicas.filter(({ style }) => style === "header").map((one, index) => `${note(5 + (index % 2))}\n${linesOf(one)}`),
      note(7),
      scanLast ? scan : "",
    ].join("\n");
    return { text: mark + `${text}${lastLine ? "\n" : ""}`.replaceAll("\n", newline), keys: replicas.map(({ key }) => key) };
  });
