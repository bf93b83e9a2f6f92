import type { Kysely, Migration } from "kysely";

/** Which state of a replica's volume was seen last, so that an older one is known; and whether copies were recorded since. */
export const generation: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    const { schema } = database;
    await schema.alterTable("replica").addColumn("generation", "bigint").execute();
    await schema.alterTable("replica").addColumn("generation_token", "text").execute();
    await schema
      .alterTable("replica")
      .addColumn("generation_due", "integer", (c) => c.notNull().defaultTo(1))
      .execute();
    await schema.alterTable("replica").addColumn("taking_since", "bigint").execute();
  },
};
