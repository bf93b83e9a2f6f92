/** Writes the manifests of one replica that are due. One that cannot be written holds up nothing: it stays due, and why is told in an event. */
import { err, ok, type Result, ResultAsync } from "neverthrow";
import {
  commitManifests,
  type DueManifest,
  dueManifests,
  dueWrittenManifests,
  type ManifestPatience,
  recordEvent,
} from "../inventory/mod.ts";
import { replicaProblem } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import { type Agent, claimsToWrite, expectReply } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { ReadyReplica, RecordOutcome } from "./pass-options.ts";
import { replicaSubject } from "./status.ts";
import { addressOf } from "./volume-address.ts";

/** At the end of a `sync` everything is written, but for large manifests that were written a moment ago. */
const AT_THE_END: ManifestPatience = { gather: 0, quiet: 0 };
/** While files are copied, a power cut costs the manifests of the last moments. */
export const BESIDE: ManifestPatience = { gather: 10_000, quiet: 10_000 };
/** One flush serves so many. */
const AT_ONCE = 512;
/** One thread writes so many. */
const FEW = 16;

/** Writes what is due. */
export async function writeDueManifests(
  agent: Agent,
  ready: ReadyReplica,
  patience: ManifestPatience = AT_THE_END,
): Promise<Result<RecordOutcome, AgentError>> {
  const { inventory, options } = agent;
  const { id } = ready.row;
  let after = 0;
  while (!options.signal.aborted) {
    const due = inventory.readNow((session) => dueManifests(session, id, agent.now(), patience, after, AT_ONCE));
    if (due.isErr()) return err(due.error);
    const last = due.value.at(-1);
    if (last === undefined) return ok({ isDone: true });
    after = last.directory;
    const tasks = shared(due.value, agent.processors).map((some) => new ResultAsync(writeSome(agent, ready, some)));
    const written = await ResultAsync.combine(tasks);
    if (written.isErr()) return err(written.error);
    const outcome = together(written.value);
    if (!outcome.isDone) return ok(outcome);
  }
  return ok({ isDone: true });
}

/** Several threads may hang in the replica: it is free when all of them have let go. */
function together(outcomes: readonly RecordOutcome[]): RecordOutcome {
  const isDone = outcomes.every((one) => one.isDone);
  const hung = outcomes.flatMap((one) => one.hung ?? []);
  const [first] = hung;
  if (first === undefined) return { isDone };
  const released = Promise.all(hung.map((one) => one.released)).then(() => undefined);
  return { isDone, hung: { problem: first.problem, released } };
}

/** Equal shares, in turn. A few are not worth the sharing. */
function shared(due: readonly DueManifest[], shares: number): DueManifest[][] {
  const parts = Math.min(shares, Math.ceil(due.length / FEW));
  return Array.from({ length: parts }, (_, part) => due.filter((_one, index) => index % parts === part));
}

async function writeSome(
  agent: Agent,
  { replica, row, found }: ReadyReplica,
  manifests: readonly DueManifest[],
): Promise<Result<RecordOutcome, AgentError>> {
  const claims = claimsToWrite(agent, row.id, [...new Set(manifests.map(({ host }) => host))]);
  if (claims.isErr()) return err(claims.error);
  const { reserveBytes } = replica;
  const address = addressOf(agent.state, replica);
  const where = { id: row.id, address, marker: found.marker, claims: claims.value, reserveBytes };
  const at = agent.now();
  const reply = await agent.hands.run({ kind: "write-manifests", request: { replica: where, manifests, at } });
  if (reply.kind === "stalled") {
    const hung = { problem: replicaProblem("WorkerStalled", reply.detail), released: reply.released };
    return (await tell(agent, replica.id, reply.detail)).map((outcome) => ({ ...outcome, hung }));
  }
  const answered = await expectReply(reply, "write-manifests");
  if (answered.isErr()) return err(answered.error);
  const { written, failure, problem, foundNone } = answered.value.result;
  if (foundNone === true) {
    const due = await dueWrittenManifests(agent.inventory, row.id, agent.now());
    if (due.isErr()) return err(due.error);
  }
  const committed = await commitManifests(agent.inventory, row.id, written, agent.now());
  if (committed.isErr()) return err(committed.error);
  const why = problem?.message ?? failure;
  return why === undefined ? ok({ isDone: true }) : tell(agent, replica.id, why);
}

async function tell({ inventory, options, now }: Agent, url: string, why: string): Promise<Result<RecordOutcome, AgentError>> {
  const message = `manifests could not be written: ${why}`;
  options.log.warn(`${printable(url)}: ${message}`);
  const event = { subject: replicaSubject(url), severity: "warning", reason: "ManifestNotWritten", message } as const;
  const recorded = await recordEvent(inventory, event, now());
  return recorded.isErr() ? err(recorded.error) : ok({ isDone: false });
}
