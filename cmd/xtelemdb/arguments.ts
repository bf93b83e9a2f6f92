/**
 * The handbook's way to write a command line, turned into the usual one: `add_replica host=popeye prefix=ceph/` becomes `add_replica --host=popeye
 * --prefix=ceph/`; "-" and "_" are the same in the names of commands and options. Only names that the command knows are turned, so that a path with
 * a "=" in it stays a path, unless it looks like a slip of the pen (after "--" everything is what it is).
 */
import { suggest } from "../../internal/config/mod.ts";

export interface KnownCommand {
  /** As registered: `add_replica`, or `config check`. */
  readonly name: string;
  /** Long names without dashes, as registered: `import-origins`. */
  readonly options: readonly string[];
  readonly takesPositional: boolean;
}

export type Normalised =
  | { readonly kind: "arguments"; readonly values: readonly string[] }
  | { readonly kind: "unknown-key"; readonly key: string; readonly command: string; readonly meant: string | undefined };

/** Global options. */
const WITHOUT_VALUE: ReadonlySet<string> = new Set(["json", "version"]);
const dashed = (name: string): string => name.replaceAll("_", "-");
const KEY_VALUE = /^([A-Za-z][A-Za-z0-9_-]*)=(.*)$/s;

/** Rewrites the arguments that follow the program's name. */
export function normaliseArguments(
  given: readonly string[],
  commands: readonly KnownCommand[],
  globals: readonly string[],
): Normalised {
  const values: string[] = [];
  let command: KnownCommand | undefined;
  let words: string[] = [];
  for (let index = 0; index < given.length; index++) {
    const argument = given[index] ?? "";
    if (argument === "--") {
      values.push(...given.slice(index));
      break;
    }
    const options = [...(command?.options ?? []), ...globals];
    if (argument.startsWith("--")) {
      const [name = "", ...rest] = argument.slice(2).split("=");
      const known = options.find((option) => option === dashed(name));
      values.push(known === undefined ? argument : `--${[known, ...rest].join("=")}`);
      // The value of a global option before the command is not the command.
      if (command === undefined && rest.length === 0 && known !== undefined && !WITHOUT_VALUE.has(known))
        values.push(given[++index] ?? "");
      continue;
    }
    const [, key, value] = KEY_VALUE.exec(argument) ?? [];
    const option = key === undefined ? undefined : options.find((known) => known === dashed(key));
    const names = options.map((known) => known.replaceAll("-", "_"));
    const meant = key === undefined || option !== undefined ? undefined : suggest(key, names);
    if (option !== undefined) values.push(`--${option}=${value}`);
    else if (key !== undefined && command !== undefined && (meant !== undefined || !command.takesPositional)) {
      return { kind: "unknown-key", key, command: command.name, meant };
    } else if (command === undefined && !argument.startsWith("-")) {
      words = [...words, argument];
      const name = words.map((word) => word.replaceAll("-", "_")).join(" ");
      command = commands.find((known) => known.name === name);
      const isGroup = commands.some((known) => known.name.startsWith(`${name} `));
      values.push(command !== undefined || isGroup ? (name.split(" ").at(-1) ?? argument) : argument);
    } else values.push(argument);
  }
  return { kind: "arguments", values };
}
