import { type Kysely, type Migration, sql } from "kysely";

/**
 * What a controller that runs for ever asks: which attempts are due, which files grow and since when, how often a
 * replica has failed.
 */
export const controller: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    const { schema } = database;
    await schema.createIndex("attempt_due").on("attempt").columns(["replica_id", "next_at"]).execute();
    await schema.alterTable("file_origin").addColumn("growing_since", "bigint").execute();
    await schema
      .createIndex("file_origin_growing")
      .on("file_origin")
      .column("id")
      .where(sql.ref("state"), "=", sql.lit(1))
      .execute();
    await schema
      .alterTable("replica")
      .addColumn("failed_attempts", "integer", (c) => c.notNull().defaultTo(0))
      .execute();
    await schema.alterTable("replica").addColumn("next_attempt_at", "bigint").execute();
  },
};
