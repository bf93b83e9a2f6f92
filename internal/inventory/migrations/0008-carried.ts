import type { Kysely, Migration } from "kysely";

/** How many lines of a manifest are of copies that this inventory does not know. Null: nobody has looked whether there are any. */
export const carried: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    await database.schema.alterTable("manifest").addColumn("carried", "bigint").execute();
  },
};
