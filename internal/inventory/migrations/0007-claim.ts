import { type Kysely, type Migration, sql } from "kysely";

/** What the claim of an origin host at a replica came to when it was last raised: a volume whose claim says less is an older state of it. */
export const claim: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    await database.schema
      .createTable("claim")
      .addColumn("replica_id", "integer", (c) => c.notNull().references("replica.id"))
      .addColumn("host_id", "integer", (c) => c.notNull().references("host.id"))
      .addColumn("generation", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("claim_key", ["replica_id", "host_id"])
      .modifyEnd(sql`without rowid`)
      .execute();
  },
};
