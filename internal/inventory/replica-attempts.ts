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

/** What no time that is kept may lie beyond. Milliseconds since 1970. */
export interface TimeBounds {
  readonly now: number;
  /** Nobody waits for longer than until then. */
  readonly latestAttempt: number;
}

/**
 * The wall clock was set: what was to happen at a time of the old one happens at that of the new one, so that no wait gets longer or shorter. What was kept after the
 * setting, before it was noticed, is moved as well, and what was kept by a clock that was wrong while no agent ran is not: so nothing may come to lie beyond what can
 * be. `by`: milliseconds; 0 when only the bounds are to be kept.
 */
export function moveTimes(
  inventory: Inventory,
  by: number,
  { now, latestAttempt }: TimeBounds,
): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    const { kysely } = session;
    session.run(
      kysely
        .updateTable("attempt")
        .set({ next_at: sql<number>`min(next_at + ${by}, ${latestAttempt})` })
        .$if(by === 0, (update) => update.where("next_at", ">", latestAttempt)),
    );
    session.run(
      kysely
        .updateTable("replica")
        .set({ next_attempt_at: sql<number>`min(next_attempt_at + ${by}, ${latestAttempt})` })
        .where("next_attempt_at", "is not", null)
        .$if(by === 0, (update) => update.where("next_attempt_at", ">", latestAttempt)),
    );
    session.run(
      kysely
        .updateTable("replica")
        .set({ scrub_begun_at: sql<number>`min(scrub_begun_at + ${by}, ${now})` })
        .where("scrub_begun_at", "is not", null)
        .$if(by === 0, (update) => update.where("scrub_begun_at", ">", now)),
    );
    session.run(
      kysely
        .updateTable("file_origin")
        .set({ growing_since: sql<number>`min(growing_since + ${by}, ${now})` })
        .where("state", "=", sql.lit(originStateCode("growing")))
        .$if(by === 0, (update) => update.where("growing_since", ">", now)),
    );
  });
}
