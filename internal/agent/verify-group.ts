/** A group of copies: a worker reads them back, the controller commits what came of it. The one-shot command and the continuous rounds share this. */
import { err, ok, type Result } from "neverthrow";
import type { Replica } from "../config/mod.ts";
import {
  type CopyToVerify,
  type DeclaredReplica,
  type FileOriginId,
  recordEvent,
  recordEvidence,
  type Verdict,
  type VerifiedCopy,
} from "../inventory/mod.ts";
import { type ReplicaProblem, replicaProblem, type VerifyLevel, type VerifyOutcome } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import { type Agent, claimsToRead, expectReply } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { TaskHandlers } from "./hands.ts";
import { replicaSubject } from "./status.ts";
import type { VerifyTotals } from "./verify-totals.ts";
import { addressOf } from "./volume-address.ts";

export interface VerifyTarget {
  readonly replica: Replica;
  readonly row: DeclaredReplica;
  readonly marker: string;
  /** Every copy must be read: at one of which nothing can be said it stops, and goes on there. But for those of others. */
  readonly wholly?: boolean;
  /** What all who read back at this replica share. */
  readonly limit?: { readonly shared: SharedArrayBuffer; readonly bytesPerSecond: number };
}

export interface AskedGroup {
  readonly copies: readonly CopyToVerify[];
  readonly outcomes: readonly VerifyOutcome[];
  readonly problem?: ReplicaProblem;
  /** A worker hangs in the replica until then. */
  readonly released?: Promise<void>;
}

/** Has a worker look at the copies, or read them back. */
export async function askToVerify(
  agent: Agent,
  { replica, row, marker, limit }: VerifyTarget,
  copies: readonly CopyToVerify[],
  { level, background }: { readonly level: VerifyLevel; readonly background: boolean },
  onProgress: TaskHandlers["onProgress"] = () => undefined,
): Promise<Result<AskedGroup, AgentError>> {
  const known = claimsToRead(agent, row.id, [...new Set(copies.map(({ host }) => host))]);
  if (known.isErr()) return err(known.error);
  const claims = known.value;
  const where = { address: addressOf(agent.state, replica), marker, claims, ...(limit === undefined ? {} : { limit }) };
  const reply = await agent.hands.run({ kind: "verify", background, request: { replica: where, level, copies } }, { onProgress });
  if (reply.kind === "stalled") {
    return ok({ copies, outcomes: [], problem: replicaProblem("WorkerStalled", reply.detail), released: reply.released });
  }
  return (await expectReply(reply, "verify")).map(({ result }) => ({ copies, ...result }));
}

export interface CommittedGroup {
  readonly verdicts: readonly Verdict[];
  /** So many copies are no longer what they were found to be. */
  readonly takenBack: number;
  /** Some copies were not looked at: whoever goes on begins with the first of them. */
  readonly isWhole: boolean;
  /** Why too much is gone at once. */
  readonly frozen?: string;
}

/** Commits what came of a group. `inRound`: the replica's round goes on by it. */
export async function commitVerified(
  agent: Agent,
  { replica, row, wholly }: VerifyTarget,
  { copies, outcomes }: AskedGroup,
  totals: VerifyTotals,
  { inRound, maxLoss }: { readonly inRound: boolean; readonly maxLoss: number },
): Promise<Result<CommittedGroup, AgentError>> {
  totals.add(copies, outcomes);
  const frozen = totals.tooMuchLost(maxLoss);
  // A copy that is taken for nothing may stay unread.
  const wrong = new Set(copies.flatMap(({ id, verdict }) => (verdict === undefined ? [] : [id])));
  const counted = outcomes.filter(
    (outcome) => wholly !== true || outcome.kind !== "unread" || outcome.theirs === true || wrong.has(outcome.id),
  );
  const byId = new Map(counted.map((outcome) => [outcome.id, outcome]));
  const verified: VerifiedCopy[] = [];
  const verdicts: Verdict[] = [];
  for (const { id, copiedAt, verdict } of copies) {
    const outcome = byId.get(id);
    if (outcome?.kind === "good" && outcome.read)
      verified.push({ ...verifiedOf(outcome, copiedAt), ...(verdict && { verdict }) });
    else if (outcome?.kind === "finding") verdicts.push(verdictOf(outcome, copiedAt));
  }
  // What was read and is wrong is wrong, whatever else is missing.
  const written = frozen === undefined ? verdicts : verdicts.filter(({ state }) => state === "corrupt");
  const firstUntried = copies.findIndex(({ id }) => !byId.has(id));
  const done = firstUntried < 0 ? copies : copies.slice(0, firstUntried);
  const last = done.at(-1);
  // What was wrong and still is counts for nothing: the round is measured by the others.
  const read = done.filter(({ id, verdict }) => verdict === undefined || byId.get(id)?.kind === "good");
  const bytes = read.reduce((total, { kept }) => total + kept.size, 0);
  const step = inRound && frozen === undefined && last ? { step: { position: last.id, files: read.length, bytes } } : {};
  const recorded = await recordEvidence(agent.inventory, row.id, { verified, verdicts: written, ...step }, agent.now());
  if (recorded.isErr()) return err(recorded.error);
  totals.judged(recorded.value);
  const { verdicts: told, takenBack } = recorded.value;
  tellTakenBack(agent, replica, copies, takenBack);
  const noted = await tell(agent, replica, copies, told);
  if (noted.isErr()) return err(noted.error);
  agent.options.observer?.verified(replica.id, verified.length, bytesOf(copies, verified));
  const whole = { verdicts: told, takenBack: takenBack.length, isWhole: firstUntried < 0 };
  return ok(frozen === undefined ? whole : { ...whole, frozen });
}

function bytesOf(copies: readonly CopyToVerify[], verified: readonly VerifiedCopy[]): number {
  const sizes = new Map(copies.map(({ id, kept }) => [id, kept.size]));
  return verified.reduce((total, { file }) => total + (sizes.get(file) ?? 0), 0);
}

const verifiedOf = ({ id, digest, kept }: Extract<VerifyOutcome, { kind: "good" }>, copiedAt: number): VerifiedCopy => ({
  file: id,
  copiedAt,
  ...(digest === undefined ? {} : { digest }),
  ...(kept === undefined ? {} : { kept }),
});

function verdictOf(finding: Extract<VerifyOutcome, { kind: "finding" }>, copiedAt: number): Verdict {
  const { id, state, message, expected, found } = finding;
  const bytes = { ...(expected === undefined ? {} : { expected }), ...(found === undefined ? {} : { found }) };
  return { file: id, copiedAt, state, message, ...bytes };
}

function tellTakenBack(agent: Agent, { id }: Replica, copies: readonly CopyToVerify[], takenBack: readonly FileOriginId[]): void {
  const copy = copies.find((one) => one.id === takenBack[0]);
  if (copy === undefined) return;
  const more = takenBack.length === 1 ? "" : `, and ${takenBack.length - 1} more`;
  const { host, directoryPath, name, verdict } = copy;
  const what = `${printable(`${host}:${directoryPath}/${name}`)} was ${verdict}, and is what was recorded again${more}`;
  agent.options.log.info(`${printable(id)}: ${what}`);
}

/** Verdicts are written once, and told once: each group's in one event, with the first for an example. */
async function tell(
  agent: Agent,
  replica: Replica,
  copies: readonly CopyToVerify[],
  verdicts: readonly Verdict[],
): Promise<Result<void, AgentError>> {
  const [first] = verdicts;
  const copy = first && copies.find(({ id }) => id === first.file);
  if (first === undefined || copy === undefined) return ok(undefined);
  const { host, directoryPath, name } = copy;
  const more = verdicts.length === 1 ? "" : `, and ${verdicts.length - 1} more`;
  const message = `${first.state}: ${printable(`${host}:${directoryPath}/${name}`)}: ${first.message}${more}`;
  agent.options.log.warn(`${printable(replica.id)}: ${message}`);
  const event = { subject: replicaSubject(replica.id), severity: "warning", reason: "FindingsFound", message } as const;
  return recordEvent(agent.inventory, event, agent.now());
}
