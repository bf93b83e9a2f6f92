/** One declared host, as `host` names it. */
import { err, ok, type Result } from "neverthrow";
import { type DesiredState, type Host, suggest } from "../../internal/config/mod.ts";

/** The host of that name or alias; this one where none is named; or what is wrong, with help. */
export function hostOf({ hosts, hostname }: DesiredState, given: string | undefined): Result<Host, string> {
  const name = given ?? hostname;
  const known = hosts.find((host) => host.name === name) ?? hosts.find(({ aliases }) => aliases.some((alias) => alias === name));
  if (known !== undefined) return ok(known);
  const names = hosts.flatMap((host) => [host.name, ...host.aliases]);
  const meant = suggest(name, names);
  return err(
    `${name} is no declared host\nhelp: ${meant === undefined ? `declared are: ${names.join(", ") || "none"}` : `did you mean "${meant}"?`}`,
  );
}

/** The path that an option gave, without a "/" at its end, "" for everything; or what is wrong with it. */
export function originPathOf(given: string | undefined): Result<string, string> {
  if (given === undefined || given === "/") return ok("");
  if (given.startsWith("/")) return ok(given.replace(/\/+$/, ""));
  return err(`the path ${given} is not absolute\nhelp: write it as it is at the origin, such as path=/opt/MagAOX/logs`);
}
