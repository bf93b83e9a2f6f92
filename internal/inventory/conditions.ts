/**
 * Conditions and events as rows. `lastTransitionAt` moves only when the status does; the rule that says which conditions there are is the agent's.
 */

import { sql } from "kysely";
import type { ResultAsync } from "neverthrow";
import { boundedMessage } from "./_limits.ts";
import type { Inventory, Session } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";

export interface ConditionRow {
  /** "agent", "replica <url>" or "data directory <host>:<path>". */
  readonly subject: string;
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

export interface StoredCondition extends ConditionRow {
  readonly lastTransitionAt: number;
}

/** Replaces the conditions of a subject: those not named are gone. `at`: milliseconds since 1970. */
export function setConditions(
  inventory: Inventory,
  subject: string,
  conditions: readonly Omit<ConditionRow, "subject">[],
  at: number,
): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    const { kysely } = session;
    const before = readConditions(session).filter((condition) => condition.subject === subject);
    for (const old of before) {
      if (conditions.some((condition) => condition.type === old.type)) continue;
      session.run(kysely.deleteFrom("condition").where("subject", "=", subject).where("type", "=", old.type));
    }
    for (const { type, status, reason, message: whole, observedGeneration } of conditions) {
      const message = boundedMessage(whole);
      const old = before.find((condition) => condition.type === type);
      const same = old?.status === status && old.reason === reason && old.message === message;
      if (same && old.observedGeneration === observedGeneration) continue;
      const last_transition_at = old?.status === status ? old.lastTransitionAt : at;
      const values = { status, reason, message, last_transition_at, observed_generation: observedGeneration };
      session.run(
        kysely
          .insertInto("condition")
          .values({ subject, type, ...values })
          .onConflict((conflict) => conflict.columns(["subject", "type"]).doUpdateSet(values)),
      );
    }
  });
}

/** Forgets the conditions of subjects that are not declared any more. */
export function keepConditionsOf(inventory: Inventory, subjects: readonly string[]): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    session.run(session.kysely.deleteFrom("condition").where("subject", "not in", [...subjects, ""]));
  });
}

/** All conditions, by subject and type. */
export function readConditions(session: Session): StoredCondition[] {
  const rows = session.all(session.kysely.selectFrom("condition").selectAll().orderBy("subject").orderBy("type"));
  return rows.map((row) => ({
    subject: row.subject,
    type: row.type,
    status: row.status === "True" ? "True" : row.status === "False" ? "False" : "Unknown",
    reason: row.reason,
    message: row.message,
    lastTransitionAt: row.last_transition_at,
    observedGeneration: row.observed_generation,
  }));
}

export interface EventRow {
  readonly subject: string;
  readonly severity: "info" | "warning" | "error";
  readonly reason: string;
  readonly message: string;
}

/** How many distinct events are kept; the ones not seen for longest go first. */
const KEPT_EVENTS = 10_000;

/** Adds one event, or counts it again when the same one is there. */
export function recordEvent(inventory: Inventory, event: EventRow, at: number): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    const { kysely } = session;
    session.run(
      kysely
        .insertInto("event")
        .values({ ...event, message: boundedMessage(event.message), count: 1, first_at: at, last_at: at })
        .onConflict((conflict) =>
          conflict.columns(["subject", "reason", "message"]).doUpdateSet((update) => ({
            count: update("event.count", "+", 1),
            severity: event.severity,
            last_at: at,
          })),
        ),
    );
    const oldest = kysely
      .selectFrom("event")
      .select("id")
      .orderBy("last_at", "desc")
      .orderBy("id", "desc")
      .limit(-1)
      .offset(KEPT_EVENTS);
    const total = session.first(kysely.selectFrom("event").select(sql<number>`count(*)`.as("count")))?.count ?? 0;
    if (total > KEPT_EVENTS) session.run(kysely.deleteFrom("event").where("id", "in", oldest));
  });
}

/** An event as it is kept. Times are milliseconds since 1970. */
export interface StoredEvent extends EventRow {
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Which events to read; what is left out does not matter. */
export interface EventFilter {
  readonly limit: number;
  /** A part of the subject. */
  readonly subject?: string;
  readonly severities?: readonly EventRow["severity"][];
  readonly reason?: string;
  /** Seen at this time or later: milliseconds since 1970. */
  readonly since?: number;
}

/** The newest events first. */
export function readEvents(session: Session, { limit, subject, severities, reason, since }: EventFilter): StoredEvent[] {
  let query = session.kysely.selectFrom("event").selectAll();
  if (subject !== undefined) query = query.where(sql<boolean>`instr(subject, ${subject}) > 0`);
  if (severities !== undefined) query = query.where("severity", "in", [...severities]);
  if (reason !== undefined) query = query.where("reason", "=", reason);
  if (since !== undefined) query = query.where("last_at", ">=", since);
  return session.all(query.orderBy("last_at", "desc").orderBy("id", "desc").limit(limit)).map((row) => ({
    subject: row.subject,
    severity: row.severity === "error" || row.severity === "warning" ? row.severity : "info",
    reason: row.reason,
    message: row.message,
    count: row.count,
    firstAt: row.first_at,
    lastAt: row.last_at,
  }));
}
