/**
 * A pass that has copied something counts itself in the claims of the origin hosts concerned, before the first row says so: a clone of the volume that was made before, or
 * a snapshot of then, is known by it when it is put in the volume's place. Once a pass and host; whoever commits meanwhile waits for it.
 */
import { err, ok, type Result } from "neverthrow";
import { setClaimGenerations } from "../inventory/mod.ts";
import { type ReplicaProblem, replicaProblem } from "../replicate/mod.ts";
import { type Agent, claimsToWrite, expectReply, isoTime } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { VerifyTarget } from "./verify-group.ts";
import { addressOf } from "./volume-address.ts";

/** Nothing when it is done; else why the replica as a whole cannot be worked on, and when a hung worker lets go. */
export type RaiseResult = Result<{ readonly problem?: ReplicaProblem; readonly released?: Promise<void> }, AgentError>;

export class RaisedClaims {
  readonly #raised = new Map<string, Promise<RaiseResult>>();

  constructor(
    private readonly agent: Agent,
    private readonly target: VerifyTarget,
  ) {}

  async raise(hosts: Iterable<string>): Promise<RaiseResult> {
    const results: Promise<RaiseResult>[] = [];
    for (const host of hosts) {
      const raised = this.#raised.get(host) ?? raiseClaims(this.agent, this.target, [host]);
      this.#raised.set(host, raised);
      results.push(raised);
    }
    for (const result of await Promise.all(results)) {
      if (result.isErr() || result.value.problem !== undefined) return result;
    }
    return ok({});
  }
}

/** Raises the claims of these hosts and records it. `wentBack`: the operator has accepted that the volume is an older state of itself. */
export async function raiseClaims(
  agent: Agent,
  { replica, row, marker }: Pick<VerifyTarget, "replica" | "row" | "marker">,
  hosts: readonly string[],
  wentBack?: true,
): Promise<RaiseResult> {
  const claims = claimsToWrite(agent, row.id, hosts);
  if (claims.isErr()) return err(claims.error);
  const now = isoTime(agent.now());
  const where = { address: addressOf(agent.state, replica), marker, claims: claims.value, now };
  const request = { ...where, ...(wentBack === undefined ? {} : { wentBack }) };
  const reply = await agent.hands.run({ kind: "raise-claims", request });
  if (reply.kind === "stalled") return ok({ problem: replicaProblem("WorkerStalled", reply.detail), released: reply.released });
  const answered = await expectReply(reply, "raise-claims");
  if (answered.isErr()) return err(answered.error);
  const { result } = answered.value;
  if ("problem" in result) return ok({ problem: result.problem });
  const saved = await setClaimGenerations(agent.inventory, row.id, result.ok);
  return saved.isErr() ? err(saved.error) : ok({});
}
