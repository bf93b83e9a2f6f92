/**
 * Which state of a replica's volume this inventory has seen last. A file at the replica's root has a number that is raised whenever copies are recorded; a volume whose number is behind the one that is
 * recorded here, or equal to it by another's doing, is another state of itself: a clone, or a snapshot that was rolled back.
 */
import type { Kysely } from "kysely";
import type { ResultAsync } from "neverthrow";
import type { InventoryTables } from "./database-schema.ts";
import type { Inventory, Session, Transaction } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import type { ReplicaId } from "./model.ts";

export interface Generation {
  readonly number: number;
  /** Random, drawn anew with each number: two volumes that have come to one number by different ways are told apart. */
  readonly token: string;
}

export interface KnownGeneration {
  /** Undefined before the first. */
  readonly generation?: Generation;
  /** Copies were recorded since. */
  readonly due: boolean;
  /** Another state of the volume was taken for the replica then, and not all of it has been read since: milliseconds since 1970. */
  readonly takingSince?: number;
}

export function knownGeneration(session: Session, replica: ReplicaId): KnownGeneration {
  const row = session.statement(selectGeneration).get(replica);
  const number = row?.generation ?? null;
  const taking = row?.takingSince ?? null;
  return {
    due: row?.due !== 0,
    ...(number === null ? {} : { generation: { number, token: row?.token ?? "" } }),
    ...(taking === null ? {} : { takingSince: taking }),
  };
}

const selectGeneration = (kysely: Kysely<InventoryTables>, replica: ReplicaId) =>
  kysely
    .selectFrom("replica")
    .select(["generation", "generation_token as token", "generation_due as due", "taking_since as takingSince"])
    .where("id", "=", replica);

/** Records the generation that the replica has from now on, after that is durable there. Undefined: none could be kept there, and none is due before copies are recorded again. */
export const setGeneration = (
  inventory: Inventory,
  replica: ReplicaId,
  generation: Generation | undefined,
): ResultAsync<void, InventoryError> =>
  inventory.write(({ session }) => {
    const known = generation && { generation: generation.number, generation_token: generation.token };
    session.run(
      session.kysely
        .updateTable("replica")
        .set({ ...known, generation_due: 0 })
        .where("id", "=", replica),
    );
  });

/**
 * Another state of the volume is to be the replica from now on: nothing of it has been read yet, and a round of reading begins. Until `endTaking` the rows tell of what was on the former one.
 * Recorded before the generation is written there: whatever comes between, no volume is believed unread.
 * `at`: milliseconds since 1970.
 */
export const beginTaking = (
  inventory: Inventory,
  replica: ReplicaId,
  { number, token }: Generation,
  at: number,
): ResultAsync<void, InventoryError> =>
  inventory.write(({ session }) => {
    const { kysely } = session;
    const known = { generation: number, generation_token: token, generation_due: 0, taking_since: at };
    const round = { scrub_position: 0, scrub_begun_at: at, scrub_files: 0, scrub_bytes: 0, scrub_whole_since: null };
    session.run(
      kysely
        .updateTable("replica")
        .set({ ...known, ...round })
        .where("id", "=", replica),
    );
    session.run(kysely.updateTable("file_replica").set({ verified_at: null }).where("replica_id", "=", replica));
  });

/** It cannot be taken, and nothing was written to it: what was known before holds, but for what had been read of it. */
export const abandonTaking = (
  inventory: Inventory,
  replica: ReplicaId,
  former: Generation | undefined,
): ResultAsync<void, InventoryError> =>
  inventory.write(({ session }) => {
    const known = { generation: former?.number ?? null, generation_token: former?.token ?? null, taking_since: null };
    session.run(session.kysely.updateTable("replica").set(known).where("id", "=", replica));
  });

/** All of it was read. */
export const endTaking = (inventory: Inventory, replica: ReplicaId): ResultAsync<void, InventoryError> =>
  inventory.write(({ session }) => {
    session.run(session.kysely.updateTable("replica").set({ taking_since: null }).where("id", "=", replica));
  });

/** A part of each transaction that records copies: the generation is to be raised. */
export const dueGeneration = ({ session }: Transaction, replica: ReplicaId): void => {
  session.statement(updateDue).run(replica);
};

const updateDue = (kysely: Kysely<InventoryTables>, replica: ReplicaId) =>
  kysely.updateTable("replica").set({ generation_due: 1 }).where("id", "=", replica).where("generation_due", "=", 0);
