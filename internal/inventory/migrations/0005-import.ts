import type { Kysely, Migration } from "kysely";

/** Copies that were found at a replica and not made by us: whether their origins agree with them, where they lie, and how far the finding of them has come. */
export const importing: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    const { schema } = database;
    await schema
      .createTable("place")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("path", "text", (c) => c.notNull().unique())
      .execute();
    await schema.alterTable("file_replica").addColumn("imported", "smallint").execute();
    await schema.alterTable("file_replica").addColumn("created_at", "bigint").execute();
    await schema
      .alterTable("file_replica")
      .addColumn("place_id", "integer", (c) => c.references("place.id"))
      .execute();
    await schema.alterTable("replica").addColumn("imported_at", "bigint").execute();
    await schema
      .createTable("import_progress")
      .addColumn("replica_id", "integer", (c) => c.notNull().references("replica.id"))
      .addColumn("folder", "text", (c) => c.notNull())
      .addColumn("position", "text")
      .addColumn("ended", "integer", (c) => c.notNull())
      .addPrimaryKeyConstraint("import_progress_key", ["replica_id", "folder"])
      .execute();
  },
};
