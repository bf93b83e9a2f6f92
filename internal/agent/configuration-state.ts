/** Whether the configuration file is as it is in force; and what of it cannot change while the agent runs. */
import { err, ok, type Result } from "neverthrow";
import type { DesiredState } from "../config/mod.ts";
import type { Condition } from "./condition.ts";

export const LOADED: Condition = {
  type: "ConfigurationValid",
  status: "True",
  reason: "ConfigurationLoaded",
  message: "the file is as it is in force",
};

/** `text`: what is wrong, with line and column. */
export const rejected = (text: string): Condition => ({
  type: "ConfigurationValid",
  status: "False",
  reason: "ConfigurationRejected",
  message: text,
});

/** Named at the start and used until the end: by who holds the lock, by who reads the status. */
const FIXED = {
  hostname: "hostname",
  database: "database",
  statusFile: "status_file",
  stallTimeoutMilliseconds: "stall_timeout",
} as const;

/** As the operator writes them. */
export const fixedKeysThatDiffer = (before: DesiredState, next: DesiredState): string[] =>
  (Object.keys(FIXED) as (keyof typeof FIXED)[]).filter((key) => next[key] !== before[key]).map((key) => FIXED[key]);

/** What was loaded, or why it cannot come into force: an agent serves its host by the name that it was started with. */
export function acceptable(before: DesiredState, loaded: Result<DesiredState, string>): Result<DesiredState, string> {
  return loaded.andThen((next) => {
    const declares = ({ hosts }: DesiredState): boolean => hosts.some(({ name }) => name === before.hostname);
    if (next.hostname === before.hostname || declares(next) || !declares(before)) return ok(next);
    return err(
      `the agent was started as ${before.hostname}, and the file declares that host no more: this machine is ${next.hostname} there\nhelp: a running agent keeps its name: restart it (systemctl restart xtelemdb)`,
    );
  });
}

export function withFixedKeys(next: DesiredState, before: DesiredState): DesiredState {
  const { hostname, database, statusFile, status, stallTimeoutMilliseconds } = before;
  return { ...next, hostname, database, statusFile, status, stallTimeoutMilliseconds };
}
