import type { Kysely, Migration } from "kysely";

/** Which directories were mount points when they were listed last. */
export const mounted: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    await database.schema
      .alterTable("directory")
      .addColumn("mounted", "integer", (c) => c.notNull().defaultTo(0))
      .execute();
  },
};
