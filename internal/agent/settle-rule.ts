/** What counts as quiet in a data directory: by this machine's clock, and as far as another machine's can be told from it. */
import type { SettleRule } from "../scan/mod.ts";
import type { VolumeAddress } from "../volume/mod.ts";
import type { Agent } from "./agent.ts";

/** `now`: milliseconds since 1970. `notBefore`: the wall clock was set then (seconds since 1970). */
export const settleRuleFor = (agent: Agent, address: VolumeAddress, now: number, notBefore: number | undefined): SettleRule => ({
  now: now / 1000,
  settleSeconds: agent.state.scan.settleMilliseconds / 1000,
  ...(notBefore === undefined ? {} : { notBefore }),
  ...(address.kind === "ssh" ? { farClock: true } : {}),
});
