/**
 * How far the claims at a replica have come: each is raised by a pass that copies, before a row says `current`. A row here never says more than what is durable
 * there, so that a volume whose claim says less is an older state of itself: a clone, or a snapshot that was rolled back.
 */
import type { Kysely } from "kysely";
import type { ResultAsync } from "neverthrow";
import type { InventoryTables } from "./database-schema.ts";
import type { Inventory, Session } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import type { ReplicaId } from "./model.ts";

/** By the name of the origin host. */
export type ClaimGenerations = ReadonlyMap<string, number>;

/** What the claims at a replica came to when they were last raised. */
export const claimGenerations = (session: Session, replica: ReplicaId): ClaimGenerations =>
  new Map(
    session
      .statement(selectGenerations)
      .all(replica)
      .map(({ host, generation }) => [host, generation]),
  );

const selectGenerations = (kysely: Kysely<InventoryTables>, replica: ReplicaId) =>
  kysely
    .selectFrom("claim as c")
    .innerJoin("host as h", "h.id", "c.host_id")
    .select(["h.name as host", "c.generation"])
    .where("c.replica_id", "=", replica);

/** Records what the claims came to, after they are durable. */
export const setClaimGenerations = (
  inventory: Inventory,
  replica: ReplicaId,
  generations: ClaimGenerations,
): ResultAsync<void, InventoryError> =>
  inventory.write(({ session }) => {
    for (const [host, generation] of generations) session.statement(upsertGeneration).run(replica, generation, host);
  });

const upsertGeneration = (kysely: Kysely<InventoryTables>, replica: ReplicaId, generation: number, host: string) =>
  kysely
    .insertInto("claim")
    .columns(["replica_id", "host_id", "generation"])
    .expression((from) =>
      from
        .selectFrom("host")
        .select((host) => [host.val(replica).as("replica_id"), "host.id as host_id", host.val(generation).as("generation")])
        .where("host.name", "=", host),
    )
    .onConflict((conflict) =>
      conflict.columns(["replica_id", "host_id"]).doUpdateSet((update) => ({ generation: update.ref("excluded.generation") })),
    );
