/**
 * What a former process found is not so now: a data directory or a replica counts as scanned or ready when this process has looked at it. What was in the way then
 * is left to stand until that, because it is in the way most likely still.
 */
import { errAsync, okAsync, type ResultAsync } from "neverthrow";
import { readConditions, setConditions } from "../inventory/mod.ts";
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { hindrance } from "./readiness.ts";

const NOT_LOOKED_AT_YET = {
  status: "Unknown",
  reason: "NotLookedAtYet",
  message: "it was not looked at since the agent was started",
} as const;

/** To be called before anything is said of the state. Writes nothing where nothing would change. */
export function doubtFormerLooks({ inventory, now }: Agent): ResultAsync<void, AgentError> {
  const known = inventory.readNow(readConditions);
  if (known.isErr()) return errAsync(known.error);
  let done: ResultAsync<void, AgentError> = okAsync(undefined);
  for (const subject of new Set(known.value.map((one) => one.subject))) {
    const conditions = known.value.filter((one) => one.subject === subject);
    const doubted = conditions.map((one) => {
      const isSaid = (one.type === "Ready" || one.type === "Scanned") && hindrance(one) === undefined;
      return isSaid ? { ...one, ...NOT_LOOKED_AT_YET } : one;
    });
    if (doubted.every((one, index) => one === conditions[index])) continue;
    done = done.andThen(() => setConditions(inventory, subject, doubted, now()));
  }
  return done;
}
