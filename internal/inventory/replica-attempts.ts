/** How often in a row a replica as a whole could not be worked on, kept over restarts. */
import { sql } from "kysely";
import type { ResultAsync } from "neverthrow";
import type { Inventory, Session } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import { originStateCode, type ReplicaId } from "./model.ts";

export interface ReplicaAttempts {
  readonly attempts: number;
  /** Milliseconds since 1970; null when nothing has failed. */
  readonly nextAt: number | null;
}

export function replicaAttempts(session: Session, replica: ReplicaId): ReplicaAttempts {
  const row = session.first(
    session.kysely
      .selectFrom("replica")
      .select(["failed_attempts as attempts", "next_attempt_at as nextAt"])
      .where("id", "=", replica),
  );
  return row ?? { attempts: 0, nextAt: null };
}

/** Writes nothing when it is so already. */
export function setReplicaAttempts(
  inventory: Inventory,
  replica: ReplicaId,
  { attempts, nextAt }: ReplicaAttempts,
): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    const known = replicaAttempts(session, replica);
    if (known.attempts === attempts && known.nextAt === nextAt) return;
    session.run(
      session.kysely.updateTable("replica").set({ failed_attempts: attempts, next_attempt_at: nextAt }).where("id", "=", replica),
    );
  });
}

/**
 * The wall clock was set: what was to happen at a time of the old one happens at that of the new one, so that no wait gets longer or shorter.
 * `by`: milliseconds.
 */
export function moveTimes(inventory: Inventory, by: number): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    const { kysely } = session;
    session.run(kysely.updateTable("attempt").set((row) => ({ next_at: row("next_at", "+", by) })));
    session.run(
      kysely
        .updateTable("replica")
        .set((row) => ({ next_attempt_at: row("next_attempt_at", "+", by) }))
        .where("next_attempt_at", "is not", null),
    );
    session.run(
      kysely
        .updateTable("replica")
        .set((row) => ({ scrub_begun_at: row("scrub_begun_at", "+", by) }))
        .where("scrub_begun_at", "is not", null),
    );
    session.run(
      kysely
        .updateTable("file_origin")
        .set((row) => ({ growing_since: row("growing_since", "+", by) }))
        .where("state", "=", sql.lit(originStateCode("growing"))),
    );
  });
}
