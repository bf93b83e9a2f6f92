/** Reads the status for the commands that show a part of it. */
import type { StatusDocument } from "../../internal/agent/mod.ts";
import { type Context, failWithAgentError, type GlobalOptions, withState } from "./context.ts";
import { VERSION } from "./version-text.ts";

/** Reads the status without disturbing whoever works on the inventory, and goes on with it. */
export function withStatus(
  context: Context,
  options: GlobalOptions,
  action: (status: StatusDocument) => number,
): Promise<number> {
  return withState(context, options, async (state) => {
    const { readStatus } = await import("../../internal/agent/mod.ts");
    const status = await readStatus(state, { version: VERSION, now: Date.now });
    return status.isErr() ? failWithAgentError(status.error) : action(status.value);
  });
}
