/**
 * A copy that was to be the source of another one, and has not the digest that is recorded of it, is read back at once: what it is found to be then is recorded (law 4), as
 * by any verify, and it is repaired like any copy that is found wrong.
 */
import { err, ok, type Result } from "neverthrow";
import { type CopyToVerify, type FileOriginId, nextCopies, type PendingFile, type ReplicaId } from "../inventory/mod.ts";
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { FileSource, PackedResult } from "./copy-messages.ts";
import { replicaPlace } from "./held-up.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import { askToVerify, commitVerified } from "./verify-group.ts";
import { VerifyTotals } from "./verify-totals.ts";

const ONE_COPY = { files: 1, bytes: Number.MAX_SAFE_INTEGER, directories: 1 };

/** `sourceOf`: where each file of the group was read from. A replica that is not there any more is left to its next round; one that hangs is held up. */
export async function readBackDoubted(
  agent: Agent,
  group: readonly PendingFile[],
  { others }: PackedResult,
  sourceOf: (file: PendingFile) => FileSource | undefined,
  ready: readonly CheckedReplica[],
): Promise<Result<void, AgentError>> {
  const doubted = new Map<ReplicaId, FileOriginId[]>();
  for (const [position, outcome] of others) {
    const file = group[position];
    const replica = file && sourceOf(file)?.replica;
    if (outcome.kind !== "failed" || outcome.reason !== "SourceCopyCorrupt" || replica === undefined) continue;
    doubted.set(replica, [...(doubted.get(replica) ?? []), outcome.id]);
  }
  for (const { replica, row, found } of ready) {
    const files = doubted.get(row.id) ?? [];
    if (files.length === 0 || found.kind !== "ready") continue;
    const copies = agent.inventory.readNow((session) => files.flatMap((file): CopyToVerify[] => copyOf(session, row.id, file)));
    if (copies.isErr()) return err(copies.error);
    const target = { replica, row, marker: found.marker };
    const asked = await askToVerify(agent, target, copies.value, { level: "content", background: false });
    if (asked.isErr()) return err(asked.error);
    const { problem, released } = asked.value;
    if (problem !== undefined && released !== undefined) {
      agent.heldUp.hold(replicaPlace(row.id), { detail: problem.message, released });
      continue;
    }
    const settings = { inRound: false, maxLoss: agent.state.scan.maxLoss };
    const judged = await commitVerified(agent, target, asked.value, new VerifyTotals(), settings);
    if (judged.isErr()) return err(judged.error);
  }
  return ok(undefined);
}

const copyOf = (session: Parameters<typeof nextCopies>[0], replica: ReplicaId, file: FileOriginId): CopyToVerify[] =>
  nextCopies(session, replica, file - 1, {}, ONE_COPY).filter(({ id }) => id === file);
