/** The events of the inventory, for a person who asks. Takes no lock. */
import { err, ok, type Result } from "neverthrow";
import type { DesiredState } from "../config/mod.ts";
import { type EventFilter, openInventoryForReading, readEvents } from "../inventory/mod.ts";
import { COPY_FAILURES } from "../replicate/mod.ts";
import { isoTime } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { REASONS } from "./condition.ts";

/** What `events --json` prints: what happened, how often, when first and last (ISO 8601, UTC). */
export interface EventDocument {
  readonly subject: string;
  readonly severity: Severity;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly first: string;
  readonly last: string;
}

/** From the mildest to the worst. */
export const SEVERITIES = ["info", "warning", "error"] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface EventQuestion extends Omit<EventFilter, "severities"> {
  /** This severe or worse. */
  readonly severity?: Severity;
}

/** Every reason that an event of this release can have. */
export const EVENT_REASONS: readonly string[] = Object.keys({ ...REASONS, ...COPY_FAILURES });

/** The newest first; none where there is no inventory yet. */
export function listEvents(state: DesiredState, { severity, ...question }: EventQuestion): Result<EventDocument[], AgentError> {
  const opened = openInventoryForReading(state.database);
  if (opened.isErr()) return opened.error.kind === "inventory-missing" ? ok([]) : err(opened.error);
  const session = opened.value;
  const filter: EventFilter =
    severity === undefined ? question : { ...question, severities: SEVERITIES.slice(SEVERITIES.indexOf(severity)) };
  const events = session.readNow(() => readEvents(session, filter));
  session.close();
  return events.map((all) =>
    all.map(({ firstAt, lastAt, ...event }) => ({ ...event, first: isoTime(firstAt), last: isoTime(lastAt) })),
  );
}
