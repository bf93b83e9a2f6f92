import type { Kysely, Migration } from "kysely";

/** Which directories lie on another file system than their data directory's root. */
export const mounted: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    await database.schema
      .alterTable("directory")
      .addColumn("mounted", "integer", (c) => c.notNull().defaultTo(0))
      .execute();
  },
};
