import { type Kysely, type Migration, sql } from "kysely";

/** What the manifests on the replicas lack, directory by directory; and when each replica last got a copy of the inventory. */
export const manifest: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    const { schema } = database;
    await schema
      .createTable("manifest")
      .addColumn("replica_id", "integer", (c) => c.notNull().references("replica.id"))
      .addColumn("directory_id", "integer", (c) => c.notNull().references("directory.id"))
      .addColumn("changes", "bigint", (c) => c.notNull())
      .addColumn("due_since", "bigint")
      .addColumn("written_at", "bigint")
      .addColumn("files", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("manifest_key", ["replica_id", "directory_id"])
      .modifyEnd(sql`without rowid`)
      .execute();
    await schema
      .createIndex("manifest_due")
      .on("manifest")
      .columns(["replica_id", "due_since"])
      .where(sql.ref("due_since"), "is not", null)
      .execute();
    // Every copy that there is stands in none yet.
    await sql`insert into manifest (replica_id, directory_id, changes, due_since, files)
      select distinct r.replica_id, f.directory_id, 1, 0, 0
      from file_replica as r inner join file_origin as f on f.id = r.file_origin_id`.execute(database);
    await schema.alterTable("replica").addColumn("inventory_copied_at", "bigint").execute();
    await schema.alterTable("replica").addColumn("inventory_copied_mark", "bigint").execute();
  },
};
