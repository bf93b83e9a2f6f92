/** Runs: when a command scanned or synced, what it did, how it ended. A run without an end was killed. */
import { sql } from "kysely";
import type { ResultAsync } from "neverthrow";
import type { Inventory, Session } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";

export type RunKind = "scan" | "plan" | "sync";
export type RunOutcome = "converged" | "not-converged" | "failed" | "stopped";

export interface RunTotals {
  readonly copiedFiles: number;
  readonly copiedBytes: number;
  readonly adoptedFiles: number;
  readonly failedFiles: number;
}

export interface Run extends RunTotals {
  readonly id: number;
  readonly kind: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly outcome: string | null;
}

/** How many runs are kept. */
const KEPT_RUNS = 1_000;

export function beginRun(inventory: Inventory, kind: RunKind, startedAt: number): ResultAsync<number, InventoryError> {
  return inventory.write(({ session }) => {
    const values = { kind, started_at: startedAt, ended_at: null, outcome: null };
    const totals = { copied_files: 0, copied_bytes: 0, adopted_files: 0, failed_files: 0 };
    const row = session.first(
      session.kysely
        .insertInto("run")
        .values({ ...values, ...totals })
        .returning("id"),
    );
    const id = row?.id ?? 0;
    session.run(session.kysely.deleteFrom("run").where("id", "<=", id - KEPT_RUNS));
    return id;
  });
}

export function endRun(
  inventory: Inventory,
  id: number,
  outcome: RunOutcome,
  totals: RunTotals,
  endedAt: number,
): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    session.run(
      session.kysely
        .updateTable("run")
        .set({
          ended_at: endedAt,
          outcome,
          copied_files: totals.copiedFiles,
          copied_bytes: totals.copiedBytes,
          adopted_files: totals.adoptedFiles,
          failed_files: totals.failedFiles,
        })
        .where("id", "=", id),
    );
  });
}

/** How many runs there have been, and the newest ones first. */
export function readRuns(session: Session, limit: number): { readonly total: number; readonly newest: readonly Run[] } {
  const { kysely } = session;
  const total = session.first(kysely.selectFrom("run").select(sql<number>`coalesce(max(id), 0)`.as("total")))?.total ?? 0;
  const newest = session.all(
    kysely
      .selectFrom("run")
      .select(["id", "kind", "started_at as startedAt", "ended_at as endedAt", "outcome"])
      .select(["copied_files as copiedFiles", "copied_bytes as copiedBytes"])
      .select(["adopted_files as adoptedFiles", "failed_files as failedFiles"])
      .orderBy("id", "desc")
      .limit(limit),
  );
  return { total, newest };
}
