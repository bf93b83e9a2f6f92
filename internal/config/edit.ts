/**
 * Adds and removes a replica in the text of a configuration: everything else stays to the letter, comments and order included. The result is parsed
 * before it is handed out, and must differ in exactly that replica.
 */
import { err, ok, type Result } from "neverthrow";
import { placeAt, positionsIn } from "./_positions.ts";
import { parseToml } from "./_toml.ts";
import type { ConfigError } from "./config-error.ts";
import type { DesiredState } from "./desired-state.ts";
import type { Environment } from "./environment.ts";
import { replicaKey } from "./names.ts";
import { parseConfiguration } from "./parse.ts";

export interface NewReplica {
  readonly key: string;
  readonly importOrigins: boolean;
}

const refuse = (file: string, message: string, help: string): Result<never, ConfigError> =>
  err({ kind: "config-edit", file, message, help });

const newlineOf = (text: string): string => (text.includes("\r\n") ? "\r\n" : "\n");

/** The text with one more replica, in a table of its own at the end. */
export function addReplica(
  text: string,
  file: string,
  environment: Environment,
  replica: NewReplica,
): Result<string, ConfigError> {
  return parseConfiguration(text, file, environment).andThen((before) => {
    const parsed = replicaKey(replica.key);
    if (parsed.isErr())
      return refuse(file, `the replica ${JSON.stringify(replica.key)} ${parsed.error}`, "correct the prefix or the host");
    const twin = before.replicas.find(({ id }) => id === parsed.value.id);
    if (twin !== undefined) {
      const { line } = positionOf(text, twin.written);
      return refuse(
        file,
        `the replica ${JSON.stringify(twin.written)} is declared already, on line ${line}`,
        '"xtelemdb replica_list" shows all of them',
      );
    }
    const newline = newlineOf(text);
    const options = [
      ...(parsed.value.target.kind === "local" ? ["local = true"] : []),
      ...(replica.importOrigins ? ["import_origins = true"] : []),
    ];
    const table = [`[replicas.${JSON.stringify(replica.key)}]`, ...options].map((line) => line + newline).join("");
    const body = text === "" || text.endsWith("\n") ? text : text + newline;
    const after = `${body}${body.trim() === "" ? "" : newline}${table}`;
    return confirm(before, after, file, environment, [...before.replicas.map(({ id }) => id), parsed.value.id]);
  });
}

/** The text without one replica: its table, the keys in it, and the comment lines right above it. */
export function removeReplica(text: string, file: string, environment: Environment, key: string): Result<string, ConfigError> {
  return parseConfiguration(text, file, environment).andThen((before) => {
    const parsed = replicaKey(key);
    const id = parsed.isOk() ? parsed.value.id : key;
    const replica = before.replicas.find((one) => one.id === id || one.written === key);
    if (replica === undefined) {
      const declared = before.replicas.map(({ written }) => written).join(", ");
      return refuse(file, `there is no replica ${JSON.stringify(key)}`, `declared are: ${declared || "none"}`);
    }
    const after = withoutTable(text, replica.written) ?? withoutKeys(text, replica.written);
    const rest = before.replicas.filter((one) => one !== replica).map((one) => one.id);
    const by = (): Result<string, ConfigError> =>
      refuse(
        file,
        `the replica ${JSON.stringify(key)} is written in a way that cannot be taken out safely`,
        `remove it by hand: line ${positionOf(text, replica.written).line}`,
      );
    return after === undefined ? by() : confirm(before, after, file, environment, rest).orElse(by);
  });
}

const positionOf = (text: string, written: string) => {
  const found = positionsIn(text).find(({ path }) => path[0] === "replicas" && path[1] === written);
  return placeAt(text, found?.keyAt ?? 0);
};

/** Both states must be the same but for the replicas, and those must be the expected ones. */
function confirm(
  before: DesiredState,
  text: string,
  file: string,
  environment: Environment,
  expected: readonly string[],
): Result<string, ConfigError> {
  return parseConfiguration(text, file, environment).andThen((after) => {
    const same = (state: DesiredState) => JSON.stringify({ ...state, hash: "", replicas: [] });
    const ids = (list: readonly string[]) => JSON.stringify(list.toSorted());
    const good = same(before) === same(after) && ids(after.replicas.map(({ id }) => id)) === ids(expected);
    return good ? ok(text) : refuse(file, "the edit would have changed more than the replica", "edit the file by hand");
  });
}

/** Cuts out `[replicas."..."]` and what belongs to it; undefined when it is not written so. */
function withoutTable(text: string, written: string): string | undefined {
  const positions = positionsIn(text);
  const headers = positions.filter(({ kind, valueAt }) => kind === "header" && text[valueAt] === "[");
  const header = headers.find(({ path }) => path.length === 2 && path[0] === "replicas" && path[1] === written);
  if (header === undefined) return undefined;
  const lineStart = (offset: number): number => text.lastIndexOf("\n", offset - 1) + 1;
  let from = lineStart(header.valueAt);
  for (;;) {
    const above = lineStart(Math.max(0, from - 1));
    if (above === from || !text.slice(above, from).trimStart().startsWith("#")) break;
    from = above;
  }
  const last = positions
    .filter(({ path }) => path[0] === "replicas" && path[1] === written)
    .reduce((end, one) => Math.max(end, one.end), header.end);
  const lineEnd = text.indexOf("\n", last);
  let to = lineEnd < 0 ? text.length : lineEnd + 1;
  // The blank lines after it, unless it was the first thing in the file.
  while (from > 0 && /^[ \t]*\r?\n/.test(text.slice(to))) to = text.indexOf("\n", to) + 1;
  return text.slice(0, from) + text.slice(to);
}

/** Cuts out whole lines such as `replicas."/mnt/backup".local = true` or `"/mnt/backup" = { local = true }`. */
function withoutKeys(text: string, written: string): string | undefined {
  const values = positionsIn(text).filter(({ kind, path }) => kind === "value" && path[0] === "replicas" && path[1] === written);
  let after = text;
  for (const { keyAt, end } of values
    .filter((one) => !values.some((other) => other !== one && other.valueAt <= one.keyAt && one.end <= other.end))
    .toReversed()) {
    const from = text.lastIndexOf("\n", keyAt - 1) + 1;
    const lineEnd = text.indexOf("\n", end);
    const to = lineEnd < 0 ? text.length : lineEnd + 1;
    if (text.slice(end, to).replace(/#.*/s, "").trim() !== "") return undefined;
    after = after.slice(0, from) + after.slice(to);
  }
  return parseToml(after).isOk() && after !== text ? after : undefined;
}
