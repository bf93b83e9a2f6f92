import type { Kysely, Migration } from "kysely";

/** What is known of copies beyond their making: when each was read back, how far a replica's round of reading has come, and what was found wrong. */
export const evidence: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    const { schema } = database;
    await schema.alterTable("file_replica").addColumn("verified_at", "bigint").execute();
    for (const column of ["scrub_position", "scrub_files", "scrub_bytes"]) {
      await schema
        .alterTable("replica")
        .addColumn(column, "bigint", (c) => c.notNull().defaultTo(0))
        .execute();
    }
    await schema.alterTable("replica").addColumn("scrub_begun_at", "bigint").execute();
    await schema.alterTable("replica").addColumn("scrub_whole_since", "bigint").execute();
    await schema
      .createTable("finding")
      .addColumn("replica_id", "integer", (c) => c.notNull().references("replica.id"))
      .addColumn("file_origin_id", "integer", (c) => c.notNull().references("file_origin.id"))
      .addColumn("state", "smallint", (c) => c.notNull())
      .addColumn("found_at", "bigint", (c) => c.notNull())
      .addColumn("expected_digest", "blob")
      .addColumn("found_digest", "blob")
      .addColumn("message", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("finding_key", ["replica_id", "file_origin_id"])
      .execute();
  },
};
