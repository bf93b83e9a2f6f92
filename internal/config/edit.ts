/**
 * Adds and removes a replica in the text of a configuration: everything else stays to the letter, comments and order included. The result is parsed
 * before it is handed out, and must differ in exactly that replica. What cannot be edited with certainty is refused, with the line to edit by hand.
 */
import { isDeepStrictEqual } from "node:util";
import { err, ok, type Result } from "neverthrow";
import { keysOfReplica, lineOfReplica, placeForReplica, tableOfReplica } from "./_replica-text.ts";
import { parseToml } from "./_toml.ts";
import type { ConfigError } from "./config-error.ts";
import { type DesiredState, REPLICA_DEFAULTS, type Replica } from "./desired-state.ts";
import type { Environment } from "./environment.ts";
import { replicaKey } from "./names.ts";
import { parseConfiguration } from "./parse.ts";

export interface NewReplica {
  readonly key: string;
  readonly importOrigins: boolean;
  /** Where it is declared already nothing is edited; else that is refused. */
  readonly mayBeDeclared?: boolean;
}

const refuse = (file: string, message: string, help: string): Result<never, ConfigError> =>
  err({ kind: "config-edit", file, message, help });

/** The text with one more replica, in a table of its own after the last replica, else at the end. Line ends are those of the text. */
export function addReplica(
  text: string,
  file: string,
  environment: Environment,
  { key, importOrigins, mayBeDeclared = false }: NewReplica,
): Result<string, ConfigError> {
  return parseConfiguration(text, file, environment).andThen((before) => {
    const parsed = replicaKey(key);
    if (parsed.isErr()) {
      return refuse(file, `the replica ${JSON.stringify(key)} ${parsed.error}`, "correct the prefix or the host");
    }
    const twin = before.replicas.find(({ id }) => id === parsed.value.id);
    if (twin !== undefined && mayBeDeclared) return ok(text);
    if (twin !== undefined) {
      return refuse(
        file,
        `the replica ${JSON.stringify(twin.written)} is declared already, on line ${lineOfReplica(text, twin.written)}`,
        '"xtelemdb status" tells how it stands, and what to do; for a new volume in the place of one that is gone for good: new_volume=true',
      );
    }
    const newline = text.includes("\r\n") ? "\r\n" : "\n";
    const table = [
      `[replicas.${JSON.stringify(key)}]`,
      ...(parsed.value.target.kind === "local" ? ["local = true"] : []),
      ...(importOrigins ? ["import_origins = true"] : []),
    ].map((line) => line + newline);
    const whole = text === "" || text.endsWith("\n") ? text : text + newline;
    const at = placeForReplica(whole);
    const gap = whole.trim() === "" ? "" : newline;
    const after = `${whole.slice(0, at)}${gap}${table.join("")}${whole.slice(at)}`;
    const added: Replica = { ...parsed.value, written: key, importOrigins, ...REPLICA_DEFAULTS };
    if (parseToml(after).isErr()) {
      return refuse(
        file,
        `the replicas are written in a way to which ${JSON.stringify(key)} cannot be added safely`,
        `add it by hand: line ${lineOfReplica(text)}`,
      );
    }
    return confirmed(before, after, file, environment, [...before.replicas, added]).mapErr(asReason);
  });
}

/** A mistake in a text that is in no file cannot be shown at its line: it is told as the reason of a refusal. */
function asReason(error: ConfigError): ConfigError {
  const mistake = error.kind === "config-invalid" ? error.mistakes[0] : undefined;
  if (mistake === undefined) return error;
  return { kind: "config-edit", file: error.file, message: `nothing was changed: ${mistake.message}`, help: mistake.help };
}

/** The text without one replica: its table or keys, and the comment lines right above. `key` may be any spelling of it. */
export function removeReplica(text: string, file: string, environment: Environment, key: string): Result<string, ConfigError> {
  return parseConfiguration(text, file, environment).andThen((before) => {
    const id: string = replicaKey(key).match(
      (parsed) => parsed.id,
      () => key,
    );
    const replica = before.replicas.find((one) => one.id === id || one.written === key);
    if (replica === undefined) {
      const declared = before.replicas.map(({ written }) => written).join(", ");
      return refuse(file, `there is no replica ${JSON.stringify(key)}`, `declared are: ${declared || "none"}`);
    }
    const ranges = tableOfReplica(text, replica.written) ?? keysOfReplica(text, replica.written);
    const byHand = (): Result<string, ConfigError> =>
      refuse(
        file,
        `the replica ${JSON.stringify(key)} is written in a way that cannot be taken out safely`,
        `remove it by hand: line ${lineOfReplica(text, replica.written)}`,
      );
    if (ranges === undefined) return byHand();
    let after = text;
    for (const { from, to } of ranges.toReversed()) after = after.slice(0, from) + after.slice(to);
    const rest = before.replicas.filter((one) => one !== replica);
    return confirmed(before, after, file, environment, rest).orElse(byHand);
  });
}

/** The text, when it means what the old one meant, but for the replicas, and those are the expected ones. */
function confirmed(
  before: DesiredState,
  text: string,
  file: string,
  environment: Environment,
  expected: readonly Replica[],
): Result<string, ConfigError> {
  const plain = (state: DesiredState, replicas: readonly Replica[]): unknown => ({
    ...state,
    hash: "",
    replicas: replicas.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  });
  return parseConfiguration(text, file, environment).andThen((after) =>
    isDeepStrictEqual(plain(after, after.replicas), plain(before, expected))
      ? ok(text)
      : refuse(file, "the edit would have changed more than the replica", "edit the file by hand"),
  );
}
